package bptt

import (
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

// UORO is unbiased online recurrent optimization (Tallec and Ollivier 2018): the influence of the parameters on the state
// is carried as one outer product of two random vectors, whose mean is the exact one. It takes S+P numbers for each sequence,
// and for each step two forward passes more and a backward pass for each sequence. The gradient is noisy and has no bias,
// but that J·s̃ is a central difference.
type UORO struct {
	Window int // time steps between updates; required
}

// Gradient computes the next time steps. It leaves the gradient in the parameters, and passes on the data's io.EOF.
func (s UORO) Gradient(r *Run) (Result, error) {
	return r.online("bptt.UORO", s.Window, repeated, func(o *online) (influence, error) {
		u := &rankOne{random: rand.New(r.Random), width: o.width}
		for range o.batch {
			u.state = append(u.state, make([]float64, o.width))
			u.param = append(u.param, make([]float64, o.count))
		}
		return u, nil
	})
}

// rankOne is the influence as the product of two vectors.
type rankOne struct {
	state  [][]float64 // s̃, by sequence, [S]
	param  [][]float64 // θ̃, by sequence, [P]
	random *rand.Rand
	width  int
}

func (u *rankOne) apply(sum, g []float64) {
	for b := range u.state {
		dot := 0.0
		for i, s := range u.state[b] {
			dot += g[b*u.width+i] * s
		}
		for k, v := range u.param[b] {
			sum[k] += dot * v
		}
	}
}

func (u *rankOne) advance(o *online) error {
	signs := make([][]float64, o.batch)
	rows := make([][]float64, o.batch) // ν·I
	for b := range signs {
		clear(o.seed)
		signs[b] = o.seed[b*o.width:][:o.width]
		for i := range signs[b] {
			signs[b][i] = float64(2*u.random.IntN(2) - 1)
		}
		if err := o.back(); err != nil {
			return err
		}
		signs[b], rows[b] = append([]float64(nil), signs[b]...), append([]float64(nil), o.row...)
	}
	ahead, err := u.push(o)
	if err != nil {
		return err
	}
	const tiny = 1e-14
	for b := range signs {
		scale0 := math.Sqrt((length(u.param[b]) + tiny) / (length(ahead[b]) + tiny))
		scale1 := math.Sqrt((length(rows[b]) + tiny) / (length(signs[b]) + tiny))
		for i := range ahead[b] {
			u.state[b][i] = scale0*ahead[b][i] + scale1*signs[b][i]
		}
		for k := range rows[b] {
			u.param[b][k] = u.param[b][k]/scale0 + rows[b][k]/scale1
		}
	}
	return nil
}

// push returns J·s̃ of every sequence.
func (u *rankOne) push(o *online) ([][]float64, error) {
	step := 1e-5
	if o.params[0].Value.DType() == graph.Float32 {
		step = 1e-2
	}
	norms := make([]float64, o.batch)
	out := make([][]float64, o.batch)
	for b := range out {
		norms[b] = length(u.state[b])
		out[b] = make([]float64, o.width)
	}
	shifted := graph.States{}
	for _, sign := range []float64{1, -1} {
		o.eachState(func(name string, column, width int) {
			t := graph.NewTensor(o.params[0].Value.DType(), o.batch, width)
			for b := range o.batch {
				for i := range width {
					v := 0.0
					if before := o.before[name]; before != nil {
						v = before.At(b*width + i)
					}
					if norms[b] > 0 {
						v += sign * step * u.state[b][column+i] / norms[b]
					}
					t.SetAt(b*width+i, v)
				}
			}
			shifted[name] = t
		})
		if err := o.program.Load(shifted); err != nil {
			return nil, err
		}
		if err := o.program.Forward(o.noise); err != nil {
			return nil, err
		}
		o.eachState(func(name string, column, width int) {
			last := o.program.LastState(name)
			for b := range o.batch {
				for i := range width {
					out[b][column+i] += sign * last.At(b*width+i) * norms[b] / (2 * step)
				}
			}
		})
	}
	return out, nil
}

// length is the Euclidean norm.
func length(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum)
}

func (u *rankOne) clear(sequence int) {
	clear(u.state[sequence])
	clear(u.param[sequence])
}
