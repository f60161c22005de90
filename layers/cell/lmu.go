package cell

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/gobptt/bptt/graph"
)

var _ Cell = (*LMU)(nil)

// LMU is the Legendre memory unit (Voelker, Kajić and Eliasmith 2019): a linear memory holds the last θ time steps of a
// signal u as coefficients of Legendre polynomials, and a nonlinear network writes u and reads the memory.
//
//	u = x·e_xᵀ + h·e_hᵀ + m·e_mᵀ
//	m' = m·Āᵀ + u·B̄ᵀ
//	h' = tanh(x·W_xᵀ + h·W_hᵀ + m'·W_mᵀ)
//
// Ā and B̄ are constant: θ·dm/dt = A·m + B·u, discretized by a zero-order hold, with
//
//	A[i,j] = (2i+1)·(-1 if i < j, else (-1)^(i-j+1)),  B[i] = (2i+1)·(-1)^i,  0 ≤ i, j < d
//
// The signal of δ time steps ago is about Σ_i P_i(2δ/θ - 1)·m[i], with the Legendre polynomials P_i. As in the paper,
// there are no biases.
//
// The state is h [B, H] and m [B, d]; the output is h'. The parameters are e_x [1, F], e_h [1, H], e_m [1, d];
// weight_ih [H, F], W_x; weight_hh [H, H], W_h; weight_mh [H, d], W_m.
type LMU struct {
	EX, EH, EM                   *graph.Param
	WeightIH, WeightHH, WeightMH *graph.Param
	hidden, order                int
	theta                        float64
	a, b                         *graph.Tensor // Ā [d, d] and B̄ [d]
}

// maxOrder bounds the time to discretize the memory.
const maxOrder = 512

// NewLMU returns an LMU cell for inputs of the given width. The order of the memory, d, is 1 to 512, and theta, θ, at
// least 1 time step and finite; else Step and Sequence fail. As the authors do, it draws e_x and e_h from a uniform
// distribution of variance 1/F and 1/H, and the weights from Glorot's normal one; e_m is 0.
func NewLMU(input, hidden, order int, theta float64, rng *rand.Rand) *LMU {
	lecun := func(in int) graph.Initializer { return graph.Uniform(math.Sqrt(3 / float64(in))) }
	glorot := func(in int) graph.Initializer { return graph.Normal(math.Sqrt(2 / (float64(in) + float64(hidden)))) }
	l := &LMU{
		EX:       graph.NewParam(lecun(input), rng, 1, input),
		EH:       graph.NewParam(lecun(hidden), rng, 1, hidden),
		EM:       graph.NewParam(graph.Zeros, rng, 1, order),
		WeightIH: graph.NewParam(glorot(input), rng, hidden, input),
		WeightHH: graph.NewParam(glorot(hidden), rng, hidden, hidden),
		WeightMH: graph.NewParam(glorot(order), rng, hidden, order),
		hidden:   hidden,
		order:    order,
		theta:    theta,
	}
	if l.possible() {
		l.a, l.b = legendreMemory(order, theta)
	}
	return l
}

func (l *LMU) possible() bool {
	return l.order >= 1 && l.order <= maxOrder && l.theta >= 1 && l.theta <= math.MaxFloat64
}

// legendreMemory returns Ā and B̄, from the matrix exponential of both together:
//
//	exp([A, B; 0, 0]/θ) = [Ā, B̄; 0, 1]
func legendreMemory(order int, theta float64) (a, b *graph.Tensor) {
	both := mat.NewDense(order+1, order+1, nil)
	for i := range order {
		scale := float64(2*i+1) / theta
		for j := range order {
			sign := -1.0
			if i >= j && (i-j)%2 == 1 {
				sign = 1
			}
			both.Set(i, j, sign*scale)
		}
		both.Set(i, order, scale*float64(1-i%2*2))
	}
	both.Exp(both)
	a, b = graph.NewTensor(graph.Float64, order, order), graph.NewTensor(graph.Float64, order)
	for i := range order {
		for j := range order {
			a.F64[i*order+j] = both.At(i, j)
		}
		b.F64[i] = both.At(i, order)
	}
	return a, b
}

// States describes h and m.
func (l *LMU) States() []StateSpec { return []StateSpec{{"h", l.hidden}, {"m", l.order}} }

// Params returns the parameters.
func (l *LMU) Params() []graph.NamedParam {
	return []graph.NamedParam{
		{Name: "e_x", Param: l.EX}, {Name: "e_h", Param: l.EH}, {Name: "e_m", Param: l.EM},
		{Name: "weight_ih", Param: l.WeightIH}, {Name: "weight_hh", Param: l.WeightHH},
		{Name: "weight_mh", Param: l.WeightMH},
	}
}

// Step writes one time step in graph ops.
func (l *LMU) Step(b *graph.Builder, x *graph.Node, s State) (*graph.Node, State) {
	if !l.possible() {
		b.Fail(&graph.ArgumentError{
			Op: "LMU", Name: "memory", Got: fmt.Sprintf("of order %d over %v time steps", l.order, l.theta),
			Want: fmt.Sprintf("order 1 to %d, and a finite number of time steps from 1", maxOrder),
		})
	}
	product := func(x *graph.Node, w *graph.Param) *graph.Node { return b.Linear(x, b.Param(w), nil) }
	h, m := s[0], s[1]
	u := b.Add(product(x, l.EX), b.Add(product(h, l.EH), product(m, l.EM)))
	keep := b.Once(derived{l, "A"}, func() *graph.Node { return b.Const(l.a) })
	write := b.Once(derived{l, "B"}, func() *graph.Node { return b.Const(l.b) })
	m = b.Add(b.Linear(m, keep, nil), b.Mul(u, write))
	h = b.Tanh(b.Add(product(x, l.WeightIH), b.Add(product(h, l.WeightHH), product(m, l.WeightMH))))
	b.ObserveGates(tanhGates, h)
	return h, State{h, m}
}
