package optim

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/graph"
)

// NTASGD is non-monotonically triggered averaged SGD (Merity, Keskar and Socher 2018): steps of another optimizer, SGD in
// the paper, whose weights are averaged from the time on when the validation loss no longer improves. That is when a loss
// is worse than the best of those more than Patience evaluations ago. See Swap for the average's use.
type NTASGD struct {
	Optimizer Optimizer
	Patience  int // evaluations, the paper's n; 0 means 5

	averaged
}

// Step makes a step of the optimizer inside, and adds the new weights to the mean once averaging is triggered.
func (o *NTASGD) Step(a *graph.Arena, factor float64) error {
	if o.Patience < 0 {
		return &graph.ArgumentError{Op: "NTASGD", Name: "Patience", Got: fmt.Sprint(o.Patience), Want: "0 or more"}
	}
	err := o.beginAround("NTASGD", a, o.Optimizer)
	if err == nil {
		err = o.stepInside(o.Optimizer, a, factor)
	}
	if err != nil {
		return err
	}
	if o.Triggered() {
		o.add(1 / (o.numbers["averaged"] + 1))
	}
	return nil
}

// Triggered reports whether averaging has begun.
func (o *NTASGD) Triggered() bool { return o.numbers["triggered"] != 0 }

// Observe is told the validation loss of every evaluation. One that is not finite doesn't count.
func (o *NTASGD) Observe(loss float64) {
	if o.Triggered() || math.IsNaN(loss) || math.IsInf(loss, 0) {
		return
	}
	best, ok := o.numbers["best"] // of the losses before the last ones, which are kept in turn
	if ok && loss > best {
		o.set("triggered", 1)
		return
	}
	observed, patience := int(o.numbers["observed"]), o.Patience
	if patience <= 0 {
		patience = 5
	}
	last := fmt.Sprint("loss ", observed%patience)
	if oldest, full := o.numbers[last]; full && (!ok || oldest < best) {
		o.set("best", oldest)
	}
	o.set(last, loss)
	o.set("observed", float64(observed+1))
}

// State returns the state of both optimizers.
func (o *NTASGD) State() State { return o.around(o.Optimizer) }

// Restore takes over a state that State returned.
func (o *NTASGD) Restore(s State) { o.restoreAround(s, o.Optimizer) }
