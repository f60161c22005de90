package main

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
)

var (
	_ bptt.Data  = (*adding)(nil)
	_ train.Loss = lastStep{}
)

// adding gives sequences of the adding problem in windows of any length: at the end of a sequence, the answer is the sum of
// its two marked numbers. There is always a next batch of sequences.
type adding struct {
	task  *seqdata.Task
	batch *seqdata.Batch // of the sequences at hand, nil at first
	at    int            // the next of their time steps
}

func newAdding(length, batch int, rng *rand.Rand) (*adding, error) {
	task, err := seqdata.Adding(length, batch, rng)
	return &adding{task: task}, err
}

// Rewind goes back to the start of the sequences at hand.
func (a *adding) Rewind() { a.at = 0 }

func (a *adding) Next(steps int) (*seqdata.Batch, error) {
	if a.batch == nil || a.at == a.batch.T {
		a.task.Rewind()
		whole, err := a.task.Next(a.task.Steps())
		if err != nil {
			return nil, err
		}
		a.batch, a.at = whole, 0
	}
	w := a.batch
	from, to := a.at, min(a.at+steps, w.T)
	a.at = to
	// The loss has a target at each step, and a weight that is 0 but at the last one.
	target, weight := make([]float32, (to-from)*w.B), make([]float32, (to-from)*w.B)
	ends := make([]bool, w.B)
	if to == w.T {
		last := (to - from - 1) * w.B
		copy(target[last:], w.Arrays[seqdata.Target].Floats)
		for b := range w.B {
			weight[last+b], ends[b] = 1, true
		}
	}
	return &seqdata.Batch{T: to - from, B: w.B, Ends: ends, Arrays: map[string]seqdata.Array{
		seqdata.Input:  {Shape: []int{to - from, w.B, 2}, Floats: w.Arrays[seqdata.Input].Floats[from*w.B*2 : to*w.B*2]},
		seqdata.Target: {Shape: []int{to - from, w.B, 1}, Floats: target},
		seqdata.Weight: {Shape: []int{to - from, w.B}, Floats: weight},
	}}, nil
}

// lastStep is the mean squared error at the steps whose weight is 1: the last one of each sequence.
type lastStep struct{}

func (lastStep) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	w := b.Window()
	weight := b.Reshape(b.Input(seqdata.Weight), w.T*w.B, 1)
	errors := b.Square(b.Sub(output, b.Input(seqdata.Target)))
	return b.Scale(b.Sum(b.Mul(weight, errors)), 1/float64(w.B))
}
