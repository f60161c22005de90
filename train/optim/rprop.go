package optim

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// Rprop is resilient backpropagation (Riedmiller and Braun 1993), PyTorch's variant, without weight backtracking. Every
// parameter has a step s of its own, which grows while its gradient keeps the sign and shrinks when that changes:
//
//	s ← Grow·s     if g·g' > 0
//	s ← Shrink·s   if g·g' < 0; and g ← 0
//	p ← p - sign(g)·s
//	g' ← g
//
// It looks at signs only, so it is for the gradient of all data, not for that of a batch.
type Rprop struct {
	LearningRate float64 // s in the first step; 0 means 0.01
	Shrink       float64 // η⁻; 0 means 0.5
	Grow         float64 // η⁺; 0 means 1.2
	Smallest     float64 // s; 0 means 1e-6
	Largest      float64 // s; 0 means 50
	Groups       []Group // without weight decay, which Rprop doesn't have

	memory
	shrink, grow, smallest, largest float64 // of the present step
}

// Step updates the arena's values from its gradients. The factor, and a group's, multiply the change of p, not s.
func (o *Rprop) Step(a *graph.Arena, factor float64) error {
	rate := orDefault(o.LearningRate, 0.01)
	o.shrink, o.grow = orDefault(o.Shrink, 0.5), orDefault(o.Grow, 1.2)
	o.smallest, o.largest = orDefault(o.Smallest, 1e-6), orDefault(o.Largest, 50)
	err := check("Rprop",
		option{"factor", factor, 0, inf},
		option{"LearningRate", rate, 0, inf},
		option{"Shrink", o.shrink, 0, 1},
		option{"Grow", o.grow, 1, inf},
		option{"Smallest", o.smallest, 0, inf},
		option{"Largest", o.largest, o.smallest, inf},
	)
	for i, g := range o.Groups {
		if err == nil && g.WeightDecay != 0 {
			err = &graph.ArgumentError{Op: "Rprop", Name: fmt.Sprintf("Groups[%d].WeightDecay", i), Got: fmt.Sprint(g.WeightDecay), Want: "0"}
		}
	}
	if err == nil {
		err = o.begin("Rprop", a, o.Groups, "step", "previous")
	}
	if err != nil {
		return err
	}
	if o.steps == 0 {
		fill(o.vectors[0], rate)
	}
	o.steps++
	o.sweep(o, factor, 0)
	return nil
}

func (o *Rprop) update(r part) {
	if o.double() {
		rprop[float64](o, r)
	} else {
		rprop[float32](o, r)
	}
}

func rprop[F kernel.Float](o *Rprop, r part) {
	p, grad, s, previous, _ := elements[F](&o.memory, r)
	factor, shrink, grow, smallest, largest := F(r.rate), F(o.shrink), F(o.grow), F(o.smallest), F(o.largest)
	for i, g := range grad {
		size := s[i]
		switch change := sign(g) * sign(previous[i]); {
		case change > 0:
			size *= grow
		case change < 0:
			size *= shrink
			g = 0
		}
		s[i] = min(max(size, smallest), largest)
		p[i] -= factor * sign(g) * s[i]
		previous[i] = g
	}
}
