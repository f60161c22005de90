package cell

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gobptt/bptt/graph"
)

var _ Cell = (*PhasedLSTM)(nil)

// PhasedLSTM is the phased LSTM (Neil et al. 2016), without peepholes: a rhythm opens each unit for a part of its
// period only, and a closed unit keeps its state.
//
//	i, f, g, o as in LSTM, from x and h
//	φ = (t - s)/τ mod 1                 phase
//	k = 2φ/r                            while φ < r/2, the gate opens,
//	    2 - 2φ/r                        while φ < r, it closes,
//	    α·φ                             then, it leaks: α = 0.001 in training, else 0
//	c̃ = f ⊙ c + i ⊙ g
//	c' = k ⊙ c̃ + (1 - k) ⊙ c
//	h' = k ⊙ (o ⊙ tanh(c̃)) + (1 - k) ⊙ h
//
// The period τ, the shift s and the open part r of each unit are learned. τ = exp(log_tau) stays positive, and
// r = σ(logit_r) between 0 and 1. The time t is the number of the time step, from 0.
//
// The state is h and c [B, H], and t [B, 1]; the output is h'. In float32 t can't count beyond 2^24: begin with a
// state of zeros before. The parameters are those of LSTM, weight_ih [4H, F], weight_hh [4H, H], bias_ih and bias_hh
// [4H] with the rows in the order i, f, g, o, and log_tau, shift and logit_r [H].
type PhasedLSTM struct {
	affine
	LogTau, Shift, LogitR *graph.Param
}

const phasedLeak = 1e-3 // α

// NewPhasedLSTM returns a phased LSTM cell for inputs of the given width. Periods are drawn from exp(U(0, 3)),
// 1 to 20 time steps, and shifts from U(0, τ); r is 0.05, as in the paper. Set LogTau and LogitR for other rhythms.
func NewPhasedLSTM(input, hidden int, o Options, rng *rand.Rand) *PhasedLSTM {
	const r = 0.05
	l := &PhasedLSTM{
		affine: newAffine(4, input, hidden, o, rng),
		LogTau: graph.NewParam(between(0, 3), rng, hidden),
		LogitR: graph.NewParam(all(math.Log(r/(1-r))), rng, hidden),
	}
	l.Shift = graph.NewParam(func(values []float64, shape []int, rng *rand.Rand) error {
		if err := between(0, 1)(values, shape, rng); err != nil {
			return err
		}
		for i := range values {
			values[i] *= math.Exp(l.LogTau.Value.At(i))
		}
		return nil
	}, rng, hidden)
	return l
}

// States describes h, c and t.
func (l *PhasedLSTM) States() []StateSpec {
	return []StateSpec{{"h", l.hidden}, {"c", l.hidden}, {"t", 1}}
}

// Params returns the parameters.
func (l *PhasedLSTM) Params() []graph.NamedParam {
	return append(l.affine.Params(), graph.NamedParam{Name: "log_tau", Param: l.LogTau},
		graph.NamedParam{Name: "shift", Param: l.Shift}, graph.NamedParam{Name: "logit_r", Param: l.LogitR})
}

// Step writes one time step in graph ops.
func (l *PhasedLSTM) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	h, c, t := s[0], s[1], s[2]
	gates := b.Split(b.Add(l.input(b, x), l.recurrent(b, h)), 1, 4)
	i, f, g, o := b.Sigmoid(gates[0]), b.Sigmoid(gates[1]), b.Tanh(gates[2]), b.Sigmoid(gates[3])
	k := l.openness(b, t)
	open := b.Add(b.Mul(f, c), b.Mul(i, g))
	c = blend(b, k, open, c)
	h = blend(b, k, b.Mul(o, b.Tanh(open)), h)
	b.ObserveGates(phasedGates, i, f, g, o, h, k)
	return h, State{h, c, b.AddScalar(t, 1)}
}

var phasedGates = append(slices.Clone(lstmGates), graph.Gate{Name: "time"})

// openness writes k [B, H] at the times t [B, 1].
func (l *PhasedLSTM) openness(b *graph.Builder, t *graph.Node) *graph.Node {
	tau := b.Once(derived{l, "tau"}, func() *graph.Node { return b.Exp(b.Param(l.LogTau)) })
	r := b.Once(derived{l, "r"}, func() *graph.Node { return b.Sigmoid(b.Param(l.LogitR)) })
	turns := b.Div(b.Sub(t, b.Param(l.Shift)), tau)
	phase := b.Sub(turns, b.Floor(turns))
	peak := b.AddScalar(b.Scale(b.Div(phase, r), 2), -1) // 2φ/r - 1, 0 where the gate is widest open
	k := b.ReLU(b.AddScalar(b.Neg(b.Abs(peak)), 1))
	if b.Window().Train {
		k = b.Where(b.ReLU(b.Sub(phase, r)), b.Scale(phase, phasedLeak), k)
	}
	return k
}
