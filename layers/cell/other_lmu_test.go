package cell_test

import (
	"math"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers/cell"
)

// TestLMU computes the memory of a time step, over which u is constant, by many small steps of the differential
// equation instead of its closed form.
func TestLMU(t *testing.T) {
	const H, d, theta, pieces = 4, 3, 6.5, 500
	legendre := func(m []float64, u float64) []float64 {
		dm := make([]float64, d)
		for i := range dm {
			sum := u
			if i%2 == 1 {
				sum = -u
			}
			for j, v := range m {
				switch {
				case i < j, (i-j)%2 == 0:
					sum -= v
				default:
					sum += v
				}
			}
			dm[i] = float64(2*i+1) * sum / theta
		}
		return dm
	}
	along := func(m, dm []float64, by float64) []float64 {
		out := make([]float64, d)
		for i := range out {
			out[i] = m[i] + by*dm[i]
		}
		return out
	}
	c := cell.NewLMU(3, H, d, theta, seeded())
	for i := range d {
		c.EM.Value.SetAt(i, 0.1*float64(i)-0.15) // it begins at 0
	}
	follows(t, c, 3, false, func(p map[string][]float64, x []float64, s [][]float64) []float64 {
		u := times(p["e_x"], 0, x) + times(p["e_h"], 0, s[0]) + times(p["e_m"], 0, s[1])
		const step = 1.0 / pieces
		for range pieces { // the classical Runge-Kutta method
			k1 := legendre(s[1], u)
			k2 := legendre(along(s[1], k1, step/2), u)
			k3 := legendre(along(s[1], k2, step/2), u)
			k4 := legendre(along(s[1], k3, step), u)
			for i := range d {
				s[1][i] += step / 6 * (k1[i] + 2*k2[i] + 2*k3[i] + k4[i])
			}
		}
		h := make([]float64, H)
		for i := range h {
			a := times(p["weight_ih"], i, x) + times(p["weight_hh"], i, s[0]) + times(p["weight_mh"], i, s[1])
			h[i] = math.Tanh(a)
		}
		s[0] = h
		return h
	})
	for _, wrong := range []struct {
		order int
		theta float64
	}{{513, 10}, {3, 0.5}, {3, 0}, {3, -1}, {3, math.NaN()}, {3, math.Inf(1)}} {
		refused(t, cell.NewLMU(3, H, wrong.order, wrong.theta, seeded()), "LMU")
	}
}

// TestLMUDelay decodes what the memory was given some steps ago, from Legendre polynomials alone.
func TestLMUDelay(t *testing.T) {
	const d, theta, T = 12, 64, 400
	c := cell.NewLMU(1, 1, d, theta, seeded())
	for _, p := range c.Params() {
		p.Value.Zero()
	}
	c.EX.Value.SetAt(0, 1) // the memory sees the input, and only that
	graph.SetDType(c.Params(), graph.Float64)
	signal := func(t float64) float64 { return math.Sin(2*math.Pi*t/40) + 0.5*math.Cos(2*math.Pi*t/97) }
	x := make([]float64, T)
	for i := range x {
		x[i] = signal(float64(i))
	}
	b := graph.NewBuilder(graph.Window{T: T, B: 1}, graph.Options{DType: graph.Float64})
	s := cell.State{b.Floats("h", 1, 1), b.Floats("m", 1, d)}
	in := b.Floats("x", T, 1)
	var memories []*graph.Node
	for i := range T {
		_, s = c.Step(b, b.Slice(in, 0, i, i+1), s)
		memories = append(memories, s[1])
	}
	b.Output("m", b.Concat(0, memories...))
	p, err := b.Forward(nil)
	if err == nil {
		err = p.SetFloat64s("x", x)
	}
	if err == nil {
		err = p.Run(1)
	}
	if err != nil {
		t.Fatal(err)
	}
	m := p.Output("m").F64
	for _, delay := range []float64{2, 16, 32, 48, 64} {
		errors, power := 0.0, 0.0
		for k := 2 * theta; k < T; k++ { // when what came before the signal is forgotten
			// Between k and k+1 the memory sees signal(k), on average half a step old: its time is k + 1/2.
			got, want := decode(m[k*d:][:d], delay/theta), signal(float64(k)+0.5-delay)
			errors += (got - want) * (got - want)
			power += want * want
		}
		if rms := math.Sqrt(errors / power); rms > 0.005 {
			t.Errorf("delay %v: relative error %.4f", delay, rms)
		}
	}
}

// decode is Σ P_i(2r-1)·m[i], by the three-term recurrence of Legendre's polynomials.
func decode(m []float64, r float64) float64 {
	x := 2*r - 1
	before, p, sum := 0.0, 1.0, 0.0
	for i, v := range m {
		sum += p * v
		n := float64(i)
		before, p = p, ((2*n+1)*x*p-n*before)/(n+1)
	}
	return sum
}
