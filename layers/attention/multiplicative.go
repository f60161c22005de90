package attention

import (
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var (
	_ Mechanism = Dot{}
	_ Mechanism = (*General)(nil)
)

// Dot scores a step of the memory by its inner product with the query (Luong et al. 2015, "dot"): e = q·m. Queries and
// memory have one width.
type Dot struct{}

// Over implements Mechanism.
func (Dot) Over(b *graph.Builder, memory, mask *graph.Node) Reader {
	memory = valid(b, memory, mask)
	return newReader(b, memory, mask, func(b *graph.Builder, query *graph.Node) *graph.Node {
		return b.AttentionScores(query, memory, 1, 1)
	})
}

// Params returns none.
func (Dot) Params() []graph.NamedParam { return nil }

// General scores a step of the memory by a bilinear form (Luong et al. 2015, "general"): e = q·weight·mᵀ, with "weight"
// [Dq, D].
type General struct {
	Weight *graph.Param
}

// NewGeneral draws the weight from U(-1/√memory, 1/√memory), for queries and memory of the given widths.
func NewGeneral(query, memory int, rng *rand.Rand) *General {
	return &General{graph.NewParam(graph.Uniform(1/math.Sqrt(float64(memory))), rng, query, memory)}
}

// Over implements Mechanism.
func (g *General) Over(b *graph.Builder, memory, mask *graph.Node) Reader {
	memory = valid(b, memory, mask)
	keys := b.Linear(memory, b.Param(g.Weight), nil)
	return newReader(b, memory, mask, func(b *graph.Builder, query *graph.Node) *graph.Node {
		return b.AttentionScores(query, keys, 1, 1)
	})
}

// Params returns the weight.
func (g *General) Params() []graph.NamedParam {
	return []graph.NamedParam{{Name: "weight", Param: g.Weight}}
}
