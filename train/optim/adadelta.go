package optim

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// Adadelta (Zeiler 2012):
//
//	g ← g + WeightDecay·p
//	v ← ρ·v + (1 - ρ)·g²
//	d ← √(u + Epsilon)/√(v + Epsilon) · g
//	u ← ρ·u + (1 - ρ)·d²
//	p ← p - LearningRate·d
type Adadelta struct {
	LearningRate float64 // 0 means 1
	Rho          float64 // 0 means 0.9
	Epsilon      float64 // 0 means 1e-6
	WeightDecay  float64 // L2
	Groups       []Group

	memory
	rho, epsilon float64 // of the present step
}

// Step updates the arena's values from its gradients, at factor times the learning rate.
func (o *Adadelta) Step(a *graph.Arena, factor float64) error {
	rate := orDefault(o.LearningRate, 1)
	o.rho, o.epsilon = orDefault(o.Rho, 0.9), orDefault(o.Epsilon, 1e-6)
	err := check("Adadelta",
		option{"factor", factor, 0, inf},
		option{"LearningRate", rate, 0, inf},
		option{"Rho", o.rho, 0, 1},
		option{"Epsilon", o.epsilon, 0, inf},
		option{"WeightDecay", o.WeightDecay, 0, inf},
	)
	if err == nil {
		err = o.begin("Adadelta", a, o.Groups, "v", "u")
	}
	if err != nil {
		return err
	}
	o.steps++
	o.sweep(o, factor*rate, o.WeightDecay)
	return nil
}

func (o *Adadelta) update(r part) {
	if o.double() {
		adadelta[float64](o, r)
	} else {
		adadelta[float32](o, r)
	}
}

func adadelta[F kernel.Float](o *Adadelta, r part) {
	p, grad, v, u, _ := elements[F](&o.memory, r)
	rate, decay, rho, epsilon := F(r.rate), F(r.decay), F(o.rho), F(o.epsilon)
	for i, g := range grad {
		g += decay * p[i]
		v[i] = rho*v[i] + (1-rho)*g*g
		d := sqrt(u[i]+epsilon) / sqrt(v[i]+epsilon) * g
		u[i] = rho*u[i] + (1-rho)*d*d
		p[i] -= rate * d
	}
}
