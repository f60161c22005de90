package cell

import (
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

var _ Fused = (*SRU)(nil)

// SRU is the simple recurrent unit in its second version, "for highly parallelizable recurrence" (Lei et al. 2018): no
// matrix multiplies the state, and the gates see it by a vector each.
//
//	f = σ(x·W_fᵀ + v_f ⊙ c + b_f)       forget gate
//	r = σ(x·W_rᵀ + v_r ⊙ c + b_r)       highway gate
//	c' = f ⊙ c + (1 - f) ⊙ (x·Wᵀ)
//	h' = r ⊙ c' + (1 - r) ⊙ α·x,  α = √3
//
// Where the input's width isn't H, x·W_sᵀ stands for α·x, as in the authors' program.
//
// The state is c [B, H]; the output is h'. The parameters are weight_ih, [3H, F] with the blocks W, W_f, W_r, or
// [4H, F] with W_s below; weight_c [2H], v_f and v_r; bias [2H], b_f and b_r.
type SRU struct {
	WeightIH, WeightC *graph.Param
	Bias              *graph.Param // nil without bias
	hidden            int
	highway           bool // x itself is carried over to the output
	options           Options
}

// NewSRU returns an SRU cell for inputs of the given width. It draws weights and vectors as the authors do, with the
// variance 1/F of W, 1/(2F) of W_f and W_r, 3/F of W_s, and 1/2 of the vectors. The biases are 0.
func NewSRU(input, hidden int, o Options, rng *rand.Rand) *SRU {
	variances := []float64{1, 0.5, 0.5, 3} // by block, times F
	blocks := 4
	if input == hidden {
		blocks = 3
	}
	draw := func(values []float64, shape []int, rng *rand.Rand) error {
		size := len(values) / blocks
		for i := range blocks {
			if err := graph.Uniform(math.Sqrt(3*variances[i]/float64(input)))(values[i*size:][:size], shape, rng); err != nil {
				return err
			}
		}
		return nil
	}
	s := &SRU{
		WeightIH: graph.NewParam(draw, rng, blocks*hidden, input),
		WeightC:  graph.NewParam(graph.Uniform(math.Sqrt(1.5)), rng, 2*hidden),
		hidden:   hidden,
		highway:  blocks == 3,
		options:  o,
	}
	if !o.NoBias {
		s.Bias = graph.NewParam(graph.Zeros, rng, 2*hidden)
	}
	return s
}

// States describes c.
func (s *SRU) States() []StateSpec { return []StateSpec{{"c", s.hidden}} }

// Params returns the parameters.
func (s *SRU) Params() []graph.NamedParam {
	params := []graph.NamedParam{{Name: "weight_ih", Param: s.WeightIH}, {Name: "weight_c", Param: s.WeightC}}
	return withBias(params, "bias", s.Bias)
}

// Step writes one time step in graph ops.
func (s *SRU) Step(b *graph.Builder, x *graph.Node, state State) (*graph.Node, State) {
	return step(b, s, x, state)
}

// Sequence writes a window with one product for all steps.
func (s *SRU) Sequence(b *graph.Builder, x *graph.Node, state State, reverse bool) (*graph.Node, State) {
	return sequence(b, s, x, state, reverse)
}

// project writes the candidates x·Wᵀ, what the input gives to f and to r, and what the highway carries.
func (s *SRU) project(b *graph.Builder, x *graph.Node) []*graph.Node {
	s.options.refuse(b, "SRU")
	a := b.Linear(x, b.Param(s.WeightIH), nil)
	var p []*graph.Node
	if s.highway {
		p = append(b.Split(a, 1, 3), b.Scale(x, math.Sqrt(3)))
	} else {
		p = b.Split(a, 1, 4)
	}
	if s.Bias != nil {
		for i, bias := range b.Split(b.Param(s.Bias), 0, 2) {
			p[1+i] = b.Add(p[1+i], bias)
		}
	}
	return p
}

func (s *SRU) advance(b *graph.Builder, p []*graph.Node, state State) (*graph.Node, State) {
	c := state[0]
	forget := b.Once(derived{s, "v_f"}, func() *graph.Node {
		return b.Slice(b.Param(s.WeightC), 0, 0, s.hidden)
	})
	highway := b.Once(derived{s, "v_r"}, func() *graph.Node {
		return b.Slice(b.Param(s.WeightC), 0, s.hidden, 2*s.hidden)
	})
	f := b.Sigmoid(b.Add(p[1], b.Mul(c, forget)))
	r := b.Sigmoid(b.Add(p[2], b.Mul(c, highway)))
	b.ObserveGates([]graph.Gate{{Name: "forget"}, {Name: "highway"}}, f, r)
	c = blend(b, f, c, p[0])
	return blend(b, r, c, p[3]), State{c}
}
