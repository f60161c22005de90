package graph

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// crfCase is a batch of sequences with the parameters of a conditional random field.
type crfCase struct {
	w      Window
	k      int
	in     []*Tensor // emissions, transitions, start, end
	tags   []int32
	mask   []float64 // nil: all steps
	weight []float64 // of the sequences' losses in the cost
}

func newCRFCase(seed uint64, w Window, k int, mask []float64) crfCase {
	rng := rand.New(rand.NewPCG(seed, 1))
	c := crfCase{w: w, k: k, mask: mask}
	for _, shape := range (shapes{{w.T * w.B, k}, {k, k}, {k}, {k}}) {
		c.in = append(c.in, randomTensor(rng, -2, 2, shape...))
	}
	for range w.T * w.B {
		c.tags = append(c.tags, int32(rng.IntN(k)))
	}
	for range w.B {
		c.weight = append(c.weight, 2*rng.Float64()-1)
	}
	return c
}

// crfResult is the loss of each sequence, and the gradients of Σ weight ⊙ loss.
type crfResult struct {
	loss      []float64
	gradients [][]float64
}

func (c crfCase) run(t *testing.T, o Options) (crfResult, error) {
	t.Helper()
	b := NewBuilder(c.w, o)
	var in []*Node
	var names []string
	for i, v := range c.in {
		names = append(names, inputName(i))
		in = append(in, b.Floats(names[i], v.Shape...))
	}
	var mask *Node
	if c.mask != nil {
		mask = b.Floats("mask", len(c.mask))
	}
	loss := b.CRF(in[0], in[1], in[2], in[3], b.Ints("tags", len(c.tags)), mask)
	b.Output("loss", loss)
	p, err := b.Compile(b.Sum(b.Mul(loss, b.Const(&Tensor{Shape: []int{c.w.B}, F64: c.weight}))), Gradients{Inputs: names})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range c.in {
		if err := p.SetFloat64s(names[i], v.Floats()); err != nil {
			t.Fatal(err)
		}
	}
	if c.mask != nil {
		if err := p.SetFloat64s("mask", c.mask); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.SetInts("tags", c.tags); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second run finds what the first has left
		if err := p.Run(1); err != nil {
			return crfResult{}, err
		}
	}
	r := crfResult{loss: p.Output("loss").Floats()}
	for _, name := range names {
		r.gradients = append(r.gradients, p.InputGradient(name).Floats())
	}
	return r, nil
}

// steps are the rows of a sequence's steps.
func (c crfCase) steps(s int) []int {
	var rows []int
	for t := range c.w.T {
		if i := t*c.w.B + s; c.mask == nil || c.mask[i] != 0 {
			rows = append(rows, i)
		}
	}
	return rows
}

// score walks a path of tags, and gives to add the place of every score on it.
func (c crfCase) score(rows []int, tags []int, add func(input, at int)) float64 {
	total := 0.0
	visit := func(input, at int) {
		total += c.in[input].F64[at]
		if add != nil {
			add(input, at)
		}
	}
	for n, i := range rows {
		if n == 0 {
			visit(2, tags[0])
		} else {
			visit(1, tags[n-1]*c.k+tags[n])
		}
		visit(0, i*c.k+tags[n])
	}
	visit(3, tags[len(tags)-1])
	return total
}

// enumerated is the result by going through all sequences of tags.
func (c crfCase) enumerated() crfResult {
	var r crfResult
	for _, v := range c.in {
		r.gradients = append(r.gradients, make([]float64, v.Len()))
	}
	for s := range c.w.B {
		rows := c.steps(s)
		r.loss = append(r.loss, 0)
		if len(rows) == 0 {
			continue
		}
		paths := int(math.Pow(float64(c.k), float64(len(rows))))
		path := func(n int) []int {
			tags := make([]int, len(rows))
			for i := range tags {
				tags[i], n = n%c.k, n/c.k
			}
			return tags
		}
		top := math.Inf(-1)
		for n := range paths {
			top = math.Max(top, c.score(rows, path(n), nil))
		}
		sum := 0.0
		for n := range paths {
			sum += math.Exp(c.score(rows, path(n), nil) - top)
		}
		adding := func(p float64) func(input, at int) {
			return func(input, at int) { r.gradients[input][at] += c.weight[s] * p }
		}
		for n := range paths {
			p := math.Exp(c.score(rows, path(n), nil)-top) / sum
			c.score(rows, path(n), adding(p))
		}
		given := make([]int, len(rows))
		for n, i := range rows {
			given[n] = int(c.tags[i])
		}
		r.loss[s] = top + math.Log(sum) - c.score(rows, given, adding(-1))
	}
	return r
}

// closeTo compares to a tolerance relative to 1 or the largest element.
func closeTo(t *testing.T, what string, tolerance float64, got, want []float64) {
	t.Helper()
	largest := 1.0
	for _, v := range want {
		largest = math.Max(largest, math.Abs(v))
	}
	for i, v := range want {
		if !(math.Abs(got[i]-v) <= tolerance*largest) {
			t.Errorf("%s: element %d is %.15g, want %.15g", what, i, got[i], v)
			return
		}
	}
}

func (c crfCase) check(t *testing.T, tolerance float64) {
	t.Helper()
	got, err := c.run(t, Options{DType: Float64})
	if err != nil {
		t.Fatal(err)
	}
	want := c.enumerated()
	closeTo(t, "loss", tolerance, got.loss, want.loss)
	for i, name := range []string{"emissions", "transitions", "start", "end"} {
		closeTo(t, "gradient of "+name, tolerance, got.gradients[i], want.gradients[i])
	}
}

// ragged is a mask with whole, shorter, broken and empty sequences, one that begins late, and one of a single step.
var ragged = []float64{
	1, 1, 1, 0, 0, 0,
	1, 1, 0, 0, 1, 0,
	1, 0, 1, 0, 0, 0,
	1, 0, 1, 0, 1, 1,
}

// TestCRF: losses and gradients are those of going through all sequences of tags.
func TestCRF(t *testing.T) {
	for _, c := range []crfCase{
		newCRFCase(1, Window{T: 4, B: 2}, 3, nil),
		newCRFCase(2, Window{T: 6, B: 1}, 2, nil),
		newCRFCase(3, Window{T: 1, B: 3}, 4, nil),
		newCRFCase(4, Window{T: 3, B: 2}, 1, nil),
		newCRFCase(5, Window{T: 4, B: 6}, 3, ragged),
		newCRFCase(6, Window{T: 1, B: 2}, 3, []float64{0, 0}),
	} {
		t.Run(fmt.Sprintf("T=%d B=%d K=%d masked=%v", c.w.T, c.w.B, c.k, c.mask != nil), func(t *testing.T) { c.check(t, 1e-12) })
	}
}

// TestCRFOfLargeScores: scores far apart, where the shortcuts by factors underflow, lose nothing.
func TestCRFOfLargeScores(t *testing.T) {
	for _, size := range []float64{30, 1000, 1e5} {
		for seed := range uint64(20) {
			c := newCRFCase(seed, Window{T: 4, B: 6}, 3, ragged)
			for _, v := range c.in {
				for i := range v.F64 {
					v.F64[i] *= size
				}
			}
			c.check(t, 1e-12)
		}
	}
	// The end forces a way that is less likely by e^-2000 at each step than the others.
	c := newCRFCase(1, Window{T: 4, B: 2}, 2, nil)
	copy(c.in[1].F64, []float64{0, -2000, 1, -2001})
	copy(c.in[3].F64, []float64{-1e5, 0})
	c.check(t, 1e-12)
}

// TestCRFForbidden: what -Inf forbids has no gradient and no part in the loss.
func TestCRFForbidden(t *testing.T) {
	c := newCRFCase(2, Window{T: 4, B: 2}, 3, nil)
	for i := range c.tags {
		c.tags[i] = int32(i / 2 % 2)
	}
	inf := math.Inf(-1)
	for i := range 3 { // no way leads to tag 2
		c.in[1].F64[3*i+2] = inf
	}
	c.in[2].F64[2] = inf
	c.in[1].F64[0] = inf // and none from 0 to 0
	got, err := c.run(t, Options{DType: Float64})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range c.in {
		for i := range v.F64 {
			v.F64[i] = math.Max(v.F64[i], -1e4)
		}
	}
	want := c.enumerated()
	closeTo(t, "loss", 1e-12, got.loss, want.loss)
	for i := range c.in {
		closeTo(t, "gradient of "+inputName(i), 1e-12, got.gradients[i], want.gradients[i])
	}
	if g := got.gradients[1]; g[0] != 0 || g[2] != 0 || got.gradients[2][2] != 0 {
		t.Errorf("gradients %v of what is forbidden", got.gradients)
	}
}

func TestCRFGradients(t *testing.T) {
	for _, mask := range [][]float64{nil, ragged} {
		c := newCRFCase(7, Window{T: 4, B: 6, Train: true}, 5, mask)
		err := CheckGradients(c.w, nil, func(b *Builder, in []*Node) *Node {
			var valid *Node
			if mask != nil {
				valid = b.Const(&Tensor{Shape: []int{24}, F64: mask})
			}
			return b.CRF(in[0], in[1], in[2], in[3], fixedIndices(b, 24, 5), valid)
		}, c.in...)
		if err != nil {
			t.Error(err)
		}
	}
}

// TestCRFMask: what stands at masked steps, a NaN or a tag that isn't there, has no effect; and threads have none.
func TestCRFMask(t *testing.T) {
	c := newCRFCase(8, Window{T: 4, B: 6}, 40, ragged)
	want, err := c.run(t, Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range ragged {
		if m == 0 {
			c.tags[i] = int32(-100 + i*20)
			c.in[0].F64[i*c.k] = math.NaN()
		}
	}
	for threads := range 3 {
		got, err := c.run(t, Options{Threads: threads + 1})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.loss, want.loss) {
			t.Errorf("%d threads: losses %v, want %v", threads+1, got.loss, want.loss)
		}
		for i := range c.in {
			if !slices.Equal(got.gradients[i], want.gradients[i]) {
				t.Errorf("%d threads: other gradients of input %d", threads+1, i)
			}
		}
	}
	if want.loss[3] != 0 {
		t.Errorf("a sequence without steps has loss %v", want.loss[3])
	}
}

func TestCRFTagErrors(t *testing.T) {
	for _, bad := range []int32{-1, 3, math.MaxInt32, math.MinInt32} {
		c := newCRFCase(9, Window{T: 3, B: 2}, 3, nil)
		c.tags[2*2+1] = bad
		_, err := c.run(t, Options{})
		var e *IndexError
		if !errors.As(err, &e) || *e != (IndexError{Op: "CRF", Position: 5, Index: int(bad), Limit: 3}) || !strings.Contains(err.Error(), "step 2 of sequence 1") {
			t.Errorf("tag %d: got %v", bad, err)
		}
	}
}

func BenchmarkCRF(b *testing.B) {
	c := newCRFCase(1, Window{T: 100, B: 32, Train: true}, 20, nil)
	g := NewBuilder(c.w, Options{})
	var in []*Node
	for i, v := range c.in {
		in = append(in, g.Floats(inputName(i), v.Shape...))
	}
	p, err := g.Compile(g.Mean(g.CRF(in[0], in[1], in[2], in[3], g.Ints("tags", 3200), nil)), Gradients{Inputs: []string{"in0", "in1"}})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := p.Run(1); err != nil {
			b.Fatal(err)
		}
	}
}
