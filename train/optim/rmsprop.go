package optim

import (
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// RMSprop (Tieleman and Hinton 2012), in PyTorch's variant, with Epsilon outside the root:
//
//	g ← g + WeightDecay·p
//	v ← α·v + (1 - α)·g²
//	p ← p - LearningRate · g / (√v + Epsilon)
type RMSprop struct {
	LearningRate float64 // 0 means 0.01
	Alpha        float64 // 0 means 0.99
	Epsilon      float64 // 0 means 1e-8
	WeightDecay  float64 // L2

	memory
	sweep rmspropSweep
}

// Step updates the arena's values from its gradients, at factor times the learning rate.
func (o *RMSprop) Step(a *graph.Arena, factor float64) error {
	rate, alpha, epsilon := orDefault(o.LearningRate, 0.01), orDefault(o.Alpha, 0.99), orDefault(o.Epsilon, 1e-8)
	for _, err := range []error{
		inRange("RMSprop", "factor", factor, 0, math.Inf(1)),
		inRange("RMSprop", "LearningRate", rate, 0, math.Inf(1)),
		inRange("RMSprop", "Alpha", alpha, 0, 1),
		inRange("RMSprop", "Epsilon", epsilon, 0, math.Inf(1)),
		inRange("RMSprop", "WeightDecay", o.WeightDecay, 0, math.Inf(1)),
	} {
		if err != nil {
			return err
		}
	}
	v, err := o.moment("v", a)
	if err != nil {
		return err
	}
	o.steps++
	o.sweep = rmspropSweep{a, v, rate * factor, alpha, epsilon, o.WeightDecay}
	a.Sweep(&o.sweep)
	return nil
}

// rmspropSweep is one step.
type rmspropSweep struct {
	a                           *graph.Arena
	v                           *graph.Tensor
	rate, alpha, epsilon, decay float64
}

// Sweep makes the step for a range of the parameters.
func (s *rmspropSweep) Sweep(from, to int) {
	p, g := s.a.Values, s.a.Grads
	if p.F64 != nil {
		rmspropStep(s, p.F64[from:to], g.F64[from:to], s.v.F64[from:to])
	} else {
		rmspropStep(s, p.F32[from:to], g.F32[from:to], s.v.F32[from:to])
	}
}

func rmspropStep[F kernel.Float](s *rmspropSweep, p, grad, v []F) {
	alpha, epsilon, rate, decay := F(s.alpha), F(s.epsilon), F(s.rate), F(s.decay)
	for i, g := range grad {
		g += decay * p[i]
		v[i] = alpha*v[i] + (1-alpha)*g*g
		p[i] -= rate * g / (F(math.Sqrt(float64(v[i]))) + epsilon)
	}
}
