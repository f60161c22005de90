package train

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/optim"
)

// Model is a network. Every layers.Layer is one.
type Model interface {
	// Apply writes the network's nodes for the input x, the batch's array "input", and returns its output. A model
	// with more inputs reads them from the builder by name.
	Apply(b *graph.Builder, x *graph.Node) *graph.Node
	// Params returns all parameters, under the names that a checkpoint gives them.
	Params() []graph.NamedParam
}

// Loss writes the cost of a model's output, a scalar, which is a mean over the targets. It reads the targets from the
// builder's inputs by name. If it also has a method Unit() string, that is the unit which the history and the observers
// show.
type Loss interface {
	Cost(b *graph.Builder, output *graph.Node) *graph.Node
}

// Optimizer updates parameters from their gradients. Those of package optim are ones, but for LBFGS,
// which Minimize takes.
type Optimizer interface {
	// Step updates the arena's values from its gradients, at factor times the optimizer's own learning rate.
	Step(a *graph.Arena, factor float64) error
	State() optim.State
	Restore(optim.State)
}

// Clip limits the gradients, and returns their norm before. Those of package optim are ones.
type Clip interface {
	Clip(a *graph.Arena) (norm float64, err error)
}

// Strategy computes the gradient of one update. Those of package bptt are ones.
type Strategy interface {
	Gradient(r *bptt.Run) (bptt.Result, error)
}

// Metric measures outputs of a model, batch by batch. Those of package metric that compare outputs with targets are ones.
type Metric interface {
	Add(output *graph.Tensor, batch *seqdata.Batch) error
	Value() float64 // over all batches since Reset
	Reset()
}

// Data gives sequences window by window. A *seqdata.Stream is one. If it also has the methods Cursor and SetCursor of
// that type, a resumed run goes on at the same place, else at the start of an epoch.
type Data = bptt.Data

type cursor interface {
	Cursor() int64
	SetCursor(int64) error
}
