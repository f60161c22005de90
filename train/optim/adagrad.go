package optim

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// Adagrad (Duchi, Hazan and Singer 2011):
//
//	g ← g + WeightDecay·p
//	s ← s + g²
//	p ← p - LearningRate/(1 + (t - 1)·RateDecay) · g / (√s + Epsilon)
type Adagrad struct {
	LearningRate float64 // 0 means 0.01
	RateDecay    float64
	Initial      float64 // of s
	Epsilon      float64 // 0 means 1e-10
	WeightDecay  float64 // L2
	Groups       []Group

	memory
	epsilon float64 // of the present step
}

// Step updates the arena's values from its gradients, at factor times the learning rate.
func (o *Adagrad) Step(a *graph.Arena, factor float64) error {
	rate := orDefault(o.LearningRate, 0.01)
	o.epsilon = orDefault(o.Epsilon, 1e-10)
	err := check("Adagrad",
		option{"factor", factor, 0, inf},
		option{"LearningRate", rate, 0, inf},
		option{"RateDecay", o.RateDecay, 0, inf},
		option{"Initial", o.Initial, 0, inf},
		option{"Epsilon", o.epsilon, 0, inf},
		option{"WeightDecay", o.WeightDecay, 0, inf},
	)
	if err == nil {
		err = o.begin("Adagrad", a, o.Groups, "sum")
	}
	if err != nil {
		return err
	}
	if o.steps == 0 {
		fill(o.vectors[0], o.Initial)
	}
	o.steps++
	o.sweep(o, factor*rate/(1+float64(o.steps-1)*o.RateDecay), o.WeightDecay)
	return nil
}

func (o *Adagrad) update(r part) {
	if o.double() {
		adagrad[float64](o, r)
	} else {
		adagrad[float32](o, r)
	}
}

func adagrad[F kernel.Float](o *Adagrad, r part) {
	p, grad, sum, _, _ := elements[F](&o.memory, r)
	rate, decay, epsilon := F(r.rate), F(r.decay), F(o.epsilon)
	for i, g := range grad {
		g += decay * p[i]
		sum[i] += g * g
		p[i] -= rate * g / (sqrt(sum[i]) + epsilon)
	}
}

// fill sets all elements of a moment.
func fill(t *graph.Tensor, v float64) {
	for i := range t.Len() {
		t.SetAt(i, v)
	}
}
