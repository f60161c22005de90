package optim

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// SGD is stochastic gradient descent, with momentum if asked for:
//
//	g ← g + WeightDecay·p
//	m ← Momentum·m + (1 - Dampening)·g    (m ← g in the first step)
//	p ← p - LearningRate·m                (with Nesterov: g + Momentum·m in place of m)
type SGD struct {
	LearningRate float64 // required, above 0
	Momentum     float64
	Dampening    float64
	Nesterov     bool
	WeightDecay  float64 // L2
	Groups       []Group

	memory
}

// Step updates the arena's values from its gradients, at factor times the learning rate.
func (o *SGD) Step(a *graph.Arena, factor float64) error {
	err := check("SGD",
		option{"factor", factor, 0, inf},
		option{"LearningRate", o.LearningRate, positive, inf},
		option{"Momentum", o.Momentum, 0, 1},
		option{"Dampening", o.Dampening, 0, inf},
		option{"WeightDecay", o.WeightDecay, 0, inf},
	)
	if err == nil {
		err = o.begin("SGD", a, o.Groups, when(o.Momentum > 0, "momentum"))
	}
	if err != nil {
		return err
	}
	o.steps++
	o.sweep(o, factor*o.LearningRate, o.WeightDecay)
	return nil
}

func (o *SGD) update(r part) {
	if o.double() {
		sgd[float64](o, r)
	} else {
		sgd[float32](o, r)
	}
}

func sgd[F kernel.Float](o *SGD, r part) {
	p, grad, m, _, _ := elements[F](&o.memory, r)
	keep := F(1 - r.rate*r.decay)
	if m == nil {
		if keep != 1 {
			kernel.Scale(keep, p)
		}
		kernel.Axpy(F(-r.rate), grad, p)
		return
	}
	mu, fresh := o.Momentum, 1-o.Dampening
	if o.steps == 1 {
		fresh = 1
	}
	kernel.Scale(F(mu), m)
	kernel.Axpy(F(fresh), grad, m)
	if r.decay != 0 {
		kernel.Axpy(F(fresh*r.decay), p, m)
	}
	if !o.Nesterov {
		kernel.Axpy(F(-r.rate), m, p)
		return
	}
	if keep != 1 {
		kernel.Scale(keep, p)
	}
	kernel.Axpy(F(-r.rate), grad, p)
	kernel.Axpy(F(-r.rate*mu), m, p)
}
