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
}

// Step updates the arena's values from its gradients.
func (o *RMSprop) Step(a *graph.Arena) error {
	rate, alpha, epsilon := orDefault(o.LearningRate, 0.01), orDefault(o.Alpha, 0.99), orDefault(o.Epsilon, 1e-8)
	for _, err := range []error{
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
	if a.Values.F64 != nil {
		rmspropStep(a.Values.F64, a.Grads.F64, v.F64, rate, alpha, epsilon, o.WeightDecay)
	} else {
		rmspropStep(a.Values.F32, a.Grads.F32, v.F32, rate, alpha, epsilon, o.WeightDecay)
	}
	return nil
}

func rmspropStep[F kernel.Float](p, grad, v []F, rate, alpha, epsilon, decay float64) {
	a, e, r := F(alpha), F(epsilon), F(rate)
	for i, g := range grad {
		g += F(decay) * p[i]
		v[i] = a*v[i] + (1-a)*g*g
		p[i] -= r * g / (F(math.Sqrt(float64(v[i]))) + e)
	}
}
