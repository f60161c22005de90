package bptt_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
)

// TestRTRL: the gradient forward in time is that backward in time, for one update or several, if nothing is updated in
// between.
func TestRTRL(t *testing.T) {
	const steps = 9
	for name, newCell := range cells {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProblem(t, newCell, steps, 0)
			want, whole, _ := p.gradient(t, bptt.Full{Window: steps})
			for _, window := range []int{1, 4, steps} {
				got, weight := sumOfUpdates(t, p, bptt.RTRL{Window: window})
				if d := distance(got, want); d > 1e-10 || weight != whole.Weight {
					t.Errorf("updates of %d steps: differs by %g, targets %v and %v", window, d, weight, whole.Weight)
				}
			}
		})
	}
}

// TestRTRLStack: two layers, dropout, and sequences that end.
func TestRTRLStack(t *testing.T) {
	p := newProblem(t, cells["LSTM"], 12, 0)
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{
		layers.NewEmbedding(vocabulary, 3, rng),
		layers.NewGRU(3, 4, layers.GRUOptions{Layers: 2, Dropout: 0.3}, rng),
		layers.NewLinear(4, vocabulary, rng),
	}
	graph.SetDType(model.Params(), graph.Float64)
	p.params = model.Params()
	p.write = func(b *graph.Builder) *graph.Node {
		return loss.CrossEntropy{}.Cost(b, model.Apply(b, b.Input(seqdata.Input)))
	}
	tokens := make([][]int32, 2)
	for r := range tokens {
		for range 9 {
			tokens[r] = append(tokens[r], int32(rng.IntN(vocabulary)))
		}
	}
	p.data = &rows{tokens: tokens, ends: [][]int{{3, 8}, {5, 8}}}
	want, _, _ := p.gradient(t, bptt.Full{Window: 1}) // the windows of RTRL, for their masks
	got, _, _ := p.gradient(t, bptt.RTRL{Window: 100})
	if d := distance(got, want); d > 1e-10 {
		t.Errorf("differs by %g", d)
	}
}

// diagonal is an RNN whose units act on themselves only.
type diagonal struct{ W, U *graph.Param }

func (c *diagonal) States() []cell.StateSpec { return []cell.StateSpec{{Name: "h", Width: 4}} }

func (c *diagonal) Params() []graph.NamedParam {
	return []graph.NamedParam{{Name: "w", Param: c.W}, {Name: "u", Param: c.U}}
}

func (c *diagonal) Step(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State) {
	h := b.Tanh(b.Add(b.MatMul(x, b.Param(c.W)), b.Mul(s[0], b.Param(c.U))))
	return h, cell.State{h}
}

// TestSnAp1: exact for a diagonal recurrence; for another one, closer to the exact gradient than one without a past.
func TestSnAp1(t *testing.T) {
	const steps = 12
	p := newProblem(t, func(i, h int, rng *rand.Rand) cell.Cell {
		return &diagonal{graph.NewParam(graph.Normal(0.5), rng, i, h), graph.NewParam(graph.Normal(1), rng, h)}
	}, steps, 0)
	want, _, _ := p.gradient(t, bptt.Full{Window: steps})
	if got, _ := sumOfUpdates(t, p, bptt.SnAp1{Window: 5}); distance(got, want) > 1e-10 {
		t.Errorf("differs by %g", distance(got, want))
	}

	for _, name := range []string{"LSTM", "GRU"} {
		p := newProblem(t, cells[name], steps, 0)
		want, _, _ := p.gradient(t, bptt.Full{Window: steps})
		got, _ := sumOfUpdates(t, p, bptt.SnAp1{Window: 1})
		without, _ := sumOfUpdates(t, p, bptt.Truncated{Window: 1})
		if near, far := distance(got, want), distance(without, want); near > far/2 || near < 1e-6 {
			t.Errorf("%s: differs by %g, truncation to one step by %g", name, near, far)
		}
	}
}

// TestEProp: the gradient of a window whose recurrent products are constants.
func TestEProp(t *testing.T) {
	const steps = 9
	for _, name := range []string{"RNN", "LSTM", "GRU", "coupled LSTM"} {
		p := newProblem(t, cells[name], steps, 0)
		b := graph.NewBuilder(graph.Window{T: steps, B: batch, Train: true}, graph.Options{DType: graph.Float64})
		p.data.Rewind()
		data, err := p.data.Next(steps)
		if err != nil {
			t.Fatal(err)
		}
		b.Ints(seqdata.Input, steps*batch)
		b.Ints(seqdata.Target, steps*batch)
		program, err := b.Compile(p.write(b), graph.Gradients{States: true, Local: true})
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(program.SetInts(seqdata.Input, data.Arrays[seqdata.Input].Ints),
			program.SetInts(seqdata.Target, data.Arrays[seqdata.Target].Ints), program.Run(0))
		if err != nil {
			t.Fatal(err)
		}
		var want [][]float64
		for _, q := range p.params {
			want = append(want, q.Grad.Floats())
		}
		if got, _ := sumOfUpdates(t, p, bptt.EProp{Window: 4}); distance(got, want) > 1e-10 {
			t.Errorf("%s: differs by %g", name, distance(got, want))
		}
	}
}

// TestUORO: the mean over many seeds is the exact gradient, within its standard error.
func TestUORO(t *testing.T) {
	const steps, runs = 5, 1500
	p := newProblem(t, cells["RNN"], steps, 0)
	want, _, _ := p.gradient(t, bptt.Full{Window: steps})
	var sum, squares []float64
	r := p.run()
	for seed := range runs {
		r.Rewind()
		r.Random = rand.NewPCG(uint64(seed), 9)
		if _, err := (bptt.UORO{Window: steps}).Gradient(r); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, q := range p.params {
			for _, g := range q.Grad.Floats() {
				if n == len(sum) {
					sum, squares = append(sum, 0), append(squares, 0)
				}
				sum[n] += g
				squares[n] += g * g
				n++
			}
		}
	}
	n, worst, noisy := 0, 0.0, 0
	for _, g := range want {
		for _, w := range g {
			mean := sum[n] / runs
			deviation := math.Sqrt(max(squares[n]/runs-mean*mean, 0) / runs)
			if deviation > 1e-12 {
				noisy++
				worst = max(worst, math.Abs(mean-w)/deviation)
			} else if math.Abs(mean-w) > 1e-9 {
				t.Errorf("element %d has no noise and is %v, want %v", n, mean, w)
			}
			n++
		}
	}
	if worst > 4.5 || noisy < 20 { // of some 40 noisy elements, one is this far off by chance in 3000 tests
		t.Errorf("the mean is off by up to %.1f standard errors, of %d noisy elements", worst, noisy)
	}
}

// TestOnlineMisuse: what an online strategy can't serve, it says before any work.
func TestOnlineMisuse(t *testing.T) {
	p := newProblem(t, cells["peephole LSTM"], 12, 0)
	for _, s := range []train.Strategy{bptt.RTRL{}, bptt.SnAp1{}, bptt.UORO{}, bptt.EProp{}} {
		if e, ok := errors.AsType[*graph.ArgumentError](second(s.Gradient(p.run()))); !ok || e.Name != "Window" {
			t.Errorf("%#v: %v", s, e)
		}
	}
	if e, ok := errors.AsType[*graph.ArgumentError](second(bptt.EProp{Window: 1}.Gradient(p.run()))); !ok || e.Op != "Compile" {
		t.Errorf("an unrolled cell: %v", e)
	}
	if err := second(bptt.RTRL{Window: 1, Memory: rtrlNeeds(t, p.run())}.Gradient(p.run())); err != nil {
		t.Errorf("as much memory as an error asked for: %v", err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	both := layers.NewGRU(1, 2, layers.GRUOptions{Bidirectional: true}, rng)
	out := layers.NewLinear(4, vocabulary, rng)
	table := layers.NewEmbedding(vocabulary, 1, rng)
	graph.SetDType(append(append(both.Params(), out.Params()...), table.Params()...), graph.Float64)
	p.write = func(b *graph.Builder) *graph.Node {
		return loss.CrossEntropy{}.Cost(b, out.Apply(b, both.Apply(b, table.Apply(b, b.Input(seqdata.Input)))))
	}
	if e, ok := errors.AsType[*graph.ArgumentError](second(bptt.RTRL{Window: 1}.Gradient(p.run()))); !ok || e.Name != "state h_l0_reverse" {
		t.Errorf("a layer that reads backwards: %v", e)
	}
}

// rtrlNeeds is the least memory that RTRL works with, as it says when it gets one byte less.
func rtrlNeeds(t *testing.T, r *bptt.Run) int64 {
	t.Helper()
	var needs []int64
	for limit := int64(1); len(needs) < 2; limit = needs[0] - 1 {
		e, ok := errors.AsType[*bptt.MemoryError](second(bptt.RTRL{Window: 1, Memory: limit}.Gradient(r)))
		if !ok || e.Given != limit || e.Need <= limit {
			t.Fatalf("%d bytes: %v", limit, e)
		}
		needs = append(needs, e.Need)
	}
	if needs[0] != needs[1] {
		t.Errorf("needs %d", needs)
	}
	return needs[0]
}

// TestRTRLMemory: the influence of two layers of 512 units has 2048 states, and doesn't fit into the 1 GiB that is meant if
// nothing is said.
func TestRTRLMemory(t *testing.T) {
	p := newProblem(t, cells["LSTM"], 12, 0)
	rng := rand.New(rand.NewPCG(1, 2))
	stack := layers.Sequential{
		layers.NewEmbedding(vocabulary, 3, rng),
		layers.NewLSTM(3, 512, layers.LSTMOptions{Layers: 2}, rng),
		layers.NewLinear(512, vocabulary, rng),
	}
	p.write = func(b *graph.Builder) *graph.Node {
		return loss.CrossEntropy{}.Cost(b, stack.Apply(b, b.Input(seqdata.Input)))
	}
	r := p.run()
	r.Programs.Options.DType = graph.Float32
	const states = 2 * 2 * 512
	const elements = vocabulary*3 + 4*512*(3+512+2) + 4*512*(512+512+2) // all but the output layer's
	const want = 8 * states * ((batch+1)*elements + states)
	err := second(bptt.RTRL{Window: 1}.Gradient(r))
	if e, ok := errors.AsType[*bptt.MemoryError](err); !ok || e.Given != 1<<30 || e.Need != want {
		t.Errorf("got %v, want an error that asks for %d bytes", err, want)
	}
	if got := err.Error(); got != "bptt.RTRL: 1073741824 bytes (1.0 GiB) of memory are too few; it takes 155358052352 bytes (144.7 GiB)" {
		t.Error(got)
	}
}

func second[A any](_ A, err error) error { return err }
