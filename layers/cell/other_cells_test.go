package cell_test

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers/cell"
)

func TestIndRNN(t *testing.T) {
	formulaWith := func(activation func(float64) float64) plainStep {
		return func(p map[string][]float64, x []float64, s [][]float64) []float64 {
			h := make([]float64, 4)
			for i := range h {
				h[i] = activation(times(p["weight_ih"], i, x) + p["weight_hh"][i]*s[0][i] + p["bias_ih"][i])
			}
			s[0] = h
			return h
		}
	}
	c := cell.NewIndRNN(3, 4, cell.Options{}, seeded())
	for _, u := range c.WeightHH.Value.Floats() {
		if u < 0 || u >= 1 {
			t.Errorf("recurrent weight %v, want one of U(0, 1)", u)
		}
	}
	follows(t, c, 3, false, formulaWith(func(x float64) float64 { return math.Max(x, 0) }))
	follows(t, cell.NewTanhIndRNN(3, 4, cell.Options{}, seeded()), 3, false, formulaWith(math.Tanh))
}

func TestSCRN(t *testing.T) {
	c := cell.NewSCRN(3, 4, 2, cell.Options{}, seeded())
	follows(t, c, 3, false, func(p map[string][]float64, x []float64, s [][]float64) []float64 {
		slow := make([]float64, 2)
		for i := range slow {
			slow[i] = 0.05*times(p["weight_ic"], i, x) + 0.95*s[1][i]
		}
		h := make([]float64, 4)
		for i := range h {
			h[i] = logistic(both(p, i, x, s[0]) + times(p["weight_ch"], i, slow))
		}
		s[0], s[1] = h, slow
		return append(append([]float64{}, h...), slow...)
	})
}

func TestClockworkRNN(t *testing.T) {
	const H, groups = 6, 3
	// The formula counts on, and adds only the weights that there are.
	clockwork := func(p map[string][]float64, x []float64, s [][]float64) []float64 {
		time := int(s[1][0])
		h := append([]float64{}, s[0]...)
		for i := range h {
			g := i / 2
			if time%[]int{1, 2, 4}[g] != 0 {
				continue
			}
			a := times(p["weight_ih"], i, x) + p["bias_ih"][i] + p["bias_hh"][i]
			for j := 2 * g; j < H; j++ {
				a += p["weight_hh"][i*H+j] * s[0][j]
			}
			h[i] = math.Tanh(a)
		}
		s[0], s[1][0] = h, float64((time+1)%4)
		return h
	}
	ys := follows(t, cell.NewClockworkRNN(3, H, groups, cell.Options{}, seeded()), 3, false, clockwork)
	for time := 1; time < len(ys); time++ {
		for i := range H {
			period := 1 << (i / 2)
			if changed := ys[time][i] != ys[time-1][i]; changed != (time%period == 0) {
				t.Errorf("step %d: unit %d of period %d changed: %v", time, i, period, changed)
			}
		}
	}
	for _, wrong := range []struct{ hidden, groups int }{{4, -1}, {4, 0}, {4, 3}, {4, 8}, {50, 25}} {
		refused(t, cell.NewClockworkRNN(3, wrong.hidden, wrong.groups, cell.Options{}, seeded()), "ClockworkRNN")
	}
}

// TestClockworkWeights: the weights from faster groups to slower ones have no effect and no gradient.
func TestClockworkWeights(t *testing.T) {
	const H, T = 4, 6
	c := cell.NewClockworkRNN(2, H, 2, cell.Options{}, seeded())
	b := graph.NewBuilder(graph.Window{T: T, B: 1, Train: true}, graph.Options{})
	y, _ := c.Sequence(b, b.Floats("x", T, 2), cell.State{b.Floats("h", 1, H), b.Floats("t", 1, 1)}, false)
	p, err := b.Compile(b.Sum(y), graph.Gradients{})
	if err == nil {
		err = p.Run(1)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range H {
		for j := range H {
			free := i/2 <= j/2
			if g := c.WeightHH.Grad.At(i*H + j); (g != 0) != free {
				t.Errorf("gradient of the weight from unit %d to unit %d is %v", j, i, g)
			}
		}
	}
}

func TestSRU(t *testing.T) {
	for _, input := range []int{3, 4} { // with a weight for the highway, and without
		follows(t, biased(cell.NewSRU(input, 4, cell.Options{}, seeded())), input, false,
			func(p map[string][]float64, x []float64, s [][]float64) []float64 {
				c, h := make([]float64, 4), make([]float64, 4)
				for i := range c {
					v, b, w := p["weight_c"], p["bias"], p["weight_ih"]
					f := logistic(times(w, 4+i, x) + v[i]*s[0][i] + b[i])
					r := logistic(times(w, 8+i, x) + v[4+i]*s[0][i] + b[4+i])
					c[i] = f*s[0][i] + (1-f)*times(w, i, x)
					highway := math.Sqrt(3) * x[min(i, input-1)]
					if input != 4 {
						highway = times(w, 12+i, x)
					}
					h[i] = r*c[i] + (1-r)*highway
				}
				s[0] = c
				return h
			})
	}
	c := cell.NewSRU(4, 4, cell.Options{}, seeded())
	outputs := func(b *graph.Builder, in []*graph.Node) *graph.Node {
		y, _ := c.Sequence(b, in[0], in[1:], false)
		return y
	}
	err := graph.CheckGradients(graph.Window{T: 3, B: 2}, c.Params(), outputs, noise(6, 4), noise(2, 4))
	if err != nil {
		t.Error("highway of the input's width: ", err)
	}
}

// biased gives all biases that begin at 0 other values.
func biased(c *cell.SRU) *cell.SRU {
	for i := range c.Bias.Value.Len() {
		c.Bias.Value.SetAt(i, 0.1*float64(i)-0.3)
	}
	return c
}

// noise is a random tensor.
func noise(shape ...int) *graph.Tensor {
	rng, x := seeded(), graph.NewTensor(graph.Float64, shape...)
	for i := range x.F64 {
		x.F64[i] = rng.NormFloat64()
	}
	return x
}

func TestQRNN(t *testing.T) {
	follows(t, cell.NewQRNN(3, 4, cell.Options{}, seeded()), 3, false,
		func(p map[string][]float64, x []float64, s [][]float64) []float64 {
			gate := func(i int) float64 {
				a := p["bias_ih"][i]
				for j := range 3 {
					a += p["weight_ih"][i*6+j]*x[j] + p["weight_ih"][i*6+3+j]*s[1][j]
				}
				return a
			}
			h := make([]float64, 4)
			for i := range h {
				z, f, o := math.Tanh(gate(i)), logistic(gate(4+i)), logistic(gate(8+i))
				s[0][i] = f*s[0][i] + (1-f)*z
				h[i] = o * s[0][i]
			}
			s[1] = x
			return h
		})
}

func TestMinimalRNN(t *testing.T) {
	follows(t, cell.NewMinimalRNN(3, 4, cell.Options{}, seeded()), 3, false,
		func(p map[string][]float64, x []float64, s [][]float64) []float64 {
			z, h := make([]float64, 4), make([]float64, 4)
			for i := range z {
				z[i] = math.Tanh(times(p["weight_ih"], i, x) + p["bias_ih"][i])
			}
			for i := range h {
				u := logistic(times(p["weight_hh"], i, s[0]) + times(p["weight_zh"], i, z) + p["bias_hh"][i])
				h[i] = u*s[0][i] + (1-u)*z[i]
			}
			s[0] = h
			return h
		})
}

func TestAntisymmetricRNN(t *testing.T) {
	const H, epsilon, gamma = 5, 0.4, 0.2
	c := cell.NewAntisymmetricRNN(3, H, epsilon, gamma, cell.Options{}, seeded())
	follows(t, c, 3, false, func(p map[string][]float64, x []float64, s [][]float64) []float64 {
		u, h := p["weight_hh"], make([]float64, H)
		for i := range h {
			a := times(p["weight_ih"], i, x) + p["bias_ih"][i] + p["bias_hh"][i] - gamma*s[0][i]
			for j := range H {
				a += (u[i*H+j] - u[j*H+i]) * s[0][j]
			}
			h[i] = s[0][i] + epsilon*math.Tanh(a)
		}
		s[0] = h
		return h
	})
	inf, nan := math.Inf(1), math.NaN()
	for _, wrong := range [][2]float64{{0, 0}, {-1, 0}, {nan, 0}, {inf, 0}, {1, -1}, {1, nan}, {1, inf}} {
		refused(t, cell.NewAntisymmetricRNN(3, H, wrong[0], wrong[1], cell.Options{}, seeded()), "AntisymmetricRNN")
	}
}

// TestAntisymmetricEigenvalues: those of the matrix that a state is multiplied with have the real part -γ. Near 0,
// where tanh is the identity, a step from the unit vector e_j without biases gives e_j + ε·M·e_j.
func TestAntisymmetricEigenvalues(t *testing.T) {
	const H, epsilon, gamma, small = 6, 0.5, 0.3, 1e-6
	c := cell.NewAntisymmetricRNN(1, H, epsilon, gamma, cell.Options{NoBias: true}, seeded())
	states := graph.States{"h_l0": graph.NewTensor(graph.Float64, H, H)}
	for j := range H {
		states["h_l0"].SetAt(j*H+j, small)
	}
	graph.SetDType(c.Params(), graph.Float64)
	y := runWindow(t, c, graph.Window{T: 1, B: H}, 1, make([]float64, H), states)
	m := mat.NewDense(H, H, nil)
	for j := range H {
		for i := range H {
			m.Set(i, j, y[j*H+i]/(small*epsilon))
		}
		m.Set(j, j, m.At(j, j)-1/epsilon)
	}
	var eigen mat.Eigen
	if !eigen.Factorize(m, mat.EigenNone) {
		t.Fatal("no eigenvalues")
	}
	turning := 0.0
	for _, v := range eigen.Values(nil) {
		turning += math.Abs(imag(v))
		if math.Abs(real(v)+gamma) > 1e-6 {
			t.Errorf("eigenvalue %v, want the real part %v", v, -gamma)
		}
	}
	if turning < 0.1 {
		t.Errorf("eigenvalues %v: the matrix is next to none", eigen.Values(nil))
	}
}

func TestPhasedLSTM(t *testing.T) {
	const H = 4
	for _, train := range []bool{true, false} {
		leak := 0.0
		if train {
			leak = 1e-3
		}
		seen := map[string]bool{} // phases that the steps met
		c := cell.NewPhasedLSTM(3, H, cell.Options{}, seeded())
		for i := range H {
			c.LogTau.Value.SetAt(i, math.Log([]float64{3.3, 2.7, 9.1, 1.9}[i]))
			c.LogitR.Value.SetAt(i, []float64{0.1, -0.5, 0.8, -3}[i])
		}
		follows(t, c, 3, train, func(p map[string][]float64, x []float64, s [][]float64) []float64 {
			h := make([]float64, H)
			for j := range h {
				tau, r := math.Exp(p["log_tau"][j]), logistic(p["logit_r"][j])
				phase := math.Mod(s[2][0]-p["shift"][j]+100*tau, tau) / tau
				k, where := leak*phase, "closed"
				switch {
				case phase < r/2:
					k, where = 2*phase/r, "opening"
				case phase < r:
					k, where = 2-2*phase/r, "closing"
				}
				seen[where] = true
				i, f := logistic(both(p, j, x, s[0])), logistic(both(p, H+j, x, s[0]))
				g, o := math.Tanh(both(p, 2*H+j, x, s[0])), logistic(both(p, 3*H+j, x, s[0]))
				open := f*s[1][j] + i*g
				s[1][j] = k*open + (1-k)*s[1][j]
				h[j] = k*o*math.Tanh(open) + (1-k)*s[0][j]
			}
			s[0], s[2][0] = h, s[2][0]+1
			return h
		})
		if len(seen) != 3 {
			t.Errorf("the steps met only these phases: %v", seen)
		}
	}
}

// TestPhasedLSTMRhythm: as they begin, periods lie between 1 and e³ steps, shifts within them, and gates are open for
// 5%.
func TestPhasedLSTMRhythm(t *testing.T) {
	c := cell.NewPhasedLSTM(1, 50, cell.Options{}, seeded())
	for i := range 50 {
		tau, shift := math.Exp(c.LogTau.Value.At(i)), c.Shift.Value.At(i)
		if tau < 1 || tau > math.Exp(3) || shift < 0 || shift > tau {
			t.Errorf("unit %d: period %v, shift %v", i, tau, shift)
		}
		if r := logistic(c.LogitR.Value.At(i)); math.Abs(r-0.05) > 1e-6 {
			t.Errorf("unit %d: open for %v of its period", i, r)
		}
	}
}

func TestCTRNN(t *testing.T) {
	const H, dt, tau = 4, 0.5, 3
	c := cell.NewCTRNN(3, H, dt, tau, cell.Options{}, seeded())
	for i := range H {
		if got := dt + math.Log1p(math.Exp(c.Rho.Value.At(i))); math.Abs(got-tau) > 1e-6 {
			t.Errorf("time constant %v, want %v", got, float64(tau))
		}
		c.Rho.Value.SetAt(i, float64(i)-2)
	}
	follows(t, c, 3, false, func(p map[string][]float64, x []float64, s [][]float64) []float64 {
		h := make([]float64, H)
		for i := range h {
			tau := dt + math.Log(1+math.Exp(p["rho"][i]))
			h[i] = s[0][i] + dt*(-s[0][i]+math.Tanh(both(p, i, x, s[0])))/tau
		}
		s[0] = h
		return h
	})
	inf, nan := math.Inf(1), math.NaN()
	for _, wrong := range [][2]float64{{0, 1}, {-1, 1}, {1, 1}, {2, 1}, {nan, 1}, {1, nan}, {1, inf}} {
		refused(t, cell.NewCTRNN(3, H, wrong[0], wrong[1], cell.Options{}, seeded()), "CTRNN")
	}
}

func TestLeakyRNN(t *testing.T) {
	const H, alpha = 4, 0.3
	follows(t, cell.NewLeakyRNN(3, H, alpha, cell.Options{}, seeded()), 3, false,
		func(p map[string][]float64, x []float64, s [][]float64) []float64 {
			h := make([]float64, H)
			for i := range h {
				h[i] = (1-alpha)*s[0][i] + alpha*math.Tanh(both(p, i, x, s[0]))
			}
			s[0] = h
			return h
		})
	for _, wrong := range []float64{0, -0.5, 1.5, math.NaN(), math.Inf(1)} {
		refused(t, cell.NewLeakyRNN(3, H, wrong, cell.Options{}, seeded()), "LeakyRNN")
	}
}
