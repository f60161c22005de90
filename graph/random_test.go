package graph

import (
	"errors"
	"math"
	"slices"
	"testing"
)

// TestBernoulli: the share of ones is the probability, which may change from run to run; elements, nodes and seeds differ,
// and a seed gives the same again.
func TestBernoulli(t *testing.T) {
	const n = 1 << 14
	b := NewBuilder(Window{T: 1, B: 1}, Options{})
	p := b.Floats("p", n)
	b.Output("one", b.Bernoulli(p))
	b.Output("two", b.Bernoulli(p))
	program, err := b.Forward(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []float32{0, 0.1, 0.5, 0.9, 1} {
		if err := program.SetFloats("p", slices.Repeat([]float32{p}, n)); err != nil {
			t.Fatal(err)
		}
		var draws [][]float64
		for seed := range uint64(3) {
			run(t, program, seed)
			draws = append(draws, program.Output("one").Floats(), program.Output("two").Floats())
		}
		run(t, program, 0)
		agree(t, "the same seed", 0, program.Output("one").Floats(), draws[0])
		q := float64(p)
		for i, d := range draws {
			ones := 0.0
			for _, v := range d {
				if v != 0 && v != 1 {
					t.Fatalf("drawn: %v", v)
				}
				ones += v
			}
			if math.Abs(ones/n-q) > 5*math.Sqrt(q*(1-q)/n) {
				t.Errorf("p=%v: a share of %v in draw %d", p, ones/n, i)
			}
			for j := range i { // two independent draws are both 1 with probability p²
				both := 0.0
				for k := range d {
					both += d[k] * draws[j][k]
				}
				if math.Abs(both/n-q*q) > 5*math.Sqrt(q*q*(1-q*q)/n) {
					t.Errorf("p=%v: draws %d and %d are both 1 in %v, want %v", p, i, j, both/n, q*q)
				}
			}
		}
	}
	for _, bad := range []float32{-0.1, 1.1, float32(math.NaN()), float32(math.Inf(1))} {
		probabilities := make([]float32, n)
		probabilities[7] = bad
		if err := program.SetFloats("p", probabilities); err != nil {
			t.Fatal(err)
		}
		var e *ArgumentError
		if err := program.Run(1); !errors.As(err, &e) || e.Name != "probability 7" {
			t.Errorf("probability %v: %v", bad, err)
		}
	}
}

// TestCategorical: classes are drawn as often as softmax says, those without a probability never.
func TestCategorical(t *testing.T) {
	const n = 1 << 14
	inf := math.Inf(1)
	for _, d := range []DType{Float32, Float64} {
		for _, row := range [][]float64{{0}, {1, 2, 3, -1}, {-inf, 0, -inf, 0, -inf}, {1e30, 0, 0}, {900, 901}, {math.NaN(), 0, 5}, {-inf, -inf}} {
			b := NewBuilder(Window{T: 1, B: 1}, Options{DType: d})
			x := b.Floats("x", n, len(row))
			b.Output("one", b.ToFloats(b.Categorical(x)))
			b.Output("two", b.ToFloats(b.Categorical(x)))
			program, err := b.Forward(nil)
			if err == nil {
				err = program.SetFloat64s("x", slices.Repeat(row, n))
			}
			if err != nil {
				t.Fatal(err)
			}
			run(t, program, 5)
			first := program.Output("one").Floats()
			if other := program.Output("two").Floats(); row[0] == 1 && slices.Equal(first, other) {
				t.Error("two nodes have drawn the same")
			}
			run(t, program, 6)
			if other := program.Output("one").Floats(); row[0] == 1 && slices.Equal(first, other) {
				t.Error("two seeds have drawn the same")
			}
			run(t, program, 5)
			agree(t, "the same seed", 0, program.Output("one").Floats(), first)

			want := softmax(row)
			if math.IsNaN(want[0]) {
				want = make([]float64, len(row))
				want[0] = 1
			}
			counts := make([]float64, len(row))
			for _, k := range first {
				counts[int(k)]++
			}
			for k, p := range want {
				if got := counts[k] / n; math.Abs(got-p) > 5*math.Sqrt(p*(1-p)/n) {
					t.Errorf("%v, class %d of %v: a share of %v, want %v", d, k, row, got, p)
				}
			}
		}
	}
}

func softmax(x []float64) []float64 {
	y, sum, top := make([]float64, len(x)), 0.0, slices.Max(x)
	for i, v := range x {
		y[i] = math.Exp(v - top)
		sum += y[i]
	}
	for i := range y {
		y[i] /= sum
	}
	return y
}

// TestPickClass: also where the probabilities don't quite add up to 1.
func TestPickClass(t *testing.T) {
	p := []float64{0, 0.25, 0, 0.5, 0.25 - 1e-9, 0}
	for u, want := range map[float64]int32{0: 1, 0.2499: 1, 0.25: 3, 0.7499: 3, 0.75: 4, 0.999: 4, 1 - 1e-10: 4} {
		if got := pickClass(p, u); got != want {
			t.Errorf("u=%v: class %d, want %d", u, got, want)
		}
	}
}
