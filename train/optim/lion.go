package optim

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// Lion takes steps of one size in the direction of a momentum's sign, with decoupled weight decay (Chen et al. 2023,
// algorithm 2):
//
//	u = sign(β₁·m + (1 - β₁)·g)
//	p ← p - LearningRate·(u + WeightDecay·p)
//	m ← β₂·m + (1 - β₂)·g
//
// The paper's advice is a learning rate three to ten times lower than AdamW's, and a weight decay as much higher.
type Lion struct {
	LearningRate float64 // 0 means 1e-4
	Beta1        float64 // 0 means 0.9
	Beta2        float64 // 0 means 0.99
	WeightDecay  float64 // decoupled
	Groups       []Group

	memory
	beta1, beta2 float64 // of the present step
}

// Step updates the arena's values from its gradients, at factor times the learning rate.
func (o *Lion) Step(a *graph.Arena, factor float64) error {
	rate := orDefault(o.LearningRate, 1e-4)
	o.beta1, o.beta2 = orDefault(o.Beta1, 0.9), orDefault(o.Beta2, 0.99)
	err := check("Lion",
		option{"factor", factor, 0, inf},
		option{"LearningRate", rate, 0, inf},
		option{"Beta1", o.beta1, 0, 1},
		option{"Beta2", o.beta2, 0, 1},
		option{"WeightDecay", o.WeightDecay, 0, inf},
	)
	if err == nil {
		err = o.begin("Lion", a, o.Groups, "m")
	}
	if err != nil {
		return err
	}
	o.steps++
	o.sweep(o, factor*rate, o.WeightDecay)
	return nil
}

func (o *Lion) update(r part) {
	if o.double() {
		lion[float64](o, r)
	} else {
		lion[float32](o, r)
	}
}

func lion[F kernel.Float](o *Lion, r part) {
	p, grad, m, _, _ := elements[F](&o.memory, r)
	rate, keep, beta1, beta2 := F(r.rate), F(1-r.rate*r.decay), F(o.beta1), F(o.beta2)
	for i, g := range grad {
		p[i] = keep*p[i] - rate*sign(beta1*m[i]+(1-beta1)*g)
		m[i] = beta2*m[i] + (1-beta2)*g
	}
}

// sign is 1, -1 or 0, and NaN of what is not finite.
func sign[F kernel.Float](x F) F {
	if x == 0 {
		return 0
	}
	return x / abs(x) // signs are hard to predict for a branch
}
