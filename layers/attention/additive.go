package attention

import (
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Mechanism = (*Additive)(nil)

// Additive scores a step of the memory by a small network (Bahdanau, Cho and Bengio 2015):
//
//	e = v · tanh(q·Wᵀ + m·Uᵀ)
//
// "query.weight" W is [units, Dq], "key.weight" U [units, D], and "score.weight" v [1, units]; there are no biases.
// Luong et al. 2015 call it "concat", and write W and U as one matrix.
type Additive struct {
	Query, Key, Score *graph.Param
}

// NewAdditive draws each weight from U(-1/√n, 1/√n), n being what it is multiplied with: the widths of queries and
// memory, and the units.
func NewAdditive(query, memory, units int, rng *rand.Rand) *Additive {
	draw := func(out, in int) *graph.Param {
		return graph.NewParam(graph.Uniform(1/math.Sqrt(float64(in))), rng, out, in)
	}
	return &Additive{Query: draw(units, query), Key: draw(units, memory), Score: draw(1, units)}
}

// Over implements Mechanism.
func (a *Additive) Over(b *graph.Builder, memory, mask *graph.Node) Reader {
	memory = valid(b, memory, mask)
	keys := b.Linear(memory, b.Param(a.Key), nil)
	weight, vector := b.Param(a.Query), b.Reshape(b.Param(a.Score), -1)
	return newReader(b, memory, mask, func(b *graph.Builder, query *graph.Node) *graph.Node {
		return b.AdditiveScores(b.Linear(query, weight, nil), keys, vector)
	})
}

// Params returns the three weights.
func (a *Additive) Params() []graph.NamedParam {
	return []graph.NamedParam{{Name: "query.weight", Param: a.Query}, {Name: "key.weight", Param: a.Key}, {Name: "score.weight", Param: a.Score}}
}
