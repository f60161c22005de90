package metric_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/metric"
)

// batchMetric is what metrics of batches have.
type batchMetric interface {
	Add(output *graph.Tensor, batch *seqdata.Batch) error
	Value() float64
	Reset()
}

func tensor(width int, v ...float64) *graph.Tensor {
	return &graph.Tensor{Shape: []int{len(v) / width, width}, F64: v}
}

// steps is a batch of T steps of one sequence.
func steps(target seqdata.Array) *seqdata.Batch {
	n := target.Shape[0]
	return &seqdata.Batch{T: n, B: 1, Arrays: map[string]seqdata.Array{
		seqdata.Input: {Shape: []int{n, 1}, Ints: make([]int32, n)}, seqdata.Target: target,
	}}
}

func classes(k ...int32) *seqdata.Batch {
	return steps(seqdata.Array{Shape: []int{len(k), 1}, Ints: k})
}

func numbers(width int, y ...float32) *seqdata.Batch {
	return steps(seqdata.Array{Shape: []int{len(y) / width, 1, width}, Floats: y})
}

func with(b *seqdata.Batch, name string, v ...float32) *seqdata.Batch {
	b.Arrays[name] = seqdata.Array{Shape: []int{b.T, b.B}, Floats: v}
	return b
}

// scores are rows that are highest at the given classes.
func scores(width int, k ...int) *graph.Tensor {
	t := graph.NewTensor(graph.Float32, len(k), width)
	for i, c := range k {
		t.F32[i*width+c] = 1
	}
	return t
}

func near(a, b float64) bool { return a == b || math.Abs(a-b) <= 1e-12*math.Max(1, math.Abs(b)) }

// Values from scikit-learn's documentation, where it has the example, or else computed in Python from the definition.
func TestValues(t *testing.T) {
	logits := tensor(3, 2, 0, 1, 0, 0, 0, -1, 3, 0.5, 1, 1, 2)
	r2 := tensor(2, 0, 2, -1, 2, 8, -5)
	multi := func() *seqdata.Batch { return numbers(2, 0.5, 1, -1, 1, 7, -6) }
	for _, c := range []struct {
		name   string
		m      batchMetric
		output *graph.Tensor
		batch  *seqdata.Batch
		want   float64
	}{
		{"accuracy", &metric.Accuracy{}, scores(3, 0, 2, 1, 0, 0, 1), classes(0, 1, 2, 0, 1, 2), 2. / 6},
		{"accuracy of ties", &metric.Accuracy{}, tensor(3, 1, 1, 0, 0, 1, 1), classes(0, 2), 0.5},
		{"perplexity", &metric.Perplexity{}, logits, classes(0, 2, 1, 0), 2.199729336902041},
		{"bits per character", &metric.BitsPerCharacter{}, logits, classes(0, 2, 1, 0), 1.1373260199628747},
		{"perplexity of large scores", &metric.Perplexity{}, tensor(2, 1e30, 1e30, 5, 5), classes(0, 1), 2},
		{"F1", &metric.F1{}, scores(3, 0, 2, 1, 0, 0, 1), classes(0, 1, 2, 0, 1, 2), 0.8 / 3},
		{"F1, a class that doesn't occur", &metric.F1{}, scores(9, 0, 2, 1, 0, 0, 1), classes(0, 1, 2, 0, 1, 2), 0.8 / 3},
		{"AUC", &metric.AUC{}, tensor(1, 0.1, 0.4, 0.35, 0.8), numbers(1, 0, 0, 1, 1), 0.75},
		{"AUC with ties", &metric.AUC{}, tensor(1, 0.1, 0.4, 0.4, 0.35, 0.8, 0.4, 0.1, 0.9), classes(0, 0, 1, 1, 1, 0, 1, 0), 0.40625},
		{"AUC of one score", &metric.AUC{}, tensor(1, 3, 3, 3, 3), classes(0, 0, 1, 1), 0.5},
		{"AUC of one class", &metric.AUC{}, tensor(1, 3, 4), classes(1, 1), math.NaN()},
		{"MAE", &metric.MAE{}, tensor(1, 2.5, 0, 2, 8), numbers(1, 3, -0.5, 2, 7), 0.5},
		{"MAE of two columns", &metric.MAE{}, r2, multi(), 0.75},
		{"RMSE", &metric.RMSE{}, tensor(1, 2.5, 0, 2, 8), numbers(1, 3, -0.5, 2, 7), math.Sqrt(0.375)},
		{"RMSE of two columns", &metric.RMSE{}, r2, multi(), math.Sqrt(4.25 / 6)},
		{"MAPE", &metric.MAPE{}, tensor(1, 2.5, 0, 2, 8), numbers(1, 3, -0.5, 2, 7), 0.3273809523809524},
		{"MAPE of two columns", &metric.MAPE{}, r2, multi(), 0.5515873015873016},
		{"MAPE of 0", &metric.MAPE{}, tensor(1, 0, 1), numbers(1, 0, 1), 0},
		{"MAPE of 0, missed", &metric.MAPE{}, tensor(1, 0.1, 1), numbers(1, 0, 1), math.Inf(1)},
		{"R²", &metric.R2{}, tensor(1, 2.5, 0, 2, 8), numbers(1, 3, -0.5, 2, 7), 0.9486081370449679},
		{"R² of two columns", &metric.R2{}, r2, multi(), 0.9368005266622779},
		{"R² of the mean", &metric.R2{}, tensor(1, 2, 2, 2), numbers(1, 1, 2, 3), 0},
		{"R², worse than that", &metric.R2{}, tensor(1, 3, 2, 1), numbers(1, 1, 2, 3), -3},
		{"R² of a constant that is met", &metric.R2{}, tensor(1, 2, 2, 2), numbers(1, 2, 2, 2), 1},
		{"R² of a constant that is missed", &metric.R2{}, tensor(1, 2, 2, 2.1), numbers(1, 2, 2, 2), 0},
	} {
		if v := c.m.Value(); !math.IsNaN(v) {
			t.Errorf("%s: %v of nothing", c.name, v)
		}
		for range 2 { // the same again after Reset
			if err := c.m.Add(c.output, c.batch); err != nil {
				t.Fatal(c.name, err)
			}
			if v := c.m.Value(); !near(v, c.want) && !(math.IsNaN(v) && math.IsNaN(c.want)) {
				t.Errorf("%s: %v, want %v", c.name, v, c.want)
			}
			c.m.Reset()
			if v := c.m.Value(); !math.IsNaN(v) {
				t.Errorf("%s: %v after Reset", c.name, v)
			}
		}
	}
	// Numbers far from 0, beside which their spread is small.
	var r2far metric.R2
	if err := r2far.Add(tensor(1, 16777210, 16777212, 16777214), numbers(1, 16777210, 16777212, 16777216)); err != nil {
		t.Fatal(err)
	}
	if v, want := r2far.Value(), 1-4/(56./3); math.Abs(v-want) > 1e-9 {
		t.Errorf("R² of numbers far from 0: %v, want %v", v, want)
	}
	var f1 metric.F1
	if err := f1.Add(scores(3, 0, 2, 1, 0, 0, 1), classes(0, 1, 2, 0, 1, 2)); err != nil {
		t.Fatal(err)
	}
	if p, r, f := f1.Class(0); !near(p, 2./3) || r != 1 || !near(f, 0.8) {
		t.Errorf("class 0: %v %v %v", p, r, f)
	}
	for _, k := range []int{-1, 2, 3, math.MaxInt} {
		if p, r, f := f1.Class(k); p != 0 || r != 0 || f != 0 {
			t.Errorf("class %d: %v %v %v", k, p, r, f)
		}
	}
}

// batchMetrics has every metric of batches, with a batch of T steps of B sequences.
var batchMetrics = map[string]struct {
	make  func() batchMetric
	batch func(rng *rand.Rand, steps, batch int) (*graph.Tensor, *seqdata.Batch)
}{
	"Accuracy":         {func() batchMetric { return &metric.Accuracy{} }, classBatch},
	"Perplexity":       {func() batchMetric { return &metric.Perplexity{} }, classBatch},
	"BitsPerCharacter": {func() batchMetric { return &metric.BitsPerCharacter{} }, classBatch},
	"F1":               {func() batchMetric { return &metric.F1{} }, classBatch},
	"AUC": {func() batchMetric { return &metric.AUC{} }, func(rng *rand.Rand, steps, batch int) (*graph.Tensor, *seqdata.Batch) {
		y := float32(0)
		return randomBatch(rng, steps, batch, 1, func() float32 { y = 1 - y; return y })
	}},
	"MAE":  {func() batchMetric { return &metric.MAE{} }, numberBatch},
	"RMSE": {func() batchMetric { return &metric.RMSE{} }, numberBatch},
	"MAPE": {func() batchMetric { return &metric.MAPE{} }, numberBatch},
	"R2":   {func() batchMetric { return &metric.R2{} }, numberBatch},
}

func randomBatch(rng *rand.Rand, steps, batch, width int, y func() float32) (*graph.Tensor, *seqdata.Batch) {
	out := graph.NewTensor(graph.Float64, steps*batch, width)
	target := make([]float32, steps*batch*width)
	for i := range target {
		out.F64[i], target[i] = rng.NormFloat64(), y()
	}
	return out, &seqdata.Batch{T: steps, B: batch, Arrays: map[string]seqdata.Array{
		seqdata.Input:  {Shape: []int{steps, batch}, Ints: make([]int32, steps*batch)},
		seqdata.Target: {Shape: []int{steps, batch, width}, Floats: target},
	}}
}

func numberBatch(rng *rand.Rand, steps, batch int) (*graph.Tensor, *seqdata.Batch) {
	return randomBatch(rng, steps, batch, 3, func() float32 { return float32(rng.NormFloat64()) })
}

func classBatch(rng *rand.Rand, steps, batch int) (*graph.Tensor, *seqdata.Batch) {
	out, b := numberBatch(rng, steps, batch)
	k := make([]int32, steps*batch)
	for i := range k {
		k[i] = rng.Int32N(3)
	}
	b.Arrays[seqdata.Target] = seqdata.Array{Shape: []int{steps, batch}, Ints: k}
	return out, b
}

// A batch in parts has the value of the whole; what mask or weight leave out, or is to be ignored, may hold anything.
func TestPartsAndMasks(t *testing.T) {
	for name, c := range batchMetrics {
		rng := rand.New(rand.NewPCG(1, 2))
		out, b := c.batch(rng, 6, 2)
		target, width := b.Arrays[seqdata.Target], out.Shape[1]
		row := func(i int) (*graph.Tensor, *seqdata.Batch) {
			one := &seqdata.Batch{T: 1, B: 1, Arrays: map[string]seqdata.Array{seqdata.Input: {Shape: []int{1, 1}, Ints: []int32{0}}}}
			if target.Ints != nil {
				one.Arrays[seqdata.Target] = seqdata.Array{Shape: []int{1, 1}, Ints: target.Ints[i:][:1]}
			} else {
				one.Arrays[seqdata.Target] = seqdata.Array{Shape: []int{1, 1, width}, Floats: target.Floats[i*width:][:width]}
			}
			return &graph.Tensor{Shape: []int{1, width}, F64: out.F64[i*width:][:width]}, one
		}
		whole, parts, some, masked, weighted := c.make(), c.make(), c.make(), c.make(), c.make()
		if err := whole.Add(out, b); err != nil {
			t.Fatal(name, err)
		}
		mask := make([]float32, 12)
		for i := range 12 {
			x, one := row(i)
			if err := parts.Add(x, one); err != nil {
				t.Fatal(name, err)
			}
			if i%3 == 0 {
				continue
			}
			mask[i] = float32(i)
			if err := some.Add(x, one); err != nil {
				t.Fatal(name, err)
			}
		}
		if !near(parts.Value(), whole.Value()) {
			t.Errorf("%s: %v in parts, %v in all", name, parts.Value(), whole.Value())
		}
		for i := range 12 {
			if mask[i] == 0 {
				out.F64[i*width] = math.NaN()
				if target.Ints != nil {
					target.Ints[i] = math.MaxInt32
				} else {
					target.Floats[i*width] = float32(math.NaN())
				}
			}
		}
		b.Arrays[seqdata.Mask] = seqdata.Array{Shape: []int{6, 2}, Floats: mask}
		if err := masked.Add(out, b); err != nil || !near(masked.Value(), some.Value()) {
			t.Errorf("%s: %v masked, %v without, %v", name, masked.Value(), some.Value(), err)
		}
		delete(b.Arrays, seqdata.Mask)
		b.Arrays[seqdata.Weight] = seqdata.Array{Shape: []int{6, 2}, Floats: mask}
		if err := weighted.Add(out, b); err != nil || !near(weighted.Value(), some.Value()) {
			t.Errorf("%s: %v weighted, %v without, %v", name, weighted.Value(), some.Value(), err)
		}
		if target.Ints != nil {
			delete(b.Arrays, seqdata.Weight)
			for i := range 12 {
				if mask[i] == 0 {
					target.Ints[i] = -100
				}
			}
			ignored := c.make()
			if err := ignored.Add(out, b); err != nil || !near(ignored.Value(), some.Value()) {
				t.Errorf("%s: %v ignored, %v without, %v", name, ignored.Value(), some.Value(), err)
			}
		}
	}
}

// A NaN isn't hidden; what doesn't fit is an error and isn't counted.
func TestBadInput(t *testing.T) {
	for name, c := range batchMetrics {
		rng := rand.New(rand.NewPCG(1, 2))
		out, good := c.batch(rng, 2, 2)
		m := c.make()
		if err := m.Add(out, good); err != nil {
			t.Fatal(err)
		}
		before := m.Value()
		target := func(a seqdata.Array) *seqdata.Batch {
			return &seqdata.Batch{T: 2, B: 2, Arrays: map[string]seqdata.Array{seqdata.Input: good.Arrays[seqdata.Input], seqdata.Target: a}}
		}
		other := seqdata.Array{Shape: []int{2, 2}, Ints: make([]int32, 4)}
		if good.Arrays[seqdata.Target].Ints != nil {
			other = seqdata.Array{Shape: []int{2, 2}, Floats: make([]float32, 4)}
		}
		if name == "AUC" { // takes both
			other = seqdata.Array{Shape: []int{2, 2}, Floats: []float32{0, 1, 0.5, 1}}
		}
		for what, f := range map[string]func() error{
			"no output": func() error { return m.Add(nil, good) },
			"no batch":  func() error { return m.Add(out, nil) },
			"no target": func() error {
				return m.Add(out, &seqdata.Batch{T: 2, B: 2, Arrays: map[string]seqdata.Array{seqdata.Input: good.Arrays[seqdata.Input]}})
			},
			"a batch without B":   func() error { return m.Add(out, &seqdata.Batch{T: 2, Arrays: good.Arrays}) },
			"other rows":          func() error { return m.Add(graph.NewTensor(graph.Float32, 3, out.Shape[1]), good) },
			"output without axes": func() error { return m.Add(&graph.Tensor{F32: []float32{1}}, good) },
			"output without data": func() error { return m.Add(&graph.Tensor{Shape: []int{4, 2}}, good) },
			"the other kind":      func() error { return m.Add(out, target(other)) },
			"targets of more axes": func() error {
				return m.Add(out, target(seqdata.Array{Shape: []int{2, 2, 5}, Floats: make([]float32, 20)}))
			},
		} {
			err := f()
			_, shape := errors.AsType[*graph.ShapeError](err)
			_, argument := errors.AsType[*graph.ArgumentError](err)
			_, batch := errors.AsType[*seqdata.BatchError](err)
			if !shape && !argument && !batch {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		if k := good.Arrays[seqdata.Target].Ints; k != nil {
			for _, bad := range []int32{-1, 3, math.MinInt32} {
				k[3] = bad
				err := m.Add(out, good)
				if e, ok := errors.AsType[*graph.IndexError](err); !ok || e.Position != 3 || e.Index != int(bad) || e.Limit != 3 {
					t.Errorf("%s: target %d: %v", name, bad, err)
				}
			}
			k[3] = 0
		}
		if v := m.Value(); v != before {
			t.Errorf("%s: %v after errors, %v before", name, v, before)
		}
		out.F64[len(out.F64)-1] = math.NaN()
		if err := m.Add(out, good); err != nil || !math.IsNaN(m.Value()) {
			t.Errorf("%s: %v of a NaN, %v", name, m.Value(), err)
		}
	}
	var r2 metric.R2
	if err := r2.Add(tensor(2, 1, 2, 3, 4), numbers(2, 1, 2, 3, 4)); err != nil {
		t.Fatal(err)
	}
	if err := r2.Add(tensor(1, 1, 2), numbers(1, 1, 2)); !errors.As(err, new(*graph.ShapeError)) {
		t.Errorf("R2 of other columns: %v", err)
	}
	f1 := metric.F1{}
	if err := f1.Add(tensor(2, math.NaN(), 1), classes(0)); err != nil {
		t.Fatal(err)
	}
	if p, _, _ := f1.Class(0); !math.IsNaN(p) {
		t.Errorf("precision %v of a NaN", p)
	}
}

// A target for each sequence has no mask.
func TestTargetOfSequences(t *testing.T) {
	b := &seqdata.Batch{T: 3, B: 2, Arrays: map[string]seqdata.Array{
		seqdata.Input:  {Shape: []int{3, 2}, Ints: make([]int32, 6)},
		seqdata.Target: {Shape: []int{2}, Ints: []int32{1, 0}},
		seqdata.Mask:   {Shape: []int{3, 2}, Floats: make([]float32, 6)},
	}}
	var m metric.Accuracy
	if err := m.Add(scores(2, 1, 1), b); err != nil || m.Value() != 0.5 {
		t.Errorf("%v, %v", m.Value(), err)
	}
}

func ExampleAccuracy() {
	batch := &seqdata.Batch{T: 3, B: 1, Arrays: map[string]seqdata.Array{
		seqdata.Input:  {Shape: []int{3, 1}, Ints: []int32{5, 6, 7}},
		seqdata.Target: {Shape: []int{3, 1}, Ints: []int32{1, 0, 1}},
		seqdata.Mask:   {Shape: []int{3, 1}, Floats: []float32{1, 1, 0}}, // the sequence ends after two steps
	}}
	output := &graph.Tensor{Shape: []int{3, 2}, F32: []float32{-1, 2, 0, 3, 4, 1}}
	var accuracy metric.Accuracy
	if err := accuracy.Add(output, batch); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(accuracy.Value())
	// Output:
	// 0.5
}
