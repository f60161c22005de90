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

// cost runs the loss on logits [len(target), classes].
func cost(t *testing.T, d graph.DType, logits []float64, classes int, target []int32) (float64, []float64, error) {
	t.Helper()
	b := graph.NewBuilder(graph.Window{T: len(target), B: 1, Train: true}, graph.Options{DType: d})
	b.Ints(seqdata.Target, len(target))
	c := loss.CrossEntropy{}.Cost(b, b.Floats("logits", len(target), classes))
	p, err := b.Compile(c, graph.Gradients{Inputs: []string{"logits"}})
	if err == nil {
		err = p.SetInts(seqdata.Target, target)
	}
	if err == nil {
		err = p.SetFloat64s("logits", logits)
	}
	if err == nil {
		err = p.Run(0)
	}
	if err != nil {
		return 0, nil, err
	}
	return p.Cost(), p.InputGradient("logits").Floats(), nil
}

// The value and the gradient by the definition, in float64 without any trick.
func TestCrossEntropy(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, d := range []graph.DType{graph.Float64, graph.Float32} {
		tolerance := 1e-12
		if d == graph.Float32 {
			tolerance = 1e-6
		}
		for _, size := range [][2]int{{1, 1}, {1, 2}, {3, 17}, {50, 65}, {7, 1000}} {
			rows, classes := size[0], size[1]
			logits, target := make([]float64, rows*classes), make([]int32, rows)
			for i := range logits {
				logits[i] = float64(float32(3 * rng.NormFloat64()))
			}
			want, gradient := 0.0, make([]float64, len(logits))
			for i := range target {
				target[i] = int32(rng.IntN(classes))
				row, sum := logits[i*classes:][:classes], 0.0
				for _, v := range row {
					sum += math.Exp(v)
				}
				want += (math.Log(sum) - row[target[i]]) / float64(rows)
				for k, v := range row {
					gradient[i*classes+k] = math.Exp(v) / sum / float64(rows)
				}
				gradient[i*classes+int(target[i])] -= 1 / float64(rows)
			}
			got, g, err := cost(t, d, logits, classes, target)
			if err != nil || math.Abs(got-want) > tolerance*(1+want) {
				t.Errorf("%v %v: %v, %v, want %v", d, size, got, err, want)
			}
			for i := range g {
				if math.Abs(g[i]-gradient[i]) > tolerance {
					t.Fatalf("%v %v: gradient %d is %v, want %v", d, size, i, g[i], gradient[i])
				}
			}
		}
	}
}

// Logits of any size give what the mathematics gives; only a loss that is infinite is.
func TestCrossEntropyOfLargeLogits(t *testing.T) {
	for _, c := range []struct {
		logits []float64
		want   float64
	}{
		{[]float64{0, 0, 0, 0}, math.Log(4)},
		{[]float64{1e8, 1e8, 1e8, 1e8}, math.Log(4)},
		{[]float64{-1e8, -1e8, -1e8, -1e8}, math.Log(4)},
		{[]float64{1e30, 1e30, 1e30, 1e30}, math.Log(4)},
		{[]float64{-1e30, -1e30, -1e30, -1e30}, math.Log(4)},
		{[]float64{1e30, 0, 0, 0}, 0},
		{[]float64{0, 1e30, 0, 0}, 1e30},
		{[]float64{200, 100, 0, -100}, 0},
		{[]float64{0, math.Inf(-1), math.Inf(-1), math.Inf(-1)}, 0},
	} {
		for _, d := range []graph.DType{graph.Float64, graph.Float32} {
			got, g, err := cost(t, d, c.logits, 4, []int32{0})
			if err != nil || math.Abs(got-c.want) > 1e-6*(1+c.want) {
				t.Errorf("%v of %v: %v, %v, want %v", d, c.logits, got, err, c.want)
			}
			for _, v := range g {
				if !(math.Abs(v) <= 1) {
					t.Errorf("%v of %v: gradient %v", d, c.logits, g)
					break
				}
			}
		}
	}
}

func TestCrossEntropyMisuse(t *testing.T) {
	for _, target := range []int32{-1, 3, math.MaxInt32, math.MinInt32} {
		_, _, err := cost(t, graph.Float32, make([]float64, 6), 3, []int32{0, target})
		if e, ok := errors.AsType[*graph.IndexError](err); !ok || e.Position != 1 || e.Index != int(target) || e.Limit != 3 {
			t.Errorf("target %d: %v", target, err)
		}
	}
	for name, write := range map[string]func(b *graph.Builder) *graph.Node{
		"no target":     func(b *graph.Builder) *graph.Node { return b.Floats("logits", 2, 3) },
		"float targets": func(b *graph.Builder) *graph.Node { b.Floats(seqdata.Target, 2); return b.Floats("logits", 2, 3) },
		"other length":  func(b *graph.Builder) *graph.Node { b.Ints(seqdata.Target, 3); return b.Floats("logits", 2, 3) },
		"no classes":    func(b *graph.Builder) *graph.Node { b.Ints(seqdata.Target, 2); return b.Floats("logits", 2) },
		"no output":     func(b *graph.Builder) *graph.Node { b.Ints(seqdata.Target, 2); return nil },
	} {
		b := graph.NewBuilder(graph.Window{T: 2, B: 1}, graph.Options{})
		if c := (loss.CrossEntropy{}).Cost(b, write(b)); c != nil || b.Err() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
