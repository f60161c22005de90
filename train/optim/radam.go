package optim

import (
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// RAdam is Adam that trusts its second moment only when it has seen enough to (Liu et al. 2020):
//
//	g ← g + WeightDecay·p
//	m ← β₁·m + (1 - β₁)·g
//	v ← β₂·v + (1 - β₂)·g²
//	ρ∞ = 2/(1 - β₂) - 1,  ρ = ρ∞ - 2t·β₂ᵗ/(1 - β₂ᵗ)
//	p ← p - LearningRate · m/(1 - β₁ᵗ) · r·√(1 - β₂ᵗ)/(√v + Epsilon)    if ρ > 5
//	p ← p - LearningRate · m/(1 - β₁ᵗ)                                   else
//	r = √((ρ - 4)·(ρ - 2)·ρ∞ / ((ρ∞ - 4)·(ρ∞ - 2)·ρ))
type RAdam struct {
	LearningRate float64 // 0 means 1e-3
	Beta1        float64 // 0 means 0.9
	Beta2        float64 // 0 means 0.999
	Epsilon      float64 // 0 means 1e-8
	WeightDecay  float64 // L2
	Groups       []Group

	memory
	// Of the present step.
	beta1, beta2, epsilon, bias1 float64
	rectified                    float64 // r·√(1 - β₂ᵗ), or 0 if ρ is too small
}

// Step updates the arena's values from its gradients, at factor times the learning rate.
func (o *RAdam) Step(a *graph.Arena, factor float64) error {
	rate := orDefault(o.LearningRate, 1e-3)
	o.beta1, o.beta2, o.epsilon = orDefault(o.Beta1, 0.9), orDefault(o.Beta2, 0.999), orDefault(o.Epsilon, 1e-8)
	err := check("RAdam",
		option{"factor", factor, 0, inf},
		option{"LearningRate", rate, 0, inf},
		option{"Beta1", o.beta1, 0, 1},
		option{"Beta2", o.beta2, 0, 1},
		option{"Epsilon", o.epsilon, 0, inf},
		option{"WeightDecay", o.WeightDecay, 0, inf},
	)
	if err == nil {
		err = o.begin("RAdam", a, o.Groups, "m", "v")
	}
	if err != nil {
		return err
	}
	o.steps++
	t := float64(o.steps)
	power := math.Pow(o.beta2, t)
	limit := 2/(1-o.beta2) - 1
	rho := limit - 2*t*power/(1-power)
	o.rectified = 0
	if rho > 5 {
		o.rectified = math.Sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho) * (1 - power))
	}
	o.bias1 = 1 - math.Pow(o.beta1, t)
	o.sweep(o, factor*rate, o.WeightDecay)
	return nil
}

func (o *RAdam) update(r part) {
	if o.double() {
		radam[float64](o, r)
	} else {
		radam[float32](o, r)
	}
}

func radam[F kernel.Float](o *RAdam, r part) {
	p, grad, m, v, _ := elements[F](&o.memory, r)
	rate, decay, beta1, beta2, epsilon, rectified := F(r.rate/o.bias1), F(r.decay), F(o.beta1), F(o.beta2), F(o.epsilon), F(o.rectified)
	for i, g := range grad {
		g += decay * p[i]
		m[i] = beta1*m[i] + (1-beta1)*g
		v[i] = beta2*v[i] + (1-beta2)*g*g
		step := rate * m[i]
		if rectified > 0 {
			step *= rectified / (sqrt(v[i]) + epsilon)
		}
		p[i] -= step
	}
}
