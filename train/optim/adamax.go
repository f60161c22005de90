package optim

import (
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// Adamax is Adam with the infinity norm (Kingma and Ba 2015, section 7.1); Epsilon stands where PyTorch has it:
//
//	g ← g + WeightDecay·p
//	m ← β₁·m + (1 - β₁)·g
//	u ← max(β₂·u, |g| + Epsilon)
//	p ← p - LearningRate/(1 - β₁ᵗ) · m/u
type Adamax struct {
	LearningRate float64 // 0 means 2e-3
	Beta1        float64 // 0 means 0.9
	Beta2        float64 // 0 means 0.999
	Epsilon      float64 // 0 means 1e-8
	WeightDecay  float64 // L2
	Groups       []Group

	memory
	beta1, beta2, epsilon, bias1 float64 // of the present step
}

// Step updates the arena's values from its gradients, at factor times the learning rate.
func (o *Adamax) Step(a *graph.Arena, factor float64) error {
	rate := orDefault(o.LearningRate, 2e-3)
	o.beta1, o.beta2, o.epsilon = orDefault(o.Beta1, 0.9), orDefault(o.Beta2, 0.999), orDefault(o.Epsilon, 1e-8)
	err := check("Adamax",
		option{"factor", factor, 0, inf},
		option{"LearningRate", rate, 0, inf},
		option{"Beta1", o.beta1, 0, 1},
		option{"Beta2", o.beta2, 0, 1},
		option{"Epsilon", o.epsilon, 0, inf},
		option{"WeightDecay", o.WeightDecay, 0, inf},
	)
	if err == nil {
		err = o.begin("Adamax", a, o.Groups, "m", "u")
	}
	if err != nil {
		return err
	}
	o.steps++
	o.bias1 = 1 - math.Pow(o.beta1, float64(o.steps))
	o.sweep(o, factor*rate, o.WeightDecay)
	return nil
}

func (o *Adamax) update(r part) {
	if o.double() {
		adamax[float64](o, r)
	} else {
		adamax[float32](o, r)
	}
}

func adamax[F kernel.Float](o *Adamax, r part) {
	p, grad, m, u, _ := elements[F](&o.memory, r)
	rate, decay, beta1, beta2, epsilon := F(r.rate/o.bias1), F(r.decay), F(o.beta1), F(o.beta2), F(o.epsilon)
	for i, g := range grad {
		g += decay * p[i]
		m[i] = beta1*m[i] + (1-beta1)*g
		u[i] = max(beta2*u[i], abs(g)+epsilon)
		p[i] -= rate * m[i] / u[i]
	}
}

func abs[F kernel.Float](x F) F { return F(math.Abs(float64(x))) }
