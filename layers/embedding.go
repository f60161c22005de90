package layers

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Layer = (*Embedding)(nil)

// Embedding looks up a row of a table for each index: "weight" [vocabulary, width].
type Embedding struct {
	Weight *graph.Param
	// Padding is an index whose row is never trained, -1 if there is none.
	Padding int
}

// NewEmbedding draws the table from N(0, 1), as PyTorch does.
func NewEmbedding(vocabulary, width int, rng *rand.Rand) *Embedding {
	return &Embedding{Weight: graph.NewParam(graph.Normal(1), rng, vocabulary, width), Padding: -1}
}

// Apply takes indices [N] and returns [N, width].
func (e *Embedding) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	return b.Gather(b.Param(e.Weight), x, e.Padding)
}

// Params returns the table.
func (e *Embedding) Params() []graph.NamedParam {
	return []graph.NamedParam{{Name: "weight", Param: e.Weight}}
}
