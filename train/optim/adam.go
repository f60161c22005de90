package optim

import (
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// Adam (Kingma and Ba 2015), with bias correction:
//
//	g ← g + WeightDecay·p
//	m ← β₁·m + (1 - β₁)·g
//	v ← β₂·v + (1 - β₂)·g²
//	p ← p - LearningRate/(1 - β₁ᵗ) · m / (√v/√(1 - β₂ᵗ) + Epsilon)
type Adam struct {
	LearningRate float64 // 0 means 1e-3
	Beta1        float64 // 0 means 0.9
	Beta2        float64 // 0 means 0.999
	Epsilon      float64 // 0 means 1e-8
	WeightDecay  float64 // L2

	memory
	sweep adamSweep
}

// Step updates the arena's values from its gradients, at factor times the learning rate.
func (o *Adam) Step(a *graph.Arena, factor float64) error {
	return adam("Adam", factor, o.LearningRate, o.Beta1, o.Beta2, o.Epsilon, o.WeightDecay, 0, &o.memory, &o.sweep, a)
}

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019): p ← p·(1 - LearningRate·WeightDecay) before
// the step, in place of the term in g.
type AdamW struct {
	LearningRate float64 // 0 means 1e-3
	Beta1        float64 // 0 means 0.9
	Beta2        float64 // 0 means 0.999
	Epsilon      float64 // 0 means 1e-8
	WeightDecay  float64 // 0 means none; PyTorch's default is 0.01

	memory
	sweep adamSweep
}

// Step updates the arena's values from its gradients, at factor times the learning rate.
func (o *AdamW) Step(a *graph.Arena, factor float64) error {
	return adam("AdamW", factor, o.LearningRate, o.Beta1, o.Beta2, o.Epsilon, 0, o.WeightDecay, &o.memory, &o.sweep, a)
}

func adam(name string, factor, rate, beta1, beta2, epsilon, l2, decay float64, memory *memory, sweep *adamSweep, a *graph.Arena) error {
	rate, beta1, beta2, epsilon = orDefault(rate, 1e-3), orDefault(beta1, 0.9), orDefault(beta2, 0.999), orDefault(epsilon, 1e-8)
	for _, err := range []error{
		inRange(name, "factor", factor, 0, math.Inf(1)),
		inRange(name, "LearningRate", rate, 0, math.Inf(1)),
		inRange(name, "Beta1", beta1, 0, 1),
		inRange(name, "Beta2", beta2, 0, 1),
		inRange(name, "Epsilon", epsilon, 0, math.Inf(1)),
		inRange(name, "WeightDecay", l2+decay, 0, math.Inf(1)),
	} {
		if err != nil {
			return err
		}
	}
	m, err := memory.moment("m", a)
	if err != nil {
		return err
	}
	v, err := memory.moment("v", a)
	if err != nil {
		return err
	}
	rate *= factor
	memory.steps++
	t := float64(memory.steps)
	step, root := rate/(1-math.Pow(beta1, t)), math.Sqrt(1-math.Pow(beta2, t))
	*sweep = adamSweep{a, m, v, beta1, beta2, epsilon, step, root, l2, rate * decay}
	a.Sweep(sweep)
	return nil
}

// adamSweep is one step.
type adamSweep struct {
	a                                                     *graph.Arena
	m, v                                                  *graph.Tensor
	beta1, beta2, epsilon, stepSize, sqrtBias2, l2, decay float64
}

// Sweep makes the step for a range of the parameters.
func (s *adamSweep) Sweep(from, to int) {
	p, g := s.a.Values, s.a.Grads
	if p.F64 != nil {
		kernel.AdamStep(p.F64[from:to], g.F64[from:to], s.m.F64[from:to], s.v.F64[from:to],
			s.beta1, s.beta2, s.epsilon, s.stepSize, s.sqrtBias2, s.l2, s.decay)
	} else {
		kernel.AdamStep(p.F32[from:to], g.F32[from:to], s.m.F32[from:to], s.v.F32[from:to],
			s.beta1, s.beta2, s.epsilon, s.stepSize, s.sqrtBias2, s.l2, s.decay)
	}
}
