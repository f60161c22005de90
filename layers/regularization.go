package layers

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/graph"
)

var _ Layer = ActivationRegularization{}

// ActivationRegularization passes a sequence x [T*B, F] on as it is, and adds to the cost while training (Merity et al.
// 2018)
//
//	Alpha · mean(x²)               activation regularization, AR
//	Beta · mean((x_t - x_{t-1})²)  temporal activation regularization, TAR
//
// with means over all elements. Of a sequence with a step mask, only valid steps and pairs of them count. In the AWD-LSTM
// Beta is at work on the last recurrent layer's output, and Alpha on the same after dropout: one layer of this type
// before the dropout, one behind it.
type ActivationRegularization struct {
	Alpha, Beta float64 // at least 0; the paper's are 2 and 1
}

// Apply returns x.
func (r ActivationRegularization) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	r.check(b, "Alpha", r.Alpha)
	r.check(b, "Beta", r.Beta)
	w := b.Window()
	if !w.Train || b.Err() != nil {
		return x
	}
	if n := w.T * w.B; len(x.Shape()) != 2 || x.Dim(0) != n {
		b.Fail(&graph.ShapeError{Op: "ActivationRegularization", Got: fmt.Sprint(x.Shape()), Want: fmt.Sprintf("[%d, F]", n)})
		return nil
	}
	if b.Stepping() {
		b.Fail(&graph.ArgumentError{Op: "ActivationRegularization", Name: "window", Got: "a step of EachStep", Want: "all time steps, as the means are over them"})
		return nil
	}
	if r.Alpha > 0 {
		b.AddCost(b.Scale(meanSquare(b, x, b.StepMask()), r.Alpha))
	}
	if r.Beta > 0 && w.T > 1 {
		// Row t*B+b+B is the following step of row t*B+b.
		tail := func(n *graph.Node) *graph.Node { return b.Slice(n, 0, w.B, w.T*w.B) }
		head := func(n *graph.Node) *graph.Node { return b.Slice(n, 0, 0, (w.T-1)*w.B) }
		mask := b.StepMask()
		if mask != nil {
			mask = b.Mul(tail(mask), head(mask))
		}
		b.AddCost(b.Scale(meanSquare(b, b.Sub(tail(x), head(x)), mask), r.Beta))
	}
	return x
}

func (r ActivationRegularization) check(b *graph.Builder, name string, v float64) {
	if !(v >= 0 && v <= math.MaxFloat64) {
		b.Fail(&graph.ArgumentError{Op: "ActivationRegularization", Name: name, Got: fmt.Sprint(v), Want: "a finite number, at least 0"})
	}
}

// meanSquare writes the mean of v² [N, F] over the rows that mask [N] holds, 0 if there are none; a nil mask holds all.
func meanSquare(b *graph.Builder, v, mask *graph.Node) *graph.Node {
	if mask == nil {
		return b.Mean(b.Square(v))
	}
	count := b.Scale(b.Clamp(b.Sum(mask), 1, float64(mask.Dim(0))), float64(v.Dim(1)))
	return b.Div(b.Sum(b.Square(b.Mask(v, mask))), count)
}

// Params returns none.
func (r ActivationRegularization) Params() []graph.NamedParam { return nil }
