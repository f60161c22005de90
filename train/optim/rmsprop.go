package optim

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// RMSprop (Tieleman and Hinton 2012), in PyTorch's variant, with Epsilon outside the root:
//
//	g ← g + WeightDecay·p
//	v ← α·v + (1 - α)·g²
//	u ← g / (√v + Epsilon)
//	p ← p - LearningRate·u
//
// Centered (Graves 2013) takes the variance in place of v: μ ← α·μ + (1 - α)·g, and v - μ² under the root. With Momentum,
// b ← Momentum·b + u takes the place of u in the last line.
type RMSprop struct {
	LearningRate float64 // 0 means 0.01
	Alpha        float64 // 0 means 0.99
	Epsilon      float64 // 0 means 1e-8
	Momentum     float64
	Centered     bool
	WeightDecay  float64 // L2
	Groups       []Group

	memory
	alpha, epsilon float64 // of the present step
}

// Step updates the arena's values from its gradients, at factor times the learning rate.
func (o *RMSprop) Step(a *graph.Arena, factor float64) error {
	rate := orDefault(o.LearningRate, 0.01)
	o.alpha, o.epsilon = orDefault(o.Alpha, 0.99), orDefault(o.Epsilon, 1e-8)
	err := check("RMSprop",
		option{"factor", factor, 0, inf},
		option{"LearningRate", rate, 0, inf},
		option{"Alpha", o.alpha, 0, 1},
		option{"Epsilon", o.epsilon, 0, inf},
		option{"Momentum", o.Momentum, 0, 1},
		option{"WeightDecay", o.WeightDecay, 0, inf},
	)
	if err == nil {
		err = o.begin("RMSprop", a, o.Groups, "v", when(o.Centered, "mean"), when(o.Momentum > 0, "momentum"))
	}
	if err != nil {
		return err
	}
	o.steps++
	o.sweep(o, factor*rate, o.WeightDecay)
	return nil
}

func (o *RMSprop) update(r part) {
	if o.double() {
		rmsprop[float64](o, r)
	} else {
		rmsprop[float32](o, r)
	}
}

func rmsprop[F kernel.Float](o *RMSprop, r part) {
	p, grad, v, mean, b := elements[F](&o.memory, r)
	rate, decay, alpha, epsilon, mu := F(r.rate), F(r.decay), F(o.alpha), F(o.epsilon), F(o.Momentum)
	for i, g := range grad {
		g += decay * p[i]
		v[i] = alpha*v[i] + (1-alpha)*g*g
		square := v[i]
		if mean != nil {
			mean[i] = alpha*mean[i] + (1-alpha)*g
			square = max(0, square-mean[i]*mean[i]) // rounding may make it negative
		}
		u := g / (sqrt(square) + epsilon)
		if b != nil {
			b[i] = mu*b[i] + u
			u = b[i]
		}
		p[i] -= rate * u
	}
}
