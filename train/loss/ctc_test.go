package loss_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/loss"
)

// alignments sums the probabilities of all paths of classes through the steps that give the labels: softmax of each step's
// logits, and repeats and blanks taken away.
func alignments(logits [][]float64, labels []int32, blank int) float64 {
	steps := len(logits)
	if steps == 0 {
		return map[bool]float64{true: 1}[len(labels) == 0]
	}
	classes := len(logits[0])
	path, sum := make([]int, steps), 0.0
	for {
		var out []int32
		for t, k := range path {
			if k != blank && (t == 0 || k != path[t-1]) {
				out = append(out, int32(k))
			}
		}
		if slices.Equal(out, labels) {
			p := 1.0
			for t, k := range path {
				p *= math.Exp(-nats(logits[t], k))
			}
			sum += p
		}
		t := 0
		for t < steps && path[t] == classes-1 {
			path[t] = 0
			t++
		}
		if t == steps {
			return sum
		}
		path[t]++
	}
}

// ctcCase is a batch for CTC: sequences with lengths of their own.
type ctcCase struct {
	steps, batch, classes, labels int
	output                        *graph.Tensor
	target                        []int32 // [labels, batch]
	inputs, targets               []int32 // lengths; nil: all are whole
	mask                          []float64
}

func newCTCCase(rng *rand.Rand, steps, batch, classes, labels int, blank int32) *ctcCase {
	c := &ctcCase{steps: steps, batch: batch, classes: classes, labels: labels, output: graph.NewTensor(graph.Float64, steps*batch, classes)}
	for i := range c.output.F64 {
		c.output.F64[i] = 2 * rng.NormFloat64()
	}
	for range labels * batch {
		k := rng.Int32N(int32(classes - 1))
		if k >= blank {
			k++
		}
		c.target = append(c.target, k)
	}
	return c
}

func (c *ctcCase) rig(t *testing.T, d graph.DType) *rig {
	t.Helper()
	r := newRig(t, d, c.steps, c.batch)
	r.ints(seqdata.Target, c.target)
	if c.inputs != nil {
		r.ints(loss.InputLengths, c.inputs)
	}
	if c.targets != nil {
		r.ints(loss.TargetLengths, c.targets)
	}
	if c.mask != nil {
		r.mask(c.mask...)
	}
	return r
}

// sequence returns a sequence's logits and labels.
func (c *ctcCase) sequence(b int) (logits [][]float64, labels []int32) {
	for t := range c.steps {
		if (c.inputs == nil || t < int(c.inputs[b])) && (c.mask == nil || c.mask[t*c.batch+b] != 0) {
			logits = append(logits, c.output.F64[(t*c.batch+b)*c.classes:][:c.classes])
		}
	}
	for l := range c.labels {
		if c.targets == nil || l < int(c.targets[b]) {
			labels = append(labels, c.target[l*c.batch+b])
		}
	}
	return logits, labels
}

// want is the loss by enumeration of all alignments.
func (c *ctcCase) want(l loss.CTC) float64 {
	sum, count := 0.0, 0.0
	for b := range c.batch {
		logits, labels := c.sequence(b)
		if len(logits) == 0 && len(labels) == 0 {
			continue
		}
		v := -math.Log(alignments(logits, labels, l.Blank))
		if l.ZeroInfinity && math.IsInf(v, 1) {
			v = 0
		}
		if !l.Sum {
			v /= math.Max(1, float64(len(labels)))
		}
		sum, count = sum+v, count+1
	}
	if l.Sum {
		return sum
	}
	return sum / count
}

// The loss is that of all alignments, one by one, and the gradient that of finite differences: of repeats, of sequences
// of one label or none, with holes in the mask, and with each class as the blank.
func TestCTCIsTheSumOverAlignments(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for i := range 40 {
		steps, batch, classes, labels := 2+rng.IntN(4), 1+rng.IntN(3), 2+rng.IntN(3), 1+rng.IntN(3)
		l := loss.CTC{Blank: rng.IntN(classes), Sum: i%2 == 0, ZeroInfinity: i%3 > 0}
		c := newCTCCase(rng, steps, batch, classes, labels, int32(l.Blank))
		if i%4 == 1 {
			c.mask = make([]float64, steps*batch)
			for i := range c.mask {
				c.mask[i] = float64(rng.IntN(3))
			}
		}
		for range batch {
			if i%4 > 0 {
				c.inputs = append(c.inputs, rng.Int32N(int32(steps))+1)
			}
			if i%8 > 2 {
				c.targets = append(c.targets, rng.Int32N(int32(labels+1)))
			}
		}
		want := c.want(l)
		for d, tolerance := range map[graph.DType]float64{graph.Float64: 1e-12, graph.Float32: 1e-5} {
			if got, _ := c.rig(t, d).run(l, c.output); got != want && !near(got, want, tolerance) {
				t.Fatalf("%d, %v, %+v: %v, want %v", i, d, l, got, want)
			}
		}
		if math.IsInf(want, 1) {
			continue
		}
		r := c.rig(t, graph.Float64)
		_, gradient := r.run(l, c.output)
		differences := make([]float64, len(gradient))
		for k := range differences {
			const h = 1e-5
			v := c.output.F64[k]
			c.output.F64[k] = v + h
			high := c.want(l)
			c.output.F64[k] = v - h
			differences[k] = (high - c.want(l)) / (2 * h)
			c.output.F64[k] = v
		}
		compare(t, "gradient", gradient, differences, 1e-7)
	}
}

// A sequence with too few steps for its labels is infinitely unlikely; a repeated label takes one step more. PyTorch's
// numbers.
func TestCTCInfeasible(t *testing.T) {
	flat := &graph.Tensor{Shape: []int{4, 3}, F64: make([]float64, 12)}
	for _, c := range []struct {
		labels []int32
		want   float64
	}{
		{[]int32{1, 1, 1, 2}, math.Inf(1)}, // [2, 2]: the first sequence is 1 1, the second 1 2
		{[]int32{1, 1, 2, 2}, math.Log(9) / 2},
	} {
		for _, zero := range []bool{false, true} {
			r := newRig(t, graph.Float32, 2, 2).ints(seqdata.Target, c.labels)
			got, gradient := r.run(loss.CTC{ZeroInfinity: zero}, flat)
			want := c.want
			if zero && math.IsInf(want, 1) {
				want = math.Log(9) / 2 / 2 // the other sequence's, in a mean of two
			}
			if got != want && !near(got, want, 1e-6) {
				t.Errorf("labels %v, zero infinity %t: %v, want %v", c.labels, zero, got, want)
			}
			if math.IsInf(want, 1) {
				err := r.program.FirstNonFinite()
				if e, ok := errors.AsType[*graph.NonFiniteError](err); !ok || e.From != "the loss of sequence 0 is +Inf" {
					t.Errorf("labels %v: %v", c.labels, err)
				}
			}
			for i, g := range gradient {
				switch first := i/3%2 == 0; {
				case first && math.IsInf(c.want, 1) && !zero:
					if !math.IsNaN(g) {
						t.Errorf("gradient %v of a loss that is infinite", g)
					}
				case first && math.IsInf(c.want, 1) && g != 0, !(math.Abs(g) <= 1):
					t.Errorf("labels %v, zero infinity %t: gradient %v", c.labels, zero, gradient)
				}
			}
		}
	}
	// No labels: all steps are blanks. Neither labels nor steps: no sequence.
	r := newRig(t, graph.Float64, 2, 2).ints(seqdata.Target, []int32{1, 1}).ints(loss.TargetLengths, []int32{0, 0}).ints(loss.InputLengths, []int32{2, 0})
	if got, _ := r.run(loss.CTC{}, flat); !near(got, math.Log(9), 1e-12) || r.weight() != 1 {
		t.Errorf("no labels: %v of weight %v, want %v of 1", got, r.weight(), math.Log(9))
	}
}

// A long sequence whose probability is far below the least float: it can only be label, blank, label …, so that its loss
// is the sum of these steps' logarithms.
func TestCTCOfLongSequences(t *testing.T) {
	const steps, labels = 599, 300
	target := make([]int32, labels)
	for i := range target {
		target[i] = 1 // there is one path only, with a blank between each two
	}
	c := &ctcCase{steps: steps, batch: 1, classes: 3, labels: labels, target: target, output: graph.NewTensor(graph.Float64, steps, 3)}
	want := 0.0
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range c.output.F64 {
		c.output.F64[i] = 20 * rng.NormFloat64()
	}
	for s := range steps {
		row := c.output.F64[3*s:][:3]
		top := slices.Max(row)
		want += nats([]float64{row[0] - top, row[1] - top, row[2] - top}, 1-s%2)
	}
	got, gradient := c.rig(t, graph.Float64).run(loss.CTC{Sum: true}, c.output)
	if !near(got, want, 1e-12) || want < 1000 {
		t.Errorf("%v, want %v", got, want)
	}
	for i, g := range gradient {
		if !(math.Abs(g) <= 1+1e-9) {
			t.Fatalf("gradient %d is %v", i, g)
		}
	}
}

func TestCTCThreads(t *testing.T) {
	c := newCTCCase(rand.New(rand.NewPCG(3, 4)), 20, 7, 6, 5, 0)
	var want float64
	var wantGradient []float64
	for _, threads := range []int{1, 2, 5} {
		r := c.rig(t, graph.Float32)
		b := graph.NewBuilder(r.b.Window(), graph.Options{Threads: threads})
		b.Ints(seqdata.Target, len(c.target))
		r.b = b
		got, gradient := r.run(loss.CTC{}, c.output)
		if threads == 1 {
			want, wantGradient = got, gradient
		}
		if got != want || !slices.Equal(gradient, wantGradient) {
			t.Errorf("%d threads: %v, want %v", threads, got, want)
		}
	}
}

func TestCTCMisuse(t *testing.T) {
	for name, f := range map[string]struct {
		change func(c *ctcCase)
		want   string
	}{
		"a blank":         {func(c *ctcCase) { c.target[5] = 0 }, "label 2 of sequence 1 is the blank, 0, want a label"},
		"below the range": {func(c *ctcCase) { c.target[4] = -1 }, "label 2 of sequence 0: index -1 at position 4, want 0 to 3"},
		"above the range": {func(c *ctcCase) { c.target[0] = 4 }, "label 0 of sequence 0: index 4"},
		"a long input":    {func(c *ctcCase) { c.inputs = []int32{4, 7} }, "sequence 1: index 7 at position 1, want 0 to 6"},
		"a negative one":  {func(c *ctcCase) { c.inputs = []int32{-1, 6} }, "sequence 0: index -1"},
		"a long target":   {func(c *ctcCase) { c.targets = []int32{3, 4} }, "sequence 1: index 4"},
	} {
		c := newCTCCase(rand.New(rand.NewPCG(3, 4)), 6, 2, 4, 3, 0)
		f.change(c)
		if _, _, err := c.rig(t, graph.Float32).try(loss.CTC{}, c.output); err == nil || !strings.Contains(err.Error(), f.want) {
			t.Errorf("%s: %v, want %q", name, err, f.want)
		}
	}
	c := newCTCCase(rand.New(rand.NewPCG(3, 4)), 6, 2, 4, 3, 0)
	c.target[4], c.targets = -7, []int32{2, 3} // beyond the sequence's labels
	if _, _, err := c.rig(t, graph.Float32).try(loss.CTC{}, c.output); err != nil {
		t.Errorf("padding of labels: %v", err)
	}
	c.output.F64[7] = math.NaN()
	for _, zero := range []bool{false, true} {
		if got, _ := c.rig(t, graph.Float32).run(loss.CTC{ZeroInfinity: zero}, c.output); !math.IsNaN(got) {
			t.Errorf("the cost of a NaN is %v", got)
		}
	}
	for name, write := range map[string]func(b *graph.Builder) *graph.Node{
		"blank out of range": func(b *graph.Builder) *graph.Node { b.Ints(seqdata.Target, 4); return b.Floats("x", 6, 1) },
		"no target":          func(b *graph.Builder) *graph.Node { return b.Floats("x", 6, 4) },
		"no output":          func(b *graph.Builder) *graph.Node { b.Ints(seqdata.Target, 4); return nil },
		"odd labels":         func(b *graph.Builder) *graph.Node { b.Ints(seqdata.Target, 3); return b.Floats("x", 6, 4) },
		"float labels":       func(b *graph.Builder) *graph.Node { b.Floats(seqdata.Target, 4); return b.Floats("x", 6, 4) },
		"other steps":        func(b *graph.Builder) *graph.Node { b.Ints(seqdata.Target, 4); return b.Floats("x", 4, 4) },
		"float lengths": func(b *graph.Builder) *graph.Node {
			b.Ints(seqdata.Target, 4)
			b.Floats(loss.TargetLengths, 2)
			return b.Floats("x", 6, 4)
		},
		"lengths of other sequences": func(b *graph.Builder) *graph.Node {
			b.Ints(seqdata.Target, 4)
			b.Ints(loss.InputLengths, 3)
			return b.Floats("x", 6, 4)
		},
	} {
		b := graph.NewBuilder(graph.Window{T: 3, B: 2}, graph.Options{})
		if cost := (loss.CTC{Blank: 1}).Cost(b, write(b)); cost != nil || !typed(b.Err()) {
			t.Errorf("%s: %v", name, b.Err())
		}
	}
	b := graph.NewBuilder(graph.Window{T: 1 << 20, B: 1}, graph.Options{})
	b.Ints(seqdata.Target, 1<<20)
	if (loss.CTC{}).Cost(b, b.Floats("x", 1<<20, 2)) != nil || !errors.As(b.Err(), new(*graph.ShapeError)) {
		t.Errorf("too much memory: %v", b.Err())
	}
}
