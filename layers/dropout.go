package layers

import "github.com/gobptt/bptt/graph"

var _ Layer = Dropout(0)

// Dropout sets each element to 0 with this probability while training, and scales the rest by 1/(1-p).
type Dropout float64

// Apply returns x in evaluation.
func (d Dropout) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	if d == 0 || !b.Window().Train || x == nil {
		return x
	}
	return b.Dropout(x, b.DropoutMask(float64(d), x.Shape()...))
}

// Params returns none.
func (d Dropout) Params() []graph.NamedParam { return nil }
