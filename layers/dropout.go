package layers

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
)

var _ Layer = Dropout(0)

// Dropout sets each element to 0 with this probability while training, and scales the rest by 1/(1-p).
type Dropout float64

// Apply returns x in evaluation.
func (d Dropout) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	d.check(b)
	if d == 0 || !b.Window().Train || b.Err() != nil {
		return x
	}
	return b.Dropout(x, b.DropoutMask(float64(d), x.Shape()...))
}

// check finds a bad probability also where it isn't used.
func (d Dropout) check(b *graph.Builder) {
	if !(d >= 0 && d < 1) {
		b.Fail(&graph.ArgumentError{Op: "Dropout", Name: "probability", Got: fmt.Sprint(float64(d)), Want: "0 ≤ p < 1"})
	}
}

// Params returns none.
func (d Dropout) Params() []graph.NamedParam { return nil }
