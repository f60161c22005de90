package optim

import (
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// NAdam is Adam with Nesterov momentum (Dozat 2016):
//
//	g ← g + WeightDecay·p
//	μₜ = β₁·(1 - ½·0.96^(t·MomentumDecay))
//	m ← β₁·m + (1 - β₁)·g
//	v ← β₂·v + (1 - β₂)·g²
//	n = (1 - μₜ)/(1 - μ₁⋯μₜ)·g + μₜ₊₁/(1 - μ₁⋯μₜ₊₁)·m
//	p ← p - LearningRate · n / (√(v/(1 - β₂ᵗ)) + Epsilon)
type NAdam struct {
	LearningRate  float64 // 0 means 2e-3
	Beta1         float64 // 0 means 0.9
	Beta2         float64 // 0 means 0.999
	Epsilon       float64 // 0 means 1e-8
	MomentumDecay float64 // 0 means 4e-3
	WeightDecay   float64 // L2
	// PyTorch1 repeats PyTorch before 2.0, where the product μ₁⋯μₜ₊₁ has the factor μₜ twice by mistake.
	PyTorch1 bool
	Groups   []Group

	memory
	// Of the present step.
	beta1, beta2, epsilon, root float64
	ofGrad, ofMomentum          float64 // factors of g and m in n
}

// Step updates the arena's values from its gradients, at factor times the learning rate.
func (o *NAdam) Step(a *graph.Arena, factor float64) error {
	rate, momentumDecay := orDefault(o.LearningRate, 2e-3), orDefault(o.MomentumDecay, 4e-3)
	o.beta1, o.beta2, o.epsilon = orDefault(o.Beta1, 0.9), orDefault(o.Beta2, 0.999), orDefault(o.Epsilon, 1e-8)
	err := check("NAdam",
		option{"factor", factor, 0, inf},
		option{"LearningRate", rate, 0, inf},
		option{"Beta1", o.beta1, 0, 1},
		option{"Beta2", o.beta2, 0, 1},
		option{"Epsilon", o.epsilon, 0, inf},
		option{"MomentumDecay", momentumDecay, 0, inf},
		option{"WeightDecay", o.WeightDecay, 0, inf},
	)
	if err == nil {
		err = o.begin("NAdam", a, o.Groups, "m", "v")
	}
	if err != nil {
		return err
	}
	product, err := o.number("NAdam", "product of mu", 1)
	if err != nil {
		return err
	}
	o.steps++
	t := float64(o.steps)
	mu := o.beta1 * (1 - 0.5*math.Pow(0.96, t*momentumDecay))
	next := o.beta1 * (1 - 0.5*math.Pow(0.96, (t+1)*momentumDecay))
	product *= mu
	o.set("product of mu", product)
	o.root = math.Sqrt(1 - math.Pow(o.beta2, t))
	o.ofGrad = (1 - mu) / (1 - product)
	if o.PyTorch1 {
		product *= mu
	}
	o.ofMomentum = next / (1 - product*next)
	o.sweep(o, factor*rate, o.WeightDecay)
	return nil
}

func (o *NAdam) update(r part) {
	if o.double() {
		nadam[float64](o, r)
	} else {
		nadam[float32](o, r)
	}
}

func nadam[F kernel.Float](o *NAdam, r part) {
	p, grad, m, v, _ := elements[F](&o.memory, r)
	decay, beta1, beta2, epsilon, root := F(r.decay), F(o.beta1), F(o.beta2), F(o.epsilon), F(1/o.root)
	ofGrad, ofMomentum := F(r.rate*o.ofGrad), F(r.rate*o.ofMomentum)
	for i, g := range grad {
		g += decay * p[i]
		m[i] = beta1*m[i] + (1-beta1)*g
		v[i] = beta2*v[i] + (1-beta2)*g*g
		p[i] -= (ofGrad*g + ofMomentum*m[i]) / (sqrt(v[i])*root + epsilon)
	}
}
