package loss_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
)

// rowCase is a loss of targets that stand for themselves, with what it is for one row by its definition.
type rowCase struct {
	name    string
	loss    coster
	params  []graph.NamedParam
	width   int // of the output
	classes int // of the target, or
	columns int // of the target
	target  func(rng *rand.Rand) float64
	want    func(x []float64, class int, y []float64) (l, count float64) // nil: tested elsewhere
}

// layered is a loss that is also the model's last layer.
type layered struct {
	layer interface {
		coster
		Apply(b *graph.Builder, x *graph.Node) *graph.Node
	}
}

func (l layered) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	return l.layer.Cost(b, l.layer.Apply(b, output))
}

// nats is -log softmax(x)[k] by its definition.
func nats(x []float64, k int) float64 {
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v)
	}
	return -math.Log(math.Exp(x[k]) / sum)
}

// mean of a function of each column.
func mean(x, y []float64, f func(x, y float64) float64) (float64, float64) {
	sum := 0.0
	for i, v := range y {
		sum += f(x[i], v)
	}
	return sum / float64(len(y)), 1
}

func normal(rng *rand.Rand) float64      { return rng.NormFloat64() }
func probability(rng *rand.Rand) float64 { return rng.Float64() }

func rowCases() []rowCase {
	rng := rand.New(rand.NewPCG(5, 6))
	classWeights := []float64{0.5, 2, 0, 1, 1.5}
	sampled := loss.NewSampledSoftmax(4, 9, 5, rng)
	sampled.Frequencies = []float64{9, 8, 7, 6, 5, 4, 3, 2, 1}
	adaptive := loss.NewAdaptiveSoftmax(8, 12, []int{3, 7}, rng)
	return []rowCase{
		{name: "CrossEntropy", loss: loss.CrossEntropy{}, width: 5, classes: 5, want: func(x []float64, k int, _ []float64) (float64, float64) {
			return nats(x, k), 1
		}},
		{name: "CrossEntropy by classes", loss: loss.CrossEntropy{ClassWeights: classWeights}, width: 5, classes: 5, want: func(x []float64, k int, _ []float64) (float64, float64) {
			return classWeights[k] * nats(x, k), classWeights[k]
		}},
		{name: "CrossEntropy smoothed", loss: loss.CrossEntropy{Smoothing: 0.3, Ignore: []int{3, 1}}, width: 5, classes: 5, want: func(x []float64, k int, _ []float64) (float64, float64) {
			if k == 3 || k == 1 {
				return 0, 0
			}
			sum := 0.0
			for j := range x {
				sum += 0.3 / 5 * nats(x, j)
			}
			return sum + 0.7*nats(x, k), 1
		}},
		{name: "CrossEntropy smoothed by classes", loss: loss.CrossEntropy{Smoothing: 0.3, ClassWeights: classWeights}, width: 5, classes: 5, want: func(x []float64, k int, _ []float64) (float64, float64) {
			sum := 0.0
			for j := range x {
				sum += 0.3 / 5 * classWeights[j] * nats(x, j)
			}
			return sum + 0.7*classWeights[k]*nats(x, k), classWeights[k]
		}},
		{name: "Focal", loss: loss.Focal{}, width: 5, classes: 5, want: func(x []float64, k int, _ []float64) (float64, float64) {
			p := math.Exp(-nats(x, k))
			return -(1 - p) * (1 - p) * math.Log(p), 1
		}},
		{name: "Focal by classes", loss: loss.Focal{Gamma: 0.6, ClassWeights: classWeights}, width: 5, classes: 5, want: func(x []float64, k int, _ []float64) (float64, float64) {
			p := math.Exp(-nats(x, k))
			return -classWeights[k] * math.Pow(1-p, 0.6) * math.Log(p), classWeights[k]
		}},
		{name: "NLL", loss: loss.NLL{ClassWeights: classWeights}, width: 5, classes: 5, want: func(x []float64, k int, _ []float64) (float64, float64) {
			return -classWeights[k] * x[k], classWeights[k]
		}},
		{name: "SampledSoftmax", loss: layered{sampled}, params: sampled.Params(), width: 4, classes: 9},
		{name: "AdaptiveSoftmax", loss: layered{adaptive}, params: adaptive.Params(), width: 8, classes: 12},

		{name: "MSE", loss: loss.MSE{}, width: 3, columns: 3, target: normal, want: func(x []float64, _ int, y []float64) (float64, float64) {
			return mean(x, y, func(x, y float64) float64 { return (x - y) * (x - y) })
		}},
		{name: "L1", loss: loss.L1{}, width: 3, columns: 3, target: normal, want: func(x []float64, _ int, y []float64) (float64, float64) {
			return mean(x, y, func(x, y float64) float64 { return max(x-y, y-x) })
		}},
		{name: "Huber", loss: loss.Huber{}, width: 3, columns: 3, target: normal, want: func(x []float64, _ int, y []float64) (float64, float64) {
			return mean(x, y, func(x, y float64) float64 {
				d := max(x-y, y-x)
				return min(d*d/2, d-0.5+max(0, 1-d)*1e9)
			})
		}},
		{name: "SmoothL1", loss: loss.SmoothL1{Beta: 0.5}, width: 3, columns: 3, target: normal, want: func(x []float64, _ int, y []float64) (float64, float64) {
			return mean(x, y, func(x, y float64) float64 {
				d := max(x-y, y-x)
				return min(d*d, d-0.25+max(0, 0.5-d)*1e9)
			})
		}},
		{name: "BCEWithLogits", loss: loss.BCEWithLogits{}, width: 3, columns: 3, target: probability, want: func(x []float64, _ int, y []float64) (float64, float64) {
			return mean(x, y, func(x, y float64) float64 {
				p := 1 / (1 + math.Exp(-x))
				return -y*math.Log(p) - (1-y)*math.Log(1-p)
			})
		}},
		{name: "BCEWithLogits weighted", loss: loss.BCEWithLogits{PosWeight: []float64{3, 3}}, width: 2, columns: 2, target: probability, want: func(x []float64, _ int, y []float64) (float64, float64) {
			return mean(x, y, func(x, y float64) float64 {
				p := 1 / (1 + math.Exp(-x))
				return -3*y*math.Log(p) - (1-y)*math.Log(1-p)
			})
		}},
		{name: "KL", loss: loss.KL{}, width: 4, columns: 4, target: probability, want: func(x []float64, _ int, y []float64) (float64, float64) {
			return mean(x, y, func(x, y float64) float64 { return y*math.Log(y) - y*x })
		}},
		{name: "KL of rows", loss: loss.KL{Rows: true}, width: 4, columns: 4, target: probability, want: func(x []float64, _ int, y []float64) (float64, float64) {
			l, _ := mean(x, y, func(x, y float64) float64 { return y*math.Log(y) - y*x })
			return 4 * l, 1
		}},
		{name: "GaussianNLL", loss: loss.GaussianNLL{Full: true}, width: 4, columns: 2, target: normal, want: func(x []float64, _ int, y []float64) (float64, float64) {
			density := func(m, logVariance, y float64) float64 {
				v := math.Exp(logVariance)
				return math.Exp(-(y-m)*(y-m)/(2*v)) / math.Sqrt(2*math.Pi*v)
			}
			return -math.Log(density(x[0], x[2], y[0])*density(x[1], x[3], y[1])) / 2, 1
		}},
		{name: "Quantile", loss: loss.Quantile{}, width: 3, columns: 3, target: normal, want: func(x []float64, _ int, y []float64) (float64, float64) {
			return mean(x, y, func(x, y float64) float64 { return max(x-y, y-x) / 2 })
		}},
		{name: "Quantile of three levels", loss: loss.Quantile{Levels: []float64{0.1, 0.5, 0.8}}, width: 6, columns: 2, target: normal, want: func(x []float64, _ int, y []float64) (float64, float64) {
			sum := 0.0
			for i, level := range []float64{0.1, 0.5, 0.8} {
				for j, v := range y {
					d := v - x[2*i+j]
					sum += max(level*d, (level-1)*d)
				}
			}
			return sum / 6, 1
		}},
	}
}

// sample is a window of a row loss.
type sample struct {
	steps, batch int
	output       *graph.Tensor
	class        []int32
	y            []float64
	weight       []float64 // nil: none
	mask         []float64 // nil: none
}

func (c rowCase) sample(seed uint64, steps, batch int) *sample {
	rng := rand.New(rand.NewPCG(seed, 2))
	s := &sample{steps: steps, batch: batch, output: graph.NewTensor(graph.Float64, steps*batch, c.width)}
	for i := range s.output.F64 {
		s.output.F64[i] = 2 * rng.NormFloat64()
	}
	for range steps * batch {
		if c.classes > 0 {
			s.class = append(s.class, int32(rng.IntN(c.classes)))
		}
		for range c.columns {
			s.y = append(s.y, c.target(rng))
		}
	}
	return s
}

// row is a sample of one row alone.
func (c rowCase) row(s *sample, i int) *sample {
	one := &sample{steps: 1, batch: 1, output: graph.NewTensor(graph.Float64, 1, c.width)}
	copy(one.output.F64, s.output.F64[i*c.width:])
	if c.classes > 0 {
		one.class = s.class[i:][:1]
	}
	one.y = s.y[i*c.columns:][:c.columns]
	if s.weight != nil {
		one.weight = s.weight[i:][:1]
	}
	if s.mask != nil {
		one.mask = s.mask[i:][:1]
	}
	return one
}

func (c rowCase) rig(t *testing.T, d graph.DType, s *sample, threads int) *rig {
	t.Helper()
	graph.SetDType(c.params, d)
	t.Cleanup(func() { graph.SetDType(c.params, graph.Float32) })
	r := newRig(t, d, s.steps, s.batch)
	r.b = graph.NewBuilder(r.b.Window(), graph.Options{DType: d, Threads: threads})
	if c.classes > 0 {
		r.ints(seqdata.Target, s.class)
	} else {
		r.floats(seqdata.Target, s.y, s.steps*s.batch, c.columns)
	}
	if s.weight != nil {
		r.floats(seqdata.Weight, s.weight, len(s.weight))
	}
	if s.mask != nil {
		r.mask(s.mask...)
	}
	return r
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance*math.Max(1, math.Abs(b)) }

func eachRowCase(t *testing.T, f func(t *testing.T, c rowCase)) {
	for _, c := range rowCases() {
		t.Run(c.name, func(t *testing.T) { f(t, c) })
	}
}

// The value is the weighted mean of the rows' losses by their definition, in both precisions.
func TestValues(t *testing.T) {
	eachRowCase(t, func(t *testing.T, c rowCase) {
		if c.want == nil {
			t.Skip("tested elsewhere")
		}
		s := c.sample(3, 5, 3)
		for _, weights := range [][]float64{nil, {1, 0, 2, 0.5, 1, 3, 0, 0, 1, 1, 1, 0.25, 2, 2, 1}} {
			s.weight = weights
			sum, total := 0.0, 0.0
			for i := range s.steps * s.batch {
				one := c.row(s, i)
				k, w := 0, 1.0
				if c.classes > 0 {
					k = int(one.class[0])
				}
				if weights != nil {
					w = weights[i]
				}
				l, count := c.want(one.output.F64, k, one.y)
				sum += w * l
				total += w * count
			}
			for d, tolerance := range map[graph.DType]float64{graph.Float64: 1e-13, graph.Float32: 1e-6} {
				r := c.rig(t, d, s, 0)
				got, _ := r.run(c.loss, s.output)
				if !near(got, sum/total, tolerance) || !near(r.weight(), total, tolerance) {
					t.Errorf("%v: %v of weight %v, want %v of %v", d, got, r.weight(), sum/total, total)
				}
			}
		}
	})
}

// The gradient is that of finite differences, with respect to the output and to the loss's own parameters, in float64; and
// float32's agrees with it.
func TestGradients(t *testing.T) {
	eachRowCase(t, func(t *testing.T, c rowCase) {
		s := c.sample(4, 3, 2)
		s.weight = []float64{1, 0.5, 0, 2, 1, 1}
		r32 := c.rig(t, graph.Float32, s, 0)
		_, single := r32.run(c.loss, s.output)
		r := c.rig(t, graph.Float64, s, 0)
		_, gradient := r.run(c.loss, s.output)
		compare(t, "float32", single, gradient, 1e-5)
		var params [][]float64
		for _, p := range c.params {
			params = append(params, p.Grad.Floats())
		}
		cost := func() float64 {
			if err := errors.Join(r.program.SetFloat64s("output", s.output.F64), r.program.Run(1)); err != nil {
				t.Fatal(err)
			}
			return r.program.Cost()
		}
		check := func(what string, x *graph.Tensor, gradient []float64) {
			differences := make([]float64, x.Len())
			for i := range differences {
				const h = 1e-5
				v := x.At(i)
				x.SetAt(i, v+h)
				high := cost()
				x.SetAt(i, v-h)
				differences[i] = (high - cost()) / (2 * h)
				x.SetAt(i, v)
			}
			compare(t, what, gradient, differences, 1e-7)
		}
		check("output", s.output, gradient)
		for i, p := range c.params {
			check(p.Name, p.Value, params[i])
		}
	})
}

// What is masked isn't looked at: NaN and targets that don't exist change nothing, and have the gradient 0.
func TestMask(t *testing.T) {
	eachRowCase(t, func(t *testing.T, c rowCase) {
		masked := []int{1, 4, 5}
		s := c.sample(5, 3, 2)
		s.mask = []float64{1, 0, 7, 1, 0, 0}
		s.weight = []float64{1, 1, 2, 1, math.NaN(), 1}
		r := c.rig(t, graph.Float64, s, 0)
		want, wantGradient := r.run(c.loss, s.output)
		total := r.weight()
		for _, i := range masked {
			if c.name != "SampledSoftmax" && c.name != "AdaptiveSoftmax" { // whose parameters' gradients go through products
				for j := range c.width {
					s.output.F64[i*c.width+j] = math.NaN()
				}
			}
			if c.classes > 0 {
				s.class[i] = math.MinInt32
			}
			for j := range c.columns {
				s.y[i*c.columns+j] = math.Inf(1)
			}
		}
		r = c.rig(t, graph.Float64, s, 0)
		got, gradient := r.run(c.loss, s.output)
		if got != want || math.IsNaN(want) || !slices.Equal(gradient, wantGradient) || r.weight() != total {
			t.Errorf("%v of weight %v, want %v of %v", got, r.weight(), want, total)
		}
		for _, i := range masked {
			for j := range c.width {
				if g := gradient[i*c.width+j]; g != 0 {
					t.Errorf("gradient %v in row %d, which is masked", g, i)
				}
			}
		}
		s.mask = make([]float64, 6)
		r = c.rig(t, graph.Float64, s, 0)
		got, gradient = r.run(c.loss, s.output)
		if got != 0 || r.weight() != 0 || slices.ContainsFunc(gradient, func(g float64) bool { return g != 0 }) {
			t.Errorf("all masked: %v of weight %v, gradient %v", got, r.weight(), gradient)
		}
	})
}

// Windows combine by their weights to the cost of all rows.
func TestWindowsCombine(t *testing.T) {
	eachRowCase(t, func(t *testing.T, c rowCase) {
		if c.name == "CrossEntropy smoothed by classes" {
			t.Skip("a target whose class has the weight 0 has a loss, but its mean is over nothing")
		}
		s := c.sample(6, 4, 2)
		s.weight = []float64{1, 0.5, 2, 0, 1, 3, 0.25, 1}
		s.mask = []float64{1, 1, 1, 1, 0, 1, 1, 0}
		r := c.rig(t, graph.Float64, s, 0)
		whole, wholeGradient := r.run(c.loss, s.output)
		total := r.weight()
		sum, weight := 0.0, 0.0
		var gradient []float64
		for i := range 8 {
			r := c.rig(t, graph.Float64, c.row(s, i), 0)
			l, g := r.run(c.loss, c.row(s, i).output)
			sum += l * r.weight()
			weight += r.weight()
			for _, v := range g {
				gradient = append(gradient, v*r.weight()/total)
			}
		}
		if !near(sum/weight, whole, 1e-12) || !near(weight, total, 1e-12) {
			t.Errorf("%v of weight %v, want %v of %v", sum/weight, weight, whole, total)
		}
		compare(t, "gradient", gradient, wholeGradient, 1e-12)
	})
}

// Costs and gradients have the same bits with any number of threads.
func TestThreads(t *testing.T) {
	eachRowCase(t, func(t *testing.T, c rowCase) {
		s := c.sample(7, 9, 5)
		want, wantGradient := c.rig(t, graph.Float32, s, 1).run(c.loss, s.output)
		for _, threads := range []int{2, 3, 7} {
			got, gradient := c.rig(t, graph.Float32, s, threads).run(c.loss, s.output)
			if got != want || !slices.Equal(gradient, wantGradient) {
				t.Errorf("%d threads: %v, want %v", threads, got, want)
			}
		}
	})
}

// A NaN isn't hidden.
func TestNaN(t *testing.T) {
	eachRowCase(t, func(t *testing.T, c rowCase) {
		s := c.sample(8, 2, 2)
		for j := range c.width {
			s.output.F64[c.width+j] = math.NaN()
		}
		if c.classes > 0 {
			s.class[1] = 0
		}
		if got, _ := c.rig(t, graph.Float32, s, 0).run(c.loss, s.output); !math.IsNaN(got) {
			t.Errorf("the cost is %v", got)
		}
		s = c.sample(8, 2, 2)
		s.weight = []float64{math.NaN(), 1, 0, 1}
		if c.classes > 0 {
			s.class[2] = math.MaxInt32 // where the weight is 0
		}
		if got, _ := c.rig(t, graph.Float32, s, 0).run(c.loss, s.output); !math.IsNaN(got) {
			t.Errorf("the cost with a weight that is NaN is %v", got)
		}
		if c.columns > 0 {
			s = c.sample(8, 2, 2)
			s.y[c.columns] = math.NaN()
			if got, _ := c.rig(t, graph.Float32, s, 0).run(c.loss, s.output); !math.IsNaN(got) {
				t.Errorf("the cost of a target that is NaN is %v", got)
			}
		}
	})
}

// A target that is no class is an error that names the place; only what is to be ignored isn't looked at.
func TestTargetOutOfRange(t *testing.T) {
	eachRowCase(t, func(t *testing.T, c rowCase) {
		if c.classes == 0 {
			t.Skip("no classes")
		}
		for _, bad := range []int32{-1, int32(c.classes), math.MaxInt32, math.MinInt32} {
			s := c.sample(9, 3, 2)
			s.class[5] = bad
			_, _, err := c.rig(t, graph.Float32, s, 0).try(c.loss, s.output)
			e, ok := errors.AsType[*graph.IndexError](err)
			if !ok || e.Position != 5 || e.Index != int(bad) || e.Limit != c.classes {
				t.Fatalf("target %d: %v", bad, err)
			}
			if want := "step 2 of sequence 1: index " + fmt.Sprint(bad) + " at position 5"; !strings.Contains(err.Error(), want) {
				t.Errorf("error %q doesn't say %q", err, want)
			}
		}
	})
}

// Outputs and targets that don't fit, or aren't there, are an error of writing.
func TestMisuse(t *testing.T) {
	eachRowCase(t, func(t *testing.T, c rowCase) {
		for name, f := range map[string]func(b *graph.Builder) *graph.Node{
			"no target": func(b *graph.Builder) *graph.Node { return b.Floats("output", 4, c.width) },
			"no output": func(b *graph.Builder) *graph.Node { c.declare(b, 4); return nil },
			"a wide output": func(b *graph.Builder) *graph.Node {
				c.declare(b, 4)
				return b.Floats("output", 4, c.width, 2)
			},
			"other rows": func(b *graph.Builder) *graph.Node { c.declare(b, 3); return b.Floats("output", 4, c.width) },
			"a target of the other kind": func(b *graph.Builder) *graph.Node {
				if c.classes > 0 {
					b.Floats(seqdata.Target, 4)
				} else {
					b.Ints(seqdata.Target, 4)
				}
				return b.Floats("output", 4, c.width)
			},
			"weights of other length": func(b *graph.Builder) *graph.Node {
				c.declare(b, 4)
				b.Floats(seqdata.Weight, 2)
				return b.Floats("output", 4, c.width)
			},
			"weights that are indices": func(b *graph.Builder) *graph.Node {
				c.declare(b, 4)
				b.Ints(seqdata.Weight, 4)
				return b.Floats("output", 4, c.width)
			},
			"an error before": func(b *graph.Builder) *graph.Node { c.declare(b, 4); return b.Floats("output", -1) },
		} {
			b := graph.NewBuilder(graph.Window{T: 2, B: 2, Train: true}, graph.Options{})
			if cost := c.loss.Cost(b, f(b)); cost != nil || !typed(b.Err()) {
				t.Errorf("%s: %v", name, b.Err())
			}
		}
	})
}

func (c rowCase) declare(b *graph.Builder, rows int) {
	if c.classes > 0 {
		b.Ints(seqdata.Target, rows)
		return
	}
	b.Floats(seqdata.Target, rows, c.columns)
}

// typed reports whether an error of a builder is of one of its types.
func typed(err error) bool {
	_, shape := errors.AsType[*graph.ShapeError](err)
	_, argument := errors.AsType[*graph.ArgumentError](err)
	return shape || argument
}

// Options out of their range are an error.
func TestBadOptions(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, l := range []coster{
		loss.CrossEntropy{Smoothing: -0.1}, loss.CrossEntropy{Smoothing: 1.1}, loss.CrossEntropy{Smoothing: nan},
		loss.CrossEntropy{ClassWeights: []float64{1, 2}}, loss.CrossEntropy{ClassWeights: []float64{1, 2, -1}}, loss.CrossEntropy{ClassWeights: []float64{1, nan, 1}},
		loss.Focal{Gamma: -1}, loss.Focal{Gamma: nan}, loss.Focal{Gamma: inf},
		loss.NLL{ClassWeights: []float64{}},
	} {
		b := graph.NewBuilder(graph.Window{T: 2, B: 1}, graph.Options{})
		b.Ints(seqdata.Target, 2)
		if l.Cost(b, b.Floats("output", 2, 3)) != nil || !typed(b.Err()) {
			t.Errorf("%T%+v: %v", l, l, b.Err())
		}
	}
	for _, l := range []coster{
		loss.Huber{Delta: -1}, loss.Huber{Delta: nan}, loss.SmoothL1{Beta: -1}, loss.SmoothL1{Beta: inf},
		loss.BCEWithLogits{PosWeight: []float64{1}}, loss.GaussianNLL{Eps: -1}, loss.GaussianNLL{},
		loss.Quantile{Levels: []float64{}}, loss.Quantile{Levels: []float64{0}}, loss.Quantile{Levels: []float64{1}}, loss.Quantile{Levels: []float64{0.1, nan}},
	} {
		b := graph.NewBuilder(graph.Window{T: 2, B: 1}, graph.Options{})
		b.Floats(seqdata.Target, 2, 3)
		if l.Cost(b, b.Floats("output", 2, 3)) != nil || !typed(b.Err()) {
			t.Errorf("%T%+v: %v", l, l, b.Err())
		}
	}
}

// A target for each sequence counts 1, whatever the weights of the steps; PyTorch's number for the mean.
func TestTargetOfSequences(t *testing.T) {
	r := newRig(t, graph.Float64, 3, 2)
	r.ints(seqdata.Target, []int32{2, 0}).floats(seqdata.Weight, []float64{1, 2, 3, 4, 5, 6}, 6).mask(0, 1, 0, 0, 0, 1)
	got, _ := r.run(loss.CrossEntropy{}, &graph.Tensor{Shape: []int{2, 3}, F64: []float64{1, 2, 3, 0, 0, 0}})
	if want := (0.40760596444438 + math.Log(3)) / 2; !near(got, want, 1e-12) || r.weight() != 2 {
		t.Errorf("%v of weight %v, want %v of 2", got, r.weight(), want)
	}
}

// A program's weight is what the batch itself counts, whatever its arrays.
func TestWeightIsTheBatchs(t *testing.T) {
	const steps, batch = 3, 2
	floats := func(v ...float32) seqdata.Array { return seqdata.Array{Shape: []int{len(v) / batch, batch}, Floats: v} }
	for name, arrays := range map[string]map[string]seqdata.Array{
		"plain":            {},
		"masked":           {seqdata.Mask: floats(1, 1, 1, 0, 5, 0)},
		"weighted":         {seqdata.Weight: floats(0, 0.5, 2, 1, 1, 1)},
		"both":             {seqdata.Weight: floats(0, 0.5, 2, 1, 1, 1), seqdata.Mask: floats(1, 1, 1, 0, 5, 0)},
		"nothing is left":  {seqdata.Mask: floats(0, 0, 0, 0, 0, 0)},
		"of the sequences": {seqdata.Mask: floats(1, 1, 1, 0, 5, 0), seqdata.Target: {Shape: []int{2}, Ints: []int32{1, 2}}},
		"of other steps":   {seqdata.Mask: floats(1, 1, 1, 0, 5, 0), seqdata.Target: {Shape: []int{2, 2}, Ints: []int32{1, 2, 1, 0}}},
	} {
		b := &seqdata.Batch{T: steps, B: batch, Arrays: map[string]seqdata.Array{
			seqdata.Input:  {Shape: []int{steps, batch}, Ints: make([]int32, steps*batch)},
			seqdata.Target: {Shape: []int{steps, batch}, Ints: make([]int32, steps*batch)},
		}}
		for k, a := range arrays {
			b.Arrays[k] = a
		}
		programs := bptt.Programs{Write: func(b *graph.Builder) *graph.Node {
			rows := b.Input(seqdata.Target).Dim(0)
			return loss.CrossEntropy{}.Cost(b, b.Const(graph.NewTensor(graph.Float32, rows, 3)))
		}}
		p, err := programs.For(b, false)
		if err != nil {
			t.Fatal(name, err)
		}
		if err := p.Run(0); err != nil {
			t.Fatal(name, err)
		}
		_, want := b.Targets()
		if got, ok := p.TargetWeight(); !ok || got != want {
			t.Errorf("%s: %v (%t), the batch says %v", name, got, ok, want)
		}
		if cost := math.Log(3); want > 0 && !near(p.Cost(), cost, 1e-6) || want == 0 && p.Cost() != 0 {
			t.Errorf("%s: cost %v, want %v of weight %v", name, p.Cost(), cost, want)
		}
	}
}

// A loss says its unit where there is a word for it.
func TestUnits(t *testing.T) {
	for want, all := range map[string][]coster{
		"nats per target":  {loss.CrossEntropy{}, loss.NLL{}, &loss.SampledSoftmax{}, &loss.AdaptiveSoftmax{}},
		"nats per element": {loss.BCEWithLogits{}, loss.GaussianNLL{}, loss.KL{}},
		"nats per row":     {loss.KL{Rows: true}},
		"nats per label":   {loss.CTC{}},
		"nats in all":      {loss.CTC{Sum: true}},
		"squared error":    {loss.MSE{}},
		"absolute error":   {loss.L1{}},
	} {
		for _, l := range all {
			if u, ok := l.(interface{ Unit() string }); !ok || u.Unit() != want {
				t.Errorf("%T: the unit isn't %q", l, want)
			}
		}
	}
}
