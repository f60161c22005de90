package layers

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
)

var _ Layer = VariationalDropout(0)

// VariationalDropout is dropout on a sequence x [T*B, F] with one mask [B, F] for all time steps of a window, another for
// every sequence (Gal and Ghahramani 2016, also called locked dropout). The number is the probability, as for Dropout.
type VariationalDropout float64

// Apply returns x in evaluation.
func (d VariationalDropout) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	Dropout(d).check(b)
	w := b.Window()
	if d == 0 || !w.Train || b.Err() != nil {
		return x
	}
	if x.Dim(0) != w.T*w.B {
		b.Fail(&graph.ShapeError{Op: "VariationalDropout", Got: fmt.Sprint(x.Shape()), Want: fmt.Sprintf("[%d, F]", w.T*w.B)})
		return nil
	}
	rest := x.Shape()[1:]
	mask := b.PerWindow(func() *graph.Node { return b.DropoutMask(float64(d), append([]int{w.B}, rest...)...) })
	y := b.Dropout(b.Reshape(x, append([]int{w.T, w.B}, rest...)...), mask)
	return b.Reshape(y, x.Shape()...)
}

// Params returns none.
func (d VariationalDropout) Params() []graph.NamedParam { return nil }
