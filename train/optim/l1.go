package optim

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// L1 adds the gradient of the penalty Penalty·Σ|p| to that which another optimizer steps by: g ← g + Penalty·sign(p). The
// loss that is reported doesn't contain the penalty. With the WeightDecay of the optimizer inside, it is the elastic net.
type L1 struct {
	Optimizer Optimizer
	Penalty   float64  // required, above 0
	Names     []string // patterns of the parameters it applies to, as in Group; nil means all

	memory
	only  []bool       // by parameter, what Names says, if anything
	named *graph.Arena // for which only is made
}

// Step changes the gradients, and makes a step of the optimizer inside.
func (o *L1) Step(a *graph.Arena, factor float64) error {
	err := check("L1", option{"Penalty", o.Penalty, positive, inf})
	if err == nil {
		err = wanted("L1", o.Optimizer)
	}
	if err == nil {
		err = o.begin("L1", a, nil)
	}
	if err == nil && o.Names != nil && o.named != a {
		o.only, err = match("L1", "Names", o.Names, a)
		o.named = a
	}
	if err != nil {
		return err
	}
	o.sweep(o, 0, 0)
	return o.stepInside(o.Optimizer, a, factor)
}

func (o *L1) update(r part) {
	if o.Names != nil && !o.only[r.param] {
		return
	}
	if o.double() {
		l1[float64](o, r)
	} else {
		l1[float32](o, r)
	}
}

func l1[F kernel.Float](o *L1, r part) {
	p, grad, _, _, _ := elements[F](&o.memory, r)
	penalty := F(o.Penalty)
	for i, w := range p {
		grad[i] += penalty * sign(w)
	}
}

// State returns the state of the optimizer inside.
func (o *L1) State() State { return o.around(o.Optimizer) }

// Restore takes over a state that State returned.
func (o *L1) Restore(s State) { o.restoreAround(s, o.Optimizer) }
