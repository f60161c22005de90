package layers

import (
	"fmt"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Layer = (*Embedding)(nil)

// Embedding looks up a row of a table for each index: "weight" [vocabulary, width].
//
// Set Weight.Frozen for a table that is saved with the model but not trained.
type Embedding struct {
	Weight *graph.Param
	// Padding is an index whose row has no gradient, -1 if there is none.
	Padding int
	// Dropout is the probability with which, while training, a row of the table is dropped: the same words for all of a
	// window, wherever they occur (Gal and Ghahramani 2016; Merity et al. 2018). In [0, 1).
	Dropout float64
}

// NewEmbedding draws the table from N(0, 1), as PyTorch does.
func NewEmbedding(vocabulary, width int, rng *rand.Rand) *Embedding {
	return &Embedding{Weight: graph.NewParam(graph.Normal(1), rng, vocabulary, width), Padding: -1}
}

// NewPaddedEmbedding is NewEmbedding with an index for padding, whose row is 0.
func NewPaddedEmbedding(vocabulary, width, padding int, rng *rand.Rand) *Embedding {
	e := NewEmbedding(vocabulary, width, rng)
	e.Padding = padding
	if e.Weight.Err() == nil && padding >= 0 && padding < vocabulary {
		for i := range width {
			e.Weight.Value.SetAt(padding*width+i, 0)
		}
	}
	return e
}

// NewPretrainedEmbedding begins with the rows of a given table [vocabulary, width].
func NewPretrainedEmbedding(table *graph.Tensor) *Embedding {
	return &Embedding{Weight: graph.ParamOf(table), Padding: -1}
}

// Apply takes indices [N] and returns [N, width].
func (e *Embedding) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	table := b.Param(e.Weight)
	if b.Err() == nil && e.Padding >= table.Dim(0) {
		want := fmt.Sprintf("an index below %d, or -1", table.Dim(0))
		b.Fail(&graph.ArgumentError{Op: "Embedding", Name: "Padding", Got: fmt.Sprint(e.Padding), Want: want})
	}
	y := b.Gather(table, x, e.Padding)
	Dropout(e.Dropout).check(b)
	if e.Dropout == 0 || !b.Window().Train || b.Err() != nil {
		return y
	}
	mask := b.PerWindow(func() *graph.Node { return b.DropoutMask(e.Dropout, table.Dim(0), 1) })
	return b.Dropout(y, b.Gather(mask, x, -1))
}

// Params returns the table.
func (e *Embedding) Params() []graph.NamedParam {
	return []graph.NamedParam{{Name: "weight", Param: e.Weight}}
}
