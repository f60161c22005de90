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
	AMSGrad      bool    // the largest v so far in place of v in the last line (Reddi et al. 2018)
	Groups       []Group

	adam
}

// Step updates the arena's values from its gradients, at factor times the learning rate.
func (o *Adam) Step(a *graph.Arena, factor float64) error { return o.StepScaled(a, factor, 1) }

// StepScaled is Step with gradients that are multiplied by scale, which is how they are clipped without a pass of its own.
// The arena's gradients stay as they are.
func (o *Adam) StepScaled(a *graph.Arena, factor, scale float64) error {
	return o.step("Adam", a, factor, scale, adamOptions{o.LearningRate, o.Beta1, o.Beta2, o.Epsilon, o.WeightDecay, o.AMSGrad, false, o.Groups})
}

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019): p ← p·(1 - LearningRate·WeightDecay) before
// the step, in place of the term in g.
type AdamW struct {
	LearningRate float64 // 0 means 1e-3
	Beta1        float64 // 0 means 0.9
	Beta2        float64 // 0 means 0.999
	Epsilon      float64 // 0 means 1e-8
	WeightDecay  float64 // 0 means none; PyTorch's default is 0.01
	AMSGrad      bool    // as in Adam
	Groups       []Group

	adam
}

// Step updates the arena's values from its gradients, at factor times the learning rate.
func (o *AdamW) Step(a *graph.Arena, factor float64) error { return o.StepScaled(a, factor, 1) }

// StepScaled is Step with gradients that are multiplied by scale, as Adam's is.
func (o *AdamW) StepScaled(a *graph.Arena, factor, scale float64) error {
	return o.step("AdamW", a, factor, scale, adamOptions{o.LearningRate, o.Beta1, o.Beta2, o.Epsilon, o.WeightDecay, o.AMSGrad, true, o.Groups})
}

// adam is what Adam and AdamW share.
type adam struct {
	memory
	adamOptions // of the present step
	scale       float64
	bias1, root float64 // 1 - β₁ᵗ and √(1 - β₂ᵗ)
}

type adamOptions struct {
	rate, beta1, beta2, epsilon, decay float64
	amsgrad, decoupled                 bool
	groups                             []Group
}

func (s *adam) step(op string, a *graph.Arena, factor, scale float64, o adamOptions) error {
	o.rate, o.epsilon = orDefault(o.rate, 1e-3), orDefault(o.epsilon, 1e-8)
	o.beta1, o.beta2 = orDefault(o.beta1, 0.9), orDefault(o.beta2, 0.999)
	err := check(op,
		option{"factor", factor, 0, inf},
		option{"scale", scale, 0, inf},
		option{"LearningRate", o.rate, 0, inf},
		option{"Beta1", o.beta1, 0, 1},
		option{"Beta2", o.beta2, 0, 1},
		option{"Epsilon", o.epsilon, 0, inf},
		option{"WeightDecay", o.decay, 0, inf},
	)
	if err == nil {
		err = s.begin(op, a, o.groups, "m", "v", when(o.amsgrad, "largest v"))
	}
	if err != nil {
		return err
	}
	s.steps++
	t := float64(s.steps)
	s.adamOptions, s.scale = o, scale
	s.bias1, s.root = 1-math.Pow(o.beta1, t), math.Sqrt(1-math.Pow(o.beta2, t))
	s.sweep(s, factor*o.rate, o.decay)
	return nil
}

func (s *adam) update(r part) {
	if s.double() {
		adamStep[float64](s, r)
	} else {
		adamStep[float32](s, r)
	}
}

func adamStep[F kernel.Float](s *adam, r part) {
	p, grad, m, v, largest := elements[F](&s.memory, r)
	step, l2, shrink := r.rate/s.bias1, r.decay, 0.0
	if s.decoupled {
		l2, shrink = 0, r.rate*r.decay
	}
	if largest == nil {
		kernel.AdamStep(p, grad, m, v, s.scale, s.beta1, s.beta2, s.epsilon, step, s.root, l2, shrink)
		return
	}
	scale, fresh1, keep2, fresh2 := F(s.scale), F(1-s.beta1), F(s.beta2), F(1-s.beta2)
	rate, root, epsilon, decay, keep := F(step), F(1/s.root), F(s.epsilon), F(l2), F(1-shrink)
	for i, g := range grad {
		g = F(scale*g) + decay*p[i]
		m[i] += fresh1 * (g - m[i])
		v[i] = keep2*v[i] + fresh2*g*g
		largest[i] = max(largest[i], v[i])
		p[i] = keep*p[i] - rate*m[i]/(sqrt(largest[i])*root+epsilon)
	}
}
