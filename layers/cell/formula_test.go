package cell_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers/cell"
)

// A formula computes one step of one sequence from a cell's documented formula, with scalar arithmetic and loops: from
// the parameters by name, the input and the states, the next states. The first of them is the output.
type formula func(p weights, x []float64, s [][]float64) [][]float64

type weights map[string][]float64

type constructor func(input, hidden int, o cell.Options, rng *rand.Rand) cell.Cell

func of[C cell.Cell](newCell func(input, hidden int, o cell.Options, rng *rand.Rand) C) constructor {
	return func(input, hidden int, o cell.Options, rng *rand.Rand) cell.Cell {
		return newCell(input, hidden, o, rng)
	}
}

const testInput, testHidden, testProjection = 3, 4, 2

// formulas are by the name of the cell.
var formulas = map[string]struct {
	newCell constructor
	step    formula
}{
	"PeepholeLSTM": {
		of(cell.NewPeepholeLSTM),
		func(p weights, x []float64, s [][]float64) [][]float64 {
			h, c := make([]float64, testHidden), make([]float64, testHidden)
			for j := range c {
				i := sigma(p.gate(0, j, x, s[0]) + p["weight_ci"][j]*s[1][j])
				f := sigma(p.gate(1, j, x, s[0]) + p["weight_cf"][j]*s[1][j])
				c[j] = f*s[1][j] + i*math.Tanh(p.gate(2, j, x, s[0]))
				o := sigma(p.gate(3, j, x, s[0]) + p["weight_co"][j]*c[j])
				h[j] = o * math.Tanh(c[j])
			}
			return [][]float64{h, c}
		},
	},
	"ProjectedLSTM": {
		func(input, hidden int, o cell.Options, rng *rand.Rand) cell.Cell {
			return cell.NewProjectedLSTM(input, hidden, testProjection, o, rng)
		},
		func(p weights, x []float64, s [][]float64) [][]float64 {
			wide, c := lstm(func(g, j int) float64 { return p.gate(g, j, x, s[0]) }, s[1])
			h := make([]float64, testProjection)
			for j := range h {
				h[j] = p.product("weight_hr", j, wide)
			}
			return [][]float64{h, c}
		},
	},
	"CoupledLSTM": {
		of(cell.NewCoupledLSTM),
		func(p weights, x []float64, s [][]float64) [][]float64 {
			h, c := make([]float64, testHidden), make([]float64, testHidden)
			for j := range c {
				i := sigma(p.gate(0, j, x, s[0]))
				c[j] = (1-i)*s[1][j] + i*math.Tanh(p.gate(1, j, x, s[0]))
				h[j] = sigma(p.gate(2, j, x, s[0])) * math.Tanh(c[j])
			}
			return [][]float64{h, c}
		},
	},
	"JANET": {
		of(cell.NewJANET),
		func(p weights, x []float64, s [][]float64) [][]float64 {
			h := make([]float64, testHidden)
			for j := range h {
				a := p.gate(0, j, x, s[0])
				h[j] = sigma(a)*s[0][j] + (1-sigma(a-1))*math.Tanh(p.gate(1, j, x, s[0]))
			}
			return [][]float64{h}
		},
	},
	"MGU": {
		of(cell.NewMGU),
		func(p weights, x []float64, s [][]float64) [][]float64 {
			f, fh, h := make([]float64, testHidden), make([]float64, testHidden), make([]float64, testHidden)
			for j := range f {
				f[j] = sigma(p.gate(0, j, x, s[0]))
				fh[j] = f[j] * s[0][j]
			}
			for j := range h {
				h[j] = (1-f[j])*s[0][j] + f[j]*math.Tanh(p.gate(1, j, x, fh))
			}
			return [][]float64{h}
		},
	},
	"ResetBeforeGRU": {
		of(cell.NewResetBeforeGRU),
		func(p weights, x []float64, s [][]float64) [][]float64 {
			rh, h := make([]float64, testHidden), make([]float64, testHidden)
			for j := range rh {
				rh[j] = sigma(p.gate(0, j, x, s[0])) * s[0][j]
			}
			for j := range h {
				z := sigma(p.gate(1, j, x, s[0]))
				h[j] = (1-z)*math.Tanh(p.gate(2, j, x, rh)) + z*s[0][j]
			}
			return [][]float64{h}
		},
	},
	"MLSTM": {
		of(cell.NewMLSTM),
		func(p weights, x []float64, s [][]float64) [][]float64 {
			m := make([]float64, testHidden)
			for j := range m {
				m[j] = p.product("weight_im", j, x) * p.product("weight_hm", j, s[0])
			}
			h, c := lstm(func(g, j int) float64 { return p.gate(g, j, x, m) }, s[1])
			return [][]float64{h, c}
		},
	},
	"MILSTM": {
		of(cell.NewMILSTM),
		func(p weights, x []float64, s [][]float64) [][]float64 {
			h, c := lstm(func(g, j int) float64 { return p.integration(g, j, x, s[0]) }, s[1])
			return [][]float64{h, c}
		},
	},
	"MIRNN": {
		of(cell.NewMIRNN),
		func(p weights, x []float64, s [][]float64) [][]float64 {
			h := make([]float64, testHidden)
			for j := range h {
				h[j] = math.Tanh(p.integration(0, j, x, s[0]))
			}
			return [][]float64{h}
		},
	},
	"LayerNormLSTM": {
		of(cell.NewLayerNormLSTM),
		func(p weights, x []float64, s [][]float64) [][]float64 {
			fromX, fromH := p.normalized("ih", 0, 4, x), p.normalized("hh", 0, 4, s[0])
			a := func(g, j int) float64 { return fromX[g*testHidden+j] + fromH[g*testHidden+j] }
			h, c := lstm(a, s[1])
			for j, v := range normal(c) {
				v = v*p["gain_c"][j] + p.bias("bias_c", j)
				h[j] = sigma(a(3, j)) * math.Tanh(v)
			}
			return [][]float64{h, c}
		},
	},
	"LayerNormGRU": {
		of(cell.NewLayerNormGRU),
		func(p weights, x []float64, s [][]float64) [][]float64 {
			gatesX, gatesH := p.normalized("ih", 0, 2, x), p.normalized("hh", 0, 2, s[0])
			candidateX, candidateH := p.normalized("ih", 2, 1, x), p.normalized("hh", 2, 1, s[0])
			h := make([]float64, testHidden)
			for j := range h {
				r, z := sigma(gatesX[j]+gatesH[j]), sigma(gatesX[testHidden+j]+gatesH[testHidden+j])
				h[j] = (1-z)*math.Tanh(candidateX[j]+r*candidateH[j]) + z*s[0][j]
			}
			return [][]float64{h}
		},
	},
}

// gate is the pre-activation of gate g of unit j, x·Wᵀ + b_ih + h·Uᵀ + b_hh.
func (p weights) gate(g, j int, x, h []float64) float64 {
	k := g*testHidden + j
	return p.product("weight_ih", k, x) + p.bias("bias_ih", k) + p.product("weight_hh", k, h) + p.bias("bias_hh", k)
}

// integration is the pre-activation with multiplicative integration.
func (p weights) integration(g, j int, x, h []float64) float64 {
	k := g*testHidden + j
	wx, uh := p.product("weight_ih", k, x), p.product("weight_hh", k, h)
	return p["alpha"][k]*wx*uh + p["beta1"][k]*uh + p["beta2"][k]*wx + p.bias("bias_ih", k)
}

// normalized is the normalized product of v with some of the gates' weights, together.
func (p weights) normalized(suffix string, firstGate, gates int, v []float64) []float64 {
	from := firstGate * testHidden
	a := make([]float64, gates*testHidden)
	for k := range a {
		a[k] = p.product("weight_"+suffix, from+k, v)
	}
	a = normal(a)
	for k := range a {
		a[k] = a[k]*p["gain_"+suffix][from+k] + p.bias("bias_"+suffix, from+k)
	}
	return a
}

// product is row k of a matrix times v.
func (p weights) product(name string, k int, v []float64) float64 {
	sum := 0.0
	for i := range v {
		sum += p[name][k*len(v)+i] * v[i]
	}
	return sum
}

// bias is 0 if there is none.
func (p weights) bias(name string, k int) float64 {
	if p[name] == nil {
		return 0
	}
	return p[name][k]
}

func sigma(a float64) float64 { return 1 / (1 + math.Exp(-a)) }

func normal(v []float64) []float64 {
	mean, variance := 0.0, 0.0
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		variance += (x - mean) * (x - mean) / float64(len(v))
	}
	out := make([]float64, len(v))
	for k, x := range v {
		out[k] = (x - mean) / math.Sqrt(variance+1e-5)
	}
	return out
}

// lstm is the LSTM's arithmetic with the pre-activation a(g, j) of gate g of unit j.
func lstm(a func(g, j int) float64, c []float64) (h, next []float64) {
	h, next = make([]float64, len(c)), make([]float64, len(c))
	for j := range c {
		next[j] = sigma(a(1, j))*c[j] + sigma(a(0, j))*math.Tanh(a(2, j))
		h[j] = sigma(a(3, j)) * math.Tanh(next[j])
	}
	return h, next
}

// TestFormulas compares a step with the formula's plain computation. Every parameter has random values, so none is
// neutral. The fused forms are compared with the steps by package celltest.
func TestFormulas(t *testing.T) {
	const batch = 3
	for name, f := range formulas {
		for _, o := range []cell.Options{{}, {NoBias: true}} {
			t.Run(fmt.Sprintf("%s %+v", name, o), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(1, 2))
				c := f.newCell(testInput, testHidden, o, rng)
				graph.SetDType(c.Params(), graph.Float64)
				p := weights{}
				for _, q := range c.Params() {
					fill(q.Value.F64, rng)
					p[q.Name] = q.Value.F64
				}
				x := make([]float64, batch*testInput)
				fill(x, rng)
				var states [][]float64
				for _, s := range c.States() {
					states = append(states, make([]float64, batch*s.Width))
					fill(states[len(states)-1], rng)
				}

				y, next := runStep(t, c, batch, x, states)
				for i := range batch {
					var s [][]float64
					for k, v := range c.States() {
						s = append(s, states[k][i*v.Width:][:v.Width])
					}
					want := f.step(p, x[i*testInput:][:testInput], s)
					for k, v := range want {
						closeTo(t, fmt.Sprintf("sequence %d, state %d", i, k), next[k][i*len(v):][:len(v)], v)
					}
					closeTo(t, fmt.Sprintf("sequence %d, output", i), y[i*len(want[0]):][:len(want[0])], want[0])
				}
			})
		}
	}
}

func fill(v []float64, rng *rand.Rand) {
	for i := range v {
		v[i] = rng.NormFloat64()
	}
}

func closeTo(t *testing.T, what string, got, want []float64) {
	t.Helper()
	for j := range want {
		if !(math.Abs(got[j]-want[j]) < 1e-12) {
			t.Errorf("%s: element %d is %.15g, want %.15g", what, j, got[j], want[j])
		}
	}
}

// runStep runs one step of a cell in float64.
func runStep(t *testing.T, c cell.Cell, batch int, x []float64, states [][]float64) (y []float64, next [][]float64) {
	t.Helper()
	b := graph.NewBuilder(graph.Window{T: 1, B: batch}, graph.Options{DType: graph.Float64})
	in := map[string][]float64{"x": x}
	var s cell.State
	for i, v := range c.States() {
		name := fmt.Sprint("s", i)
		s = append(s, b.Floats(name, batch, v.Width))
		in[name] = states[i]
	}
	out, last := c.Step(b, b.Floats("x", batch, len(x)/batch), s)
	b.Output("y", out)
	for i, n := range last {
		b.Output(fmt.Sprint("next", i), n)
	}
	program, err := b.Forward(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range in {
		if err := program.SetFloat64s(name, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := program.Run(0); err != nil {
		t.Fatal(err)
	}
	for i := range last {
		next = append(next, program.Output(fmt.Sprint("next", i)).F64)
	}
	return program.Output("y").F64, next
}
