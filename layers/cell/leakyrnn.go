package cell

import (
	"fmt"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

var _ Fused = (*LeakyRNN)(nil)

// LeakyRNN is the leaky integrator (Jaeger et al. 2007, here with trained weights): a simple recurrent network in which
// a part of the state stays at every step.
//
//	h' = (1-α)·h + α·tanh(x·Wᵀ + b + h·Uᵀ + d)
//
// It is CTRNN with one fixed time constant Δt/α. α = 1 makes it the simple recurrent network.
//
// The state is h [B, H]; the output is h'. The parameters are weight_ih [H, F], W; weight_hh [H, H], U; bias_ih and
// bias_hh [H].
type LeakyRNN struct {
	affine
	alpha float64
}

// NewLeakyRNN returns a leaky cell for inputs of the given width. The leak rate alpha, α, is above 0 and at most 1;
// else Step and Sequence fail. All parameters are drawn from U(-1/√H, 1/√H).
func NewLeakyRNN(input, hidden int, alpha float64, o Options, rng *rand.Rand) *LeakyRNN {
	return &LeakyRNN{newAffine(1, input, hidden, o, rng), alpha}
}

// States describes h.
func (l *LeakyRNN) States() []StateSpec { return []StateSpec{{"h", l.hidden}} }

// Step writes one time step in graph ops.
func (l *LeakyRNN) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	l.check(b)
	n := b.Tanh(b.Add(l.input(b, x), l.recurrent(b, s[0])))
	h := b.Add(b.Scale(s[0], 1-l.alpha), b.Scale(n, l.alpha))
	b.ObserveGates(leakyGates, n, h)
	return h, State{h}
}

// Sequence writes a window as a fused recurrence.
func (l *LeakyRNN) Sequence(b *graph.Builder, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	l.check(b)
	return l.sequence(b, integrator("LeakyRNN", 1-l.alpha, l.alpha, leakyGates), x, s, reverse)
}

var leakyGates = []graph.Gate{candidate, boundedH}

func (l *LeakyRNN) check(b *graph.Builder) {
	if !(l.alpha > 0 && l.alpha <= 1) {
		b.Fail(&graph.ArgumentError{Op: "LeakyRNN", Name: "alpha", Got: fmt.Sprint(l.alpha), Want: "above 0, at most 1"})
	}
}

// integrator is the fused recurrence h' = keep·h + gain·tanh(a + h·Uᵀ).
func integrator(name string, keep, gain float64, gates []graph.Gate) graph.Recurrence {
	return graph.Recurrence{
		Name: name, Gates: 1, States: 1, Direct: true,
		Activations: gates,
		F32:         integratorArithmetic(float32(keep), float32(gain)),
		F64:         integratorArithmetic(keep, gain),
	}
}

func integratorArithmetic[F kernel.Float](keep, gain F) graph.Arithmetic[F] {
	return graph.Arithmetic[F]{
		Forward: func(r *graph.Row[F]) {
			kernel.Tanh(r.A[0], r.A[0])
			for i, n := range r.A[0] {
				r.Next[0][i] = keep*r.Prev[0][i] + gain*n
			}
		},
		Backward: func(r *graph.Row[F]) {
			for i, n := range r.A[0] {
				d := r.D[0][i]
				r.A[0][i] = d * gain * (1 - n*n)
				r.D[0][i] = d * keep
			}
		},
	}
}
