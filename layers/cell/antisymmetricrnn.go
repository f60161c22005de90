package cell

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Fused = (*AntisymmetricRNN)(nil)

// AntisymmetricRNN is the antisymmetric network without gates (Chang et al. 2019): one Euler step of a differential
// equation that is stable because the eigenvalues of its recurrent matrix lie on, or a little left of, the imaginary
// axis.
//
//	h' = h + ε·tanh(x·Wᵀ + b + h·Mᵀ + d),  M = U - Uᵀ - γI
//
// The real parts of M's eigenvalues are all -γ. The state is h [B, H]; the output is h'. The parameters are weight_ih
// [H, F], W; weight_hh [H, H], U; bias_ih and bias_hh [H].
type AntisymmetricRNN struct {
	affine
	epsilon, gamma float64
}

// NewAntisymmetricRNN returns an antisymmetric cell for inputs of the given width. The step size epsilon, ε, is above 0
// and finite, the diffusion gamma, γ, at least 0 and finite; else Step and Sequence fail. Both are small, such as
// 0.01. All parameters are drawn from U(-1/√H, 1/√H).
func NewAntisymmetricRNN(input, hidden int, epsilon, gamma float64, o Options, rng *rand.Rand) *AntisymmetricRNN {
	return &AntisymmetricRNN{newAffine(1, input, hidden, o, rng), epsilon, gamma}
}

// States describes h.
func (a *AntisymmetricRNN) States() []StateSpec { return []StateSpec{{"h", a.hidden}} }

// Step writes one time step in graph ops.
func (a *AntisymmetricRNN) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	n := b.Tanh(b.Add(a.inputWithBothBiases(b, x), b.Linear(a.operand(b, s[0]), a.matrix(b), nil)))
	h := b.Add(s[0], b.Scale(n, a.epsilon))
	b.ObserveGates(antisymmetricGates, n)
	return h, State{h}
}

// Sequence writes a window as a fused recurrence.
func (a *AntisymmetricRNN) Sequence(b *graph.Builder, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	if active(b, "RecurrentDropout", a.options.RecurrentDropout) {
		return nil, nil
	}
	r := integrator("AntisymmetricRNN", 1, a.epsilon, antisymmetricGates)
	return b.Recur(r, reverse, a.inputWithBothBiases(b, x), a.matrix(b), nil, s)
}

var antisymmetricGates = []graph.Gate{candidate} // h isn't bounded

// matrix writes M.
func (a *AntisymmetricRNN) matrix(b *graph.Builder) *graph.Node {
	wrong := func(name string, value float64, want string) {
		b.Fail(&graph.ArgumentError{Op: "AntisymmetricRNN", Name: name, Got: fmt.Sprint(value), Want: want})
	}
	if !(a.epsilon > 0 && a.epsilon <= math.MaxFloat64) {
		wrong("epsilon", a.epsilon, "above 0 and finite")
	}
	if !(a.gamma >= 0 && a.gamma <= math.MaxFloat64) {
		wrong("gamma", a.gamma, "at least 0 and finite")
	}
	return b.Once(derived{a, "matrix"}, func() *graph.Node {
		u := a.weightHH(b)
		if b.Err() != nil {
			return nil
		}
		diffusion := graph.NewTensor(graph.Float64, a.hidden, a.hidden)
		for i := range a.hidden {
			diffusion.F64[i*a.hidden+i] = a.gamma
		}
		return b.Sub(b.Sub(u, b.Transpose(u)), b.Const(diffusion))
	})
}
