package loss

import (
	"fmt"
	"slices"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// MSE is the mean squared error: the mean of (output - target)² over all elements. The input "target" has the output's
// shape.
type MSE struct{}

// Cost writes the loss.
func (MSE) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	target := b.Input(seqdata.Target)
	if !slices.Equal(output.Shape(), target.Shape()) { // they could broadcast
		got, want := fmt.Sprint("target ", target.Shape()), fmt.Sprint("the output's shape ", output.Shape())
		b.Fail(&graph.ShapeError{Op: "MSE", Got: got, Want: want})
		return nil
	}
	return b.Mean(b.Square(b.Sub(output, target)))
}
