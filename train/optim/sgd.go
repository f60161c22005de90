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
	a    *graph.Arena
	m    *graph.Tensor
	rate float64 // of this step
}

// Step updates the arena's values from its gradients, at factor times the learning rate.
func (o *SGD) Step(a *graph.Arena, factor float64) error {
	for _, err := range []error{
		inRange("SGD", "factor", factor, 0, math.Inf(1)),
		inRange("SGD", "LearningRate", o.LearningRate, math.SmallestNonzeroFloat64, math.Inf(1)),
		inRange("SGD", "Momentum", o.Momentum, 0, 1),
		inRange("SGD", "Dampening", o.Dampening, 0, math.Inf(1)),
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
	o.a, o.m, o.rate = a, m, factor*o.LearningRate
	a.Sweep((*sgdSweep)(o))
	return nil
}

// sgdSweep is one step.
type sgdSweep SGD

// Sweep makes the step for a range of the parameters.
func (o *sgdSweep) Sweep(from, to int) {
	p, g := o.a.Values, o.a.Grads
	if p.F64 != nil {
		sgdStep(o, p.F64[from:to], g.F64[from:to], part(o.m.F64, from, to))
	} else {
		sgdStep(o, p.F32[from:to], g.F32[from:to], part(o.m.F32, from, to))
	}
}

// part is v[from:to], or nil if there is no v.
func part[F kernel.Float](v []F, from, to int) []F {
	if v == nil {
		return nil
	}
	return v[from:to]
}

func sgdStep[F kernel.Float](o *sgdSweep, p, grad, m []F) {
	rate, mu, keep, decay := F(o.rate), F(o.Momentum), F(1-o.Dampening), F(o.WeightDecay)
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
