package optim

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
)

// SWA is stochastic weight averaging (Izmailov et al. 2018): the mean of the weights that another optimizer makes at some
// steps late in training, usually at a constant or cyclic learning rate. See Swap for its use.
type SWA struct {
	Optimizer Optimizer
	Start     int // the first step whose weights are averaged; 0 means 1
	Every     int // steps from one averaging to the next; 0 means 1

	averaged
}

// Step makes a step of the optimizer inside, and adds the new weights to the mean if it is their turn.
func (o *SWA) Step(a *graph.Arena, factor float64) error {
	if o.Start < 0 || o.Every < 0 {
		return &graph.ArgumentError{Op: "SWA", Name: "Start or Every", Got: fmt.Sprintf("%d, %d", o.Start, o.Every), Want: "0 or more"}
	}
	err := o.beginAround("SWA", a, o.Optimizer)
	if err == nil {
		err = o.stepInside(o.Optimizer, a, factor)
	}
	if err != nil {
		return err
	}
	if since := o.steps - int64(max(o.Start, 1)); since >= 0 && since%int64(max(o.Every, 1)) == 0 {
		o.add(1 / (o.numbers["averaged"] + 1))
	}
	return nil
}

// State returns the state of both optimizers.
func (o *SWA) State() State { return o.around(o.Optimizer) }

// Restore takes over a state that State returned.
func (o *SWA) Restore(s State) { o.restoreAround(s, o.Optimizer) }
