package bptt

import (
	"math"
	"slices"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// window is a part of a sequence, kept for a backward pass to come.
type window struct {
	batch    *seqdata.Batch
	seed     uint64 // of its dropout masks
	targets  int
	weight   float64        // of its targets, in all
	program  *graph.Program // that holds its activations
	instance int            // which of the programs of its kind that is
	cost     float64
}

// forward computes a window in an instance of its program, from the run's states to those after it.
func (r *Run) forward(w *window, m mode, instance int) error {
	p, err := r.Programs.get(w.batch, m, instance)
	if err != nil {
		return err
	}
	if err := p.Load(r.States); err != nil {
		return err
	}
	if err := p.Forward(w.seed); err != nil {
		return err
	}
	p.Store(r.States)
	r.States.Clear(w.batch.Ends)
	w.program, w.cost = p, p.Cost()
	if v, ok := p.TargetWeight(); ok { // the loss knows better, such as which targets it ignores
		w.weight = v
	}
	return nil
}

// chain goes back from window to window, and adds up the parameters' gradients.
type chain struct {
	states graph.States // gradients with respect to the states between the window gone through and the one before
	begun  bool
	seen   [][]graph.Recording // by window, the last one first
}

// back goes through a window whose activations its program holds. share is what the window's mean cost counts in the
// whole.
func (c *chain) back(w *window, share float64) error {
	if c.states == nil {
		c.states = graph.States{}
	}
	c.states.Clear(w.batch.Ends) // what comes after is another sequence
	if err := w.program.LoadSeeds(c.states); err != nil {
		return err
	}
	w.program.SetCostWeight(share)
	pass := w.program.Backward
	if c.begun {
		pass = w.program.BackwardAdd
	}
	if err := pass(); err != nil {
		return err
	}
	w.program.StoreGradients(c.states)
	c.begun = true
	if seen := w.program.Recordings(); seen != nil {
		c.seen = append(c.seen, seen)
	}
	return nil
}

// recordings is what was seen in all windows together.
func (c *chain) recordings() []graph.Recording {
	slices.Reverse(c.seen)
	return graph.JoinRecordings(c.seen...)
}

// shareOf is a part of a whole, or 0 if nothing has a weight.
func shareOf(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}

// summary is the result of some windows together.
func summary(windows []*window) Result {
	var r Result
	for _, w := range windows {
		r.Targets += w.targets
		r.Weight += w.weight
	}
	for _, w := range windows {
		if finite(r.Loss) {
			r.Program = w.program
		}
		r.Loss += w.cost * shareOf(w.weight, r.Weight)
	}
	return r
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
