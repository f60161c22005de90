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
	// Dropout is the probability with which, while training, a row of the table is dropped: the same words for all of a
	// window, wherever they occur (Gal and Ghahramani 2016; Merity et al. 2018). In [0, 1).
	Dropout float64
}

// NewEmbedding draws the table from N(0, 1), as PyTorch does.
func NewEmbedding(vocabulary, width int, rng *rand.Rand) *Embedding {
	return &Embedding{Weight: graph.NewParam(graph.Normal(1), rng, vocabulary, width), Padding: -1}
}

// Apply takes indices [N] and returns [N, width].
func (e *Embedding) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	y := b.Gather(b.Param(e.Weight), x, e.Padding)
	Dropout(e.Dropout).check(b)
	if e.Dropout == 0 || !b.Window().Train || b.Err() != nil {
		return y
	}
	mask := b.PerWindow(func() *graph.Node { return b.DropoutMask(e.Dropout, e.Weight.Shape()[0], 1) })
	return b.Dropout(y, b.Gather(mask, x, -1))
}

// Params returns the table.
func (e *Embedding) Params() []graph.NamedParam {
	return []graph.NamedParam{{Name: "weight", Param: e.Weight}}
}
