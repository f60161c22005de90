package cell

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Fused = (*CTRNN)(nil)

// CTRNN is the continuous-time network τ·dh/dt = -h + tanh(x·Wᵀ + b + h·Uᵀ + d) (Funahashi and Nakamura 1993) with a
// learned time constant for each unit, solved by Euler's method with the step Δt:
//
//	h' = h + Δt/τ ⊙ (tanh(x·Wᵀ + b + h·Uᵀ + d) - h),  τ = Δt + softplus(ρ)
//
// As τ is above Δt, h' lies between h and the tanh, and the method is stable. With one fixed τ it is LeakyRNN.
//
// The state is h [B, H]; the output is h'. The parameters are weight_ih [H, F], W; weight_hh [H, H], U; bias_ih and
// bias_hh [H]; rho [H].
type CTRNN struct {
	affine
	Rho     *graph.Param
	dt, tau float64
}

// NewCTRNN returns a CTRNN cell for inputs of the given width. A time step lasts dt, Δt, and all time constants begin
// at tau, in the same unit. Both are finite and 0 < dt < tau, else Step and Sequence fail. The other parameters are
// drawn from U(-1/√H, 1/√H).
func NewCTRNN(input, hidden int, dt, tau float64, o Options, rng *rand.Rand) *CTRNN {
	rest := tau - dt
	return &CTRNN{
		affine: newAffine(1, input, hidden, o, rng),
		Rho:    graph.NewParam(all(rest+math.Log(-math.Expm1(-rest))), rng, hidden), // the inverse of softplus
		dt:     dt,
		tau:    tau,
	}
}

// States describes h.
func (c *CTRNN) States() []StateSpec { return []StateSpec{{"h", c.hidden}} }

// Params returns the parameters.
func (c *CTRNN) Params() []graph.NamedParam {
	return append(c.affine.Params(), graph.NamedParam{Name: "rho", Param: c.Rho})
}

// Step writes one time step in graph ops.
func (c *CTRNN) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	return step(b, c, x, s)
}

// Sequence writes a window with one product for all inputs.
func (c *CTRNN) Sequence(b *graph.Builder, x *graph.Node, s State, reverse bool) (*graph.Node, State) {
	return sequence(b, c, x, s, reverse)
}

func (c *CTRNN) project(b *graph.Builder, x *graph.Node) []*graph.Node {
	if !(c.dt > 0 && c.dt < c.tau && c.tau <= math.MaxFloat64) {
		b.Fail(&graph.ArgumentError{
			Op: "CTRNN", Name: "times", Got: fmt.Sprintf("dt = %v, tau = %v", c.dt, c.tau),
			Want: "finite ones, 0 < dt < tau",
		})
	}
	return []*graph.Node{c.input(b, x)}
}

func (c *CTRNN) advance(b *graph.Builder, p []*graph.Node, s State) (*graph.Node, State) {
	rate := b.Once(derived{c, "rate"}, func() *graph.Node {
		tau := b.AddScalar(b.Softplus(b.Param(c.Rho)), c.dt)
		return b.Scale(b.Pow(tau, -1), c.dt)
	})
	n := b.Tanh(b.Add(p[0], c.recurrent(b, s[0])))
	h := blend(b, rate, n, s[0])
	b.ObserveGates([]graph.Gate{candidate, boundedH}, n, h)
	return h, State{h}
}
