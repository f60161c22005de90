package loss_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/loss"
)

// squares compiles the loss of an output [rows, width].
func squares(t *testing.T, d graph.DType, rows, width int, output, target []float64) *graph.Program {
	t.Helper()
	b := graph.NewBuilder(graph.Window{T: rows, B: 1, Train: true}, graph.Options{DType: d})
	b.Floats(seqdata.Target, rows, width)
	p, err := b.Compile(loss.MSE{}.Cost(b, b.Floats("output", rows, width)), graph.Gradients{Inputs: []string{"output"}})
	if err == nil {
		err = errors.Join(p.SetFloat64s("output", output), p.SetFloat64s(seqdata.Target, target))
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func run(t *testing.T, p *graph.Program) float64 {
	t.Helper()
	if err := p.Run(0); err != nil {
		t.Fatal(err)
	}
	return p.Cost()
}

// The value by the definition, and the gradient by finite differences of the value.
func TestMSE(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{1, 1}, {1, 5}, {7, 1}, {30, 11}} {
		n := size[0] * size[1]
		output, target := make([]float64, n), make([]float64, n)
		want := 0.0
		for i := range n {
			output[i], target[i] = rng.NormFloat64(), 3+rng.NormFloat64()
			want += math.Pow(output[i]-target[i], 2) / float64(n)
		}
		for d, tolerance := range map[graph.DType]float64{graph.Float64: 1e-12, graph.Float32: 1e-6} {
			if got := run(t, squares(t, d, size[0], size[1], output, target)); math.Abs(got-want) > tolerance*want {
				t.Errorf("%v %v: %v, want %v", d, size, got, want)
			}
		}
		p := squares(t, graph.Float64, size[0], size[1], output, target)
		run(t, p)
		gradient := p.InputGradient("output").Floats()
		at := func(i int, v float64) float64 {
			moved := append([]float64(nil), output...)
			moved[i] = v
			if err := p.SetFloat64s("output", moved); err != nil {
				t.Fatal(err)
			}
			return run(t, p)
		}
		for i := range n {
			const h = 1e-4
			if difference := (at(i, output[i]+h) - at(i, output[i]-h)) / (2 * h); math.Abs(gradient[i]-difference) > 1e-9 {
				t.Fatalf("%v: gradient %d is %v, finite difference %v", size, i, gradient[i], difference)
			}
		}
	}
}

// An output and a target that would only broadcast, or don't fit at all, are an error.
func TestMSEMisuse(t *testing.T) {
	for name, write := range map[string]func(b *graph.Builder) *graph.Node{
		"no target":      func(b *graph.Builder) *graph.Node { return b.Floats("output", 2, 3) },
		"ids":            func(b *graph.Builder) *graph.Node { b.Ints(seqdata.Target, 2); return b.Floats("output", 2) },
		"other length":   func(b *graph.Builder) *graph.Node { b.Floats(seqdata.Target, 3, 1); return b.Floats("output", 2, 1) },
		"other width":    func(b *graph.Builder) *graph.Node { b.Floats(seqdata.Target, 2, 1); return b.Floats("output", 2, 3) },
		"no width":       func(b *graph.Builder) *graph.Node { b.Floats(seqdata.Target, 2); return b.Floats("output", 2, 1) },
		"the other way":  func(b *graph.Builder) *graph.Node { b.Floats(seqdata.Target, 3, 2); return b.Floats("output", 2, 3) },
		"no output":      func(b *graph.Builder) *graph.Node { b.Floats(seqdata.Target, 2); return nil },
		"a failed graph": func(b *graph.Builder) *graph.Node { return b.Floats("output", -1) },
	} {
		b := graph.NewBuilder(graph.Window{T: 2, B: 1}, graph.Options{})
		c := (loss.MSE{}).Cost(b, write(b))
		_, argument := errors.AsType[*graph.ArgumentError](b.Err())
		_, shape := errors.AsType[*graph.ShapeError](b.Err())
		if c != nil || !argument && !shape {
			t.Errorf("%s: %v", name, b.Err())
		}
	}
}
