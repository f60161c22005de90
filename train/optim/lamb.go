package optim

import (
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// LAMB gives every parameter tensor a step in proportion to its norm, for large batches (You et al. 2020, with φ(z) = z):
//
//	m ← β₁·m + (1 - β₁)·g
//	v ← β₂·v + (1 - β₂)·g²
//	r = m/(1 - β₁ᵗ) / (√(v/(1 - β₂ᵗ)) + Epsilon) + WeightDecay·p
//	p ← p - LearningRate·‖p‖/‖r‖·r
//
// The norms are those of a whole tensor; where one is 0, their ratio is taken for 1.
type LAMB struct {
	LearningRate float64 // 0 means 1e-3
	Beta1        float64 // 0 means 0.9
	Beta2        float64 // 0 means 0.999
	Epsilon      float64 // 0 means 1e-6
	WeightDecay  float64 // 0 means none; the paper's is 0.01
	Groups       []Group

	memory
	// Of the present step.
	beta1, beta2, epsilon float64
	bias1, root           float64      // 1 - β₁ᵗ and √(1 - β₂ᵗ)
	squares               [][2]float64 // sums of p² and r², by piece
	trust                 []float64    // ‖p‖/‖r‖, by parameter
}

// Step updates the arena's values from its gradients, at factor times the learning rate.
func (o *LAMB) Step(a *graph.Arena, factor float64) error {
	rate := orDefault(o.LearningRate, 1e-3)
	o.beta1, o.beta2, o.epsilon = orDefault(o.Beta1, 0.9), orDefault(o.Beta2, 0.999), orDefault(o.Epsilon, 1e-6)
	err := check("LAMB",
		option{"factor", factor, 0, inf},
		option{"LearningRate", rate, 0, inf},
		option{"Beta1", o.beta1, 0, 1},
		option{"Beta2", o.beta2, 0, 1},
		option{"Epsilon", o.epsilon, 0, inf},
		option{"WeightDecay", o.WeightDecay, 0, inf},
	)
	if err == nil {
		err = o.begin("LAMB", a, o.Groups, "m", "v")
	}
	if err != nil {
		return err
	}
	if len(o.squares) != len(o.pieces) || len(o.trust) != len(a.Params) {
		o.squares, o.trust = make([][2]float64, len(o.pieces)), make([]float64, len(a.Params))
	}
	o.steps++
	t := float64(o.steps)
	o.bias1, o.root = 1-math.Pow(o.beta1, t), math.Sqrt(1-math.Pow(o.beta2, t))
	o.sweep((*lambMoments)(o), factor*rate, o.WeightDecay)
	for i := 0; i < len(o.pieces); {
		p, sums := o.pieces[i].param, [2]float64{}
		for ; i < len(o.pieces) && o.pieces[i].param == p; i++ {
			sums[0] += o.squares[i][0]
			sums[1] += o.squares[i][1]
		}
		o.trust[p] = 1
		if sums[0] != 0 && sums[1] != 0 {
			o.trust[p] = math.Sqrt(sums[0]) / math.Sqrt(sums[1])
		}
	}
	o.sweep((*lambStep)(o), factor*rate, o.WeightDecay)
	return nil
}

// lambMoments updates the moments and takes the norms.
type lambMoments LAMB

func (o *lambMoments) update(r part) {
	if o.double() {
		o.squares[r.index] = lambMeasure[float64]((*LAMB)(o), r)
	} else {
		o.squares[r.index] = lambMeasure[float32]((*LAMB)(o), r)
	}
}

func lambMeasure[F kernel.Float](o *LAMB, r part) (squares [2]float64) {
	p, grad, m, v, _ := elements[F](&o.memory, r)
	beta1, beta2 := F(o.beta1), F(o.beta2)
	direction := newDirection[F](o, r)
	for i, g := range grad {
		m[i] = beta1*m[i] + (1-beta1)*g
		v[i] = beta2*v[i] + (1-beta2)*g*g
		squares[0] += float64(p[i]) * float64(p[i])
		d := float64(direction.of(p[i], m[i], v[i]))
		squares[1] += d * d
	}
	return squares
}

// lambStep updates the parameters.
type lambStep LAMB

func (o *lambStep) update(r part) {
	if o.double() {
		lamb[float64]((*LAMB)(o), r)
	} else {
		lamb[float32]((*LAMB)(o), r)
	}
}

func lamb[F kernel.Float](o *LAMB, r part) {
	p, _, m, v, _ := elements[F](&o.memory, r)
	rate := F(r.rate * o.trust[r.param])
	direction := newDirection[F](o, r)
	for i, w := range p {
		p[i] -= rate * direction.of(w, m[i], v[i])
	}
}

// direction computes r.
type direction[F kernel.Float] struct{ bias1, root, epsilon, decay F }

func newDirection[F kernel.Float](o *LAMB, r part) direction[F] {
	return direction[F]{F(1 / o.bias1), F(1 / o.root), F(o.epsilon), F(r.decay)}
}

func (d direction[F]) of(p, m, v F) F {
	return m*d.bias1/(sqrt(v)*d.root+d.epsilon) + d.decay*p
}
