package crf_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/crf"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
)

var (
	_ layers.Layer = (*crf.CRF)(nil)
	_ train.Loss   = (*crf.CRF)(nil)
)

func source() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

const (
	T, B, K = 4, 5, 3
)

// steps masks a batch: whole, shorter, with holes, a single step, and none.
var steps = []float32{
	1, 1, 0, 0, 0,
	1, 1, 1, 0, 0,
	1, 0, 0, 1, 0,
	1, 0, 1, 0, 0,
}

// whole numbers, which have ties and are added without rounding.
func whole(rng *rand.Rand, size int, shape ...int) *graph.Tensor {
	v := graph.NewTensor(graph.Float32, shape...)
	for i := range v.Len() {
		v.SetAt(i, float64(rng.IntN(2*size+1)-size))
	}
	return v
}

func newCRF(rng *rand.Rand, size int) *crf.CRF {
	return &crf.CRF{
		Start: graph.ParamOf(whole(rng, size, K)), End: graph.ParamOf(whole(rng, size, K)), Transitions: graph.ParamOf(whole(rng, size, K, K)),
	}
}

// enumerate goes through all sequences of tags for the given rows, with their scores.
func enumerate(c *crf.CRF, x *graph.Tensor, rows []int, visit func(tags []int32, score float64)) {
	tags := make([]int32, len(rows))
	for n := range int(math.Pow(K, float64(len(rows)))) {
		score := 0.0
		for i := range rows {
			tags[i], n = int32(n%K), n/K
			score += x.At(rows[i]*K + int(tags[i]))
			if i == 0 {
				score += c.Start.Value.At(int(tags[0]))
			} else {
				score += c.Transitions.Value.At(int(tags[i-1])*K + int(tags[i]))
			}
		}
		visit(tags, score+c.End.Value.At(int(tags[len(tags)-1])))
	}
}

func rowsOf(s int, mask []float32) []int {
	var rows []int
	for i := s; i < T*B; i += B {
		if mask == nil || mask[i] != 0 {
			rows = append(rows, i)
		}
	}
	return rows
}

// TestDecode: the best sequence of all, and of equally good ones that with the smallest last tag, then last but one, …
func TestDecode(t *testing.T) {
	ties := 0
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		c, x := newCRF(rng, 1+int(seed%3)), whole(rng, 1+int(seed%3), T*B, K)
		for _, mask := range [][]float32{nil, steps} {
			paths, err := c.Decode(x, B, mask)
			if err != nil || len(paths) != B {
				t.Fatalf("%d paths, %v", len(paths), err)
			}
			for s, got := range paths {
				var want []int32
				best := math.Inf(-1)
				if rows := rowsOf(s, mask); len(rows) > 0 {
					enumerate(c, x, rows, func(tags []int32, score float64) {
						// The order of enumerate is that of the last tag, then the last but one, …
						switch {
						case score > best:
							best, want = score, slices.Clone(tags)
						case score == best:
							ties++
						}
					})
				}
				if !slices.Equal(got, want) {
					t.Errorf("seed %d, sequence %d: got %v, want %v", seed, s, got, want)
				}
			}
		}
	}
	if ties < 20 {
		t.Errorf("only %d ties: the test says nothing about them", ties)
	}
}

// TestDecodeForbidden: what -Inf forbids isn't in the result.
func TestDecodeForbidden(t *testing.T) {
	c := crf.New(K, source())
	inf := math.Inf(-1)
	c.Start.Value.SetAt(1, inf)
	for _, at := range []int{0 * K, 1*K + 1, 2*K + 2} { // no tag twice in a row
		c.Transitions.Value.SetAt(at, inf)
	}
	x := graph.NewTensor(graph.Float64, T*B, K)
	for i := range T * B {
		x.F64[i*K+1] = 100 // all emissions ask for tag 1
	}
	paths, err := c.Decode(x, B, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		if p[0] == 1 || p[1] != 1 && p[2] != 1 {
			t.Errorf("path %v", p)
		}
		for i := range p[1:] {
			if p[i] == p[i+1] {
				t.Errorf("path %v", p)
			}
		}
	}
}

// loss runs the cost of a model that is the CRF alone, and returns it with the sequences' losses.
func loss(t *testing.T, c *crf.CRF, x []float64, tags []int32, mask []float32) (cost float64, losses []float64, err error) {
	t.Helper()
	b := graph.NewBuilder(graph.Window{T: T, B: B, Train: true}, graph.Options{})
	b.Ints(seqdata.Target, T*B)
	emissions := layers.Sequential{c}.Apply(b, b.Floats("x", T*B, K))
	if mask != nil {
		b.SetStepMask(b.Floats("mask", T*B))
	}
	b.Output("losses", c.NegativeLogLikelihood(b, emissions, b.Input(seqdata.Target)))
	p, err := b.Compile(c.Cost(b, emissions), graph.Gradients{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.SetFloat64s("x", x), p.SetInts(seqdata.Target, tags)); err != nil {
		t.Fatal(err)
	}
	if mask != nil {
		if err := p.SetFloats("mask", mask); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Run(0); err != nil {
		return 0, nil, err
	}
	return p.Cost(), p.Output("losses").Floats(), nil
}

// TestLoss: the likelihoods of going through all sequences of tags, and their sum by step.
func TestLoss(t *testing.T) {
	rng := source()
	c, x := newCRF(rng, 2), whole(rng, 2, T*B, K)
	tags := make([]int32, T*B)
	for i := range tags {
		tags[i] = int32(rng.IntN(K))
	}
	for _, mask := range [][]float32{nil, steps, make([]float32, T*B)} {
		total, count := 0.0, 0
		var want []float64
		for s := range B {
			rows := rowsOf(s, mask)
			count += len(rows)
			if len(rows) == 0 {
				want = append(want, 0)
				continue
			}
			sum, given := 0.0, 0.0
			enumerate(c, x, rows, func(y []int32, score float64) {
				sum += math.Exp(score)
				same := true
				for n, i := range rows {
					same = same && y[n] == tags[i]
				}
				if same {
					given = score
				}
			})
			want = append(want, math.Log(sum)-given)
			total += math.Log(sum) - given
		}
		cost, losses, err := loss(t, c, x.Floats(), tags, mask)
		if err != nil {
			t.Fatal(err)
		}
		for s := range want {
			if !(math.Abs(losses[s]-want[s]) < 1e-5) {
				t.Errorf("sequence %d: loss %v, want %v", s, losses[s], want[s])
			}
		}
		if !(math.Abs(cost-total/float64(max(count, 1))) < 1e-5) {
			t.Errorf("cost %v, want %v of %d steps", cost, total, count)
		}
	}
}

func TestInitialization(t *testing.T) {
	c := crf.New(30, source())
	for _, p := range c.Params() {
		largest := 0.0
		for _, v := range p.Value.Floats() {
			largest = math.Max(largest, math.Abs(v))
		}
		if largest > 0.1 || largest < 0.08 {
			t.Errorf("%s goes up to %v", p.Name, largest)
		}
	}
}

func TestMisuse(t *testing.T) {
	rng := source()
	good := newCRF(rng, 1)
	x := whole(rng, 1, T*B, K)
	for name, c := range map[string]struct {
		crf   *crf.CRF
		x     *graph.Tensor
		batch int
		mask  []float32
	}{
		"no emissions":     {good, nil, B, nil},
		"no batch":         {good, x, 0, nil},
		"negative batch":   {good, x, -B, nil},
		"other batch":      {good, x, 3, nil},
		"other tags":       {crf.New(K+1, rng), x, B, nil},
		"rank 1":           {good, whole(rng, 1, T*B*K), B, nil},
		"no values":        {good, &graph.Tensor{Shape: []int{T * B, K}}, B, nil},
		"no steps":         {good, &graph.Tensor{Shape: []int{0, K}}, B, nil},
		"mask too short":   {good, x, B, make([]float32, T)},
		"empty mask":       {good, x, B, []float32{}},
		"no tags":          {crf.New(0, rng), x, B, nil},
		"negative tags":    {crf.New(-1, rng), x, B, nil},
		"no parameters":    {&crf.CRF{}, x, B, nil},
		"other parameters": {&crf.CRF{Start: good.Start, End: good.End, Transitions: graph.ParamOf(whole(rng, 1, K*K))}, x, B, nil},
		"another end":      {&crf.CRF{Start: good.Start, End: crf.New(4, rng).End, Transitions: good.Transitions}, x, B, nil},
	} {
		paths, err := c.crf.Decode(c.x, c.batch, c.mask)
		var shape *graph.ShapeError
		var argument *graph.ArgumentError
		if paths != nil || !errors.As(err, &shape) && !errors.As(err, &argument) {
			t.Errorf("%s: got %v and error %v", name, paths, err)
		}
	}

	for name, f := range map[string]func(b *graph.Builder){
		"no target":      func(b *graph.Builder) { good.Cost(b, b.Floats("x", T*B, K)) },
		"no emissions":   func(b *graph.Builder) { b.Ints(seqdata.Target, T*B); good.Cost(b, nil) },
		"no parameters":  func(b *graph.Builder) { b.Ints(seqdata.Target, T*B); (&crf.CRF{}).Cost(b, b.Floats("x", T*B, K)) },
		"other tags":     func(b *graph.Builder) { b.Ints(seqdata.Target, T*B); good.Cost(b, b.Floats("x", T*B, K+1)) },
		"float targets":  func(b *graph.Builder) { b.Floats(seqdata.Target, T*B); good.Cost(b, b.Floats("x", T*B, K)) },
		"negative width": func(b *graph.Builder) { b.Ints(seqdata.Target, T*B); crf.New(-1, rng).Cost(b, b.Floats("x", T*B, K)) },
	} {
		b := graph.NewBuilder(graph.Window{T: T, B: B}, graph.Options{})
		f(b)
		var shape *graph.ShapeError
		var argument *graph.ArgumentError
		if !errors.As(b.Err(), &shape) && !errors.As(b.Err(), &argument) {
			t.Errorf("%s: got %v", name, b.Err())
		}
	}
	b := graph.NewBuilder(graph.Window{T: -1, B: 1}, graph.Options{})
	if good.Cost(b, nil) != nil || b.Err() == nil {
		t.Error("a bad window is no error")
	}

	tags := make([]int32, T*B)
	tags[2*B+3] = K
	_, _, err := loss(t, good, x.Floats(), tags, nil)
	if want := fmt.Sprintf("CRF: step 2 of sequence 3: index %d at position %d, want 0 to %d", K, 2*B+3, K-1); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
