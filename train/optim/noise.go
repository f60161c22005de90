package optim

import (
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// Noise adds annealed Gaussian noise to the gradient that another optimizer steps by (Neelakantan et al. 2015):
//
//	g ← g + N(0, σ²),  σ² = Variance/(1 + t)^Decay,  t = 0, 1, …
//
// The noise is a function of Seed, t and the place in the arena, so a resumed run has the same.
type Noise struct {
	Optimizer Optimizer
	Variance  float64 // the paper's η: 0.01, 0.3 or 1; required, above 0
	Decay     float64 // the paper's γ; 0 means 0.55
	Seed      uint64

	memory
	sigma float64 // of the present step
	key   uint64  // of the present step
}

// Step changes the gradients, and makes a step of the optimizer inside.
func (o *Noise) Step(a *graph.Arena, factor float64) error {
	decay := orDefault(o.Decay, 0.55)
	err := check("Noise", option{"Variance", o.Variance, positive, inf}, option{"Decay", decay, 0, inf})
	if err == nil {
		err = wanted("Noise", o.Optimizer)
	}
	if err == nil {
		err = o.begin("Noise", a, nil)
	}
	if err != nil {
		return err
	}
	o.sigma = math.Sqrt(o.Variance / math.Pow(1+float64(o.steps), decay))
	o.key = scramble(scramble(o.Seed) + uint64(o.steps))
	o.sweep(o, 0, 0)
	return o.stepInside(o.Optimizer, a, factor)
}

func (o *Noise) update(r part) {
	if o.double() {
		noise[float64](o, r)
	} else {
		noise[float32](o, r)
	}
}

func noise[F kernel.Float](o *Noise, r part) {
	grad := of[F](o.grads, r)
	var pair [2]float64
	for i := range grad {
		at := uint64(r.from + i)
		if i == 0 || at%2 == 0 {
			pair = normal(scramble(o.key + at/2))
		}
		grad[i] += F(o.sigma * pair[at%2])
	}
}

// normal makes two normal numbers from 64 random bits (Box and Muller 1958).
func normal(bits uint64) [2]float64 {
	const unit = 1.0 / (1 << 32)
	radius := math.Sqrt(-2 * math.Log((float64(bits>>32)+0.5)*unit))
	sin, cos := math.Sincos(2 * math.Pi * (float64(bits&(1<<32-1)) + 0.5) * unit)
	return [2]float64{radius * cos, radius * sin}
}

// scramble makes bits that look random of a number: a step of SplitMix64 (Steele, Lea and Flood 2014).
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// State returns the state of the optimizer inside.
func (o *Noise) State() State { return o.around(o.Optimizer) }

// Restore takes over a state that State returned.
func (o *Noise) Restore(s State) { o.restoreAround(s, o.Optimizer) }
