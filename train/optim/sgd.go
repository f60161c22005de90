package optim

import (
	"math"

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

	memory
}

// Step updates the arena's values from its gradients.
func (o *SGD) Step(a *graph.Arena) error {
	for _, err := range []error{
		inRange("SGD", "LearningRate", o.LearningRate, math.SmallestNonzeroFloat64, math.Inf(1)),
		inRange("SGD", "Momentum", o.Momentum, 0, 1),
		inRange("SGD", "WeightDecay", o.WeightDecay, 0, math.Inf(1)),
	} {
		if err != nil {
			return err
		}
	}
	m := &graph.Tensor{}
	if o.Momentum > 0 {
		var err error
		if m, err = o.moment("momentum", a); err != nil {
			return err
		}
	}
	o.steps++
	if a.Values.F64 != nil {
		sgdStep(o, a.Values.F64, a.Grads.F64, m.F64)
	} else {
		sgdStep(o, a.Values.F32, a.Grads.F32, m.F32)
	}
	return nil
}

func sgdStep[F kernel.Float](o *SGD, p, grad, m []F) {
	rate, mu, keep, decay := F(o.LearningRate), F(o.Momentum), F(1-o.Dampening), F(o.WeightDecay)
	if o.steps == 1 {
		keep = 1
	}
	for i, g := range grad {
		g += decay * p[i]
		if m != nil {
			m[i] = mu*m[i] + keep*g
			if o.Nesterov {
				g += mu * m[i]
			} else {
				g = m[i]
			}
		}
		p[i] -= rate * g
	}
}
