package train

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/missing"
	"github.com/gobptt/bptt/seqdata"
)

var _ Model = Auxiliary{}

// Auxiliary is a layer that passes on what it is given and, while training, adds the loss of a head on it to what is
// minimized: deep supervision, or another task on an inner layer's output. The loss that the Trainer reports is that of the
// whole model alone. Its parameters are the head's.
type Auxiliary struct {
	Head   Model
	Loss   Loss
	Weight float64 // of the head's loss; required
	Target string  // the batch's array that is the head's target; "" means that of the model, "target"
}

// Apply returns x.
func (a Auxiliary) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	if missing.Value(a.Head) || missing.Value(a.Loss) || a.Weight == 0 || math.IsNaN(a.Weight) || math.IsInf(a.Weight, 0) {
		b.Fail(&graph.ArgumentError{
			Op: "Auxiliary", Name: "head, loss or weight",
			Got:  fmt.Sprintf("%T, %T, %v", a.Head, a.Loss, a.Weight),
			Want: "one of each, and a finite weight other than 0",
		})
		return nil
	}
	if b.Window().Train && b.Err() == nil {
		names := map[string]string{}
		if a.Target != "" {
			names[seqdata.Target] = a.Target
		}
		b.Aside(names, func() { b.AddCost(b.Scale(a.Loss.Cost(b, a.Head.Apply(b, x)), a.Weight)) })
	}
	return x
}

// Params returns the head's parameters.
func (a Auxiliary) Params() []graph.NamedParam {
	if missing.Value(a.Head) {
		return nil
	}
	return a.Head.Params()
}
