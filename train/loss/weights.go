package loss

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// rowWeights returns the weights [n] of n targets; nil: 1 each.
func rowWeights(b *graph.Builder, n int) *graph.Node {
	if w := b.Window(); n != w.T*w.B {
		return nil // not the targets of time steps
	}
	mask := b.StepMask()
	if !b.HasInput(seqdata.Weight) && mask == nil {
		return nil
	}
	var weight *graph.Node
	if b.HasInput(seqdata.Weight) {
		weight = b.Input(seqdata.Weight)
	} else {
		weight = b.Const(ones(n))
	}
	if mask != nil {
		weight = b.Mask(weight, mask)
	}
	return weight
}

func ones(n int) *graph.Tensor {
	t := graph.NewTensor(graph.Float32, n)
	for i := range t.F32 {
		t.F32[i] = 1
	}
	return t
}

// classWeights returns the weights [N] of targets that are classes: those to ignore have none.
func classWeights(b *graph.Builder, target *graph.Node, ignore []int) *graph.Node {
	if ignore == nil {
		ignore = []int{-100}
	}
	return b.TargetWeights(target, rowWeights(b, target.Dim(0)), ignore...)
}

// told returns the cost, and lets the program know the sum of the weights that it is a mean over.
func told(b *graph.Builder) func(cost, weight *graph.Node) *graph.Node {
	return func(cost, weight *graph.Node) *graph.Node {
		b.SetTargetWeight(weight)
		return cost
	}
}

// pointwise writes the mean of f over the numbers of the target.
func pointwise(b *graph.Builder, name string, output *graph.Node, numbers int, f graph.PointLoss) *graph.Node {
	target := b.Input(seqdata.Target)
	return told(b)(b.PointwiseLoss(name, output, target, rowWeights(b, target.Dim(0)), numbers, f))
}

// option returns the value of an option that is above 0, or, where it is 0, the default. Others are an error.
func option(b *graph.Builder, loss, name string, value, otherwise float64) float64 {
	if value == 0 {
		return otherwise
	}
	if !(value > 0) || math.IsInf(value, 1) {
		b.Fail(&graph.ArgumentError{Op: loss, Name: name, Got: fmt.Sprint(value), Want: fmt.Sprintf("a number above 0, or 0 for %v", otherwise)})
	}
	return value
}
