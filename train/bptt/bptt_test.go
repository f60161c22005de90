package bptt_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
)

const vocabulary, batch = 7, 2

// smallRun is a small LSTM in float64 and data of 40 time steps.
func smallRun(t *testing.T) (*bptt.Run, layers.Sequential) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 40*batch+1)
	for i := range text {
		text[i] = 'a' + byte(rng.IntN(vocabulary-1))
	}
	tokens, err := seqdata.NewText(string(text))
	if err != nil {
		t.Fatal(err)
	}
	data, err := seqdata.Streams(tokens, batch)
	if err != nil {
		t.Fatal(err)
	}
	model := layers.Sequential{
		layers.NewEmbedding(vocabulary, 3, rng),
		layers.NewLSTM(3, 4, layers.LSTMOptions{}, rng),
		layers.NewLinear(4, vocabulary, rng),
	}
	graph.SetDType(model.Params(), graph.Float64)
	return &bptt.Run{
		Data: data,
		Programs: &bptt.Programs{
			Options: graph.Options{DType: graph.Float64},
			Write: func(b *graph.Builder) *graph.Node {
				return loss.CrossEntropy{}.Cost(b, model.Apply(b, b.Input(seqdata.Input)))
			},
		},
		States: graph.States{},
		Random: rand.NewPCG(3, 4),
	}, model
}

// The state is carried, so the losses of short windows are those of a long one, in their mean; and the last window is as
// long as what is left.
func TestTruncatedCarriesTheState(t *testing.T) {
	r, _ := smallRun(t)
	whole, err := bptt.Truncated{Window: 40}.Gradient(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, window := range []int{1, 7, 20, 39, 40} {
		r.Data.Rewind()
		clear(r.States)
		sum, targets := 0.0, 0
		for {
			result, err := bptt.Truncated{Window: window}.Gradient(r)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			sum += result.Loss * float64(result.Targets)
			targets += result.Targets
		}
		if got := sum / float64(targets); targets != 40*batch || math.Abs(got-whole.Loss) > 1e-12 {
			t.Errorf("windows of %d: loss %v of %d targets, want %v of %d", window, got, targets, whole.Loss, 40*batch)
		}
	}
}

// The gradient of a window is that of its own steps, with the incoming state a constant: finite differences from the
// state that is carried in must give the same.
func TestTruncatedGradient(t *testing.T) {
	r, model := smallRun(t)
	s := bptt.Truncated{Window: 8}
	if _, err := s.Gradient(r); err != nil {
		t.Fatal(err)
	}
	carried := graph.States{}
	for name, state := range r.States {
		carried[name] = graph.NewTensor(graph.Float64, state.Shape...)
		if err := carried[name].Copy(state); err != nil {
			t.Fatal(err)
		}
	}
	second := func() float64 {
		if err := r.Data.(*seqdata.Stream).SetCursor(8); err != nil {
			t.Fatal(err)
		}
		for name, state := range carried {
			if err := r.States[name].Copy(state); err != nil {
				t.Fatal(err)
			}
		}
		result, err := s.Gradient(r)
		if err != nil {
			t.Fatal(err)
		}
		return result.Loss
	}
	second()
	gradients := map[string][]float64{}
	for _, p := range model.Params() {
		gradients[p.Name] = p.Grad.Floats()
	}
	for _, p := range model.Params() {
		want := gradients[p.Name]
		for i := 0; i < len(want); i += 1 + len(want)/5 {
			const h = 1e-5
			v := p.Value.At(i)
			p.Value.SetAt(i, v+h)
			up := second()
			p.Value.SetAt(i, v-h)
			down := second()
			p.Value.SetAt(i, v)
			if got := (up - down) / (2 * h); math.Abs(got-want[i]) > 1e-8*(1+math.Abs(want[i])) {
				t.Errorf("%s[%d]: gradient %v, finite difference %v", p.Name, i, want[i], got)
			}
		}
	}
}

func TestEvaluateHasNoGradient(t *testing.T) {
	r, model := smallRun(t)
	if _, err := (bptt.Truncated{Window: 8}).Gradient(r); err != nil {
		t.Fatal(err)
	}
	grad := model.Params()[0].Grad.Floats()
	r.Random = nil // evaluation draws nothing
	result, _, err := bptt.Evaluate(r, 8)
	if err != nil || result.Targets != 8*batch {
		t.Fatal(result, err)
	}
	if !slices.Equal(model.Params()[0].Grad.Floats(), grad) {
		t.Error("evaluation changed the gradient")
	}
}

// ids is a batch of zeros.
func ids(steps, rows int) *seqdata.Batch {
	shape := []int{steps, rows}
	return &seqdata.Batch{T: steps, B: rows, Arrays: map[string]seqdata.Array{
		seqdata.Input:  {Shape: shape, Ints: make([]int32, steps*rows)},
		seqdata.Target: {Shape: shape, Ints: make([]int32, steps*rows)},
	}}
}

// A program is compiled once for each T, B, mode and set of arrays, and the least recently used one is forgotten first.
func TestProgramsAreCached(t *testing.T) {
	r, _ := smallRun(t)
	get := func(b *seqdata.Batch, train bool) *graph.Program {
		t.Helper()
		p, err := r.Programs.For(b, train)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := get(ids(4, 2), true)
	if w := first.Window(); w != (graph.Window{T: 4, B: 2, Train: true}) {
		t.Errorf("window %+v", w)
	}
	masked := ids(4, 2)
	masked.Arrays["extra"] = seqdata.Array{Shape: []int{4, 2}, Floats: make([]float32, 8)}
	wider := ids(4, 2)
	wider.Arrays["extra"] = seqdata.Array{Shape: []int{4, 2, 3}, Floats: make([]float32, 24)}
	distinct := map[*graph.Program]bool{
		first:                 true,
		get(ids(4, 2), false): true,
		get(ids(5, 2), true):  true,
		get(ids(4, 3), true):  true,
		get(masked, true):     true,
		get(wider, true):      true,
		get(ids(2, 4), true):  true,
		get(ids(4, 2), true):  true, // again
		get(masked, true):     true, // again
	}
	if len(distinct) != 7 {
		t.Errorf("%d programs, want 7", len(distinct))
	}
	for steps := 10; steps < 25; steps++ { // 15 others: with the first, all 16 that are kept
		get(ids(steps, 1), true)
		if get(ids(4, 2), true) != first {
			t.Fatalf("a program in use was forgotten after %d others", steps-9)
		}
	}
	for steps := 30; steps < 46; steps++ {
		get(ids(steps, 1), true)
	}
	if get(ids(4, 2), true) == first {
		t.Error("16 programs later, a program that was not used is still kept")
	}
}

func TestMisuse(t *testing.T) {
	for _, window := range []int{0, -1} {
		r, _ := smallRun(t)
		_, err := bptt.Truncated{Window: window}.Gradient(r)
		if e, ok := errors.AsType[*graph.ArgumentError](err); !ok || e.Name != "Window" {
			t.Errorf("window %d: %v", window, err)
		}
	}
	for name, spoil := range map[string]func(b *seqdata.Batch){
		"no input":  func(b *seqdata.Batch) { delete(b.Arrays, seqdata.Input) },
		"no target": func(b *seqdata.Batch) { delete(b.Arrays, seqdata.Target) },
		"a short target": func(b *seqdata.Batch) {
			b.Arrays[seqdata.Target] = seqdata.Array{Shape: []int{3, 2}, Ints: make([]int32, 6)}
		},
		"wrong elements": func(b *seqdata.Batch) {
			b.Arrays[seqdata.Input] = seqdata.Array{Shape: []int{4, 2}, Ints: make([]int32, 7)}
		},
		"no steps": func(b *seqdata.Batch) { b.T = 0 },
		"floats as ids": func(b *seqdata.Batch) {
			b.Arrays[seqdata.Input] = seqdata.Array{Shape: []int{4, 2}, Floats: make([]float32, 8)}
		},
		"features as ids": func(b *seqdata.Batch) {
			b.Arrays[seqdata.Input] = seqdata.Array{Shape: []int{4, 2, 3}, Ints: make([]int32, 24)}
		},
	} {
		for _, train := range []bool{true, false} {
			r, _ := smallRun(t)
			b := ids(4, 2)
			spoil(b)
			if _, err := r.Programs.For(b, train); err == nil {
				t.Errorf("%s: no error", name)
			}
			if _, err := r.Programs.For(ids(4, 2), train); err != nil {
				t.Errorf("%s: a good batch after it: %v", name, err)
			}
		}
	}
	// An id that is out of range is found when the program runs; the run can go on with the next batch.
	r, _ := smallRun(t)
	b := ids(4, 2)
	b.Arrays[seqdata.Input].Ints[3] = vocabulary
	r.Data = &batches{b, ids(4, 2)}
	_, err := bptt.Truncated{Window: 4}.Gradient(r)
	if e, ok := errors.AsType[*graph.IndexError](err); !ok || e.Position != 3 {
		t.Errorf("got %v", err)
	}
	if result, err := (bptt.Truncated{Window: 4}).Gradient(r); err != nil || !(result.Loss > 0) {
		t.Errorf("the next batch: %+v, %v", result, err)
	}
	if _, err := (bptt.Truncated{Window: 4}).Gradient(r); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

// Data that give more steps than they were asked for are an error.
func TestTooManySteps(t *testing.T) {
	for _, s := range []train.Strategy{
		bptt.Truncated{Window: 3}, bptt.Truncated{Window: 3, Reach: 6}, bptt.Full{Window: 3}, bptt.RTRL{Window: 3}, bptt.EProp{Window: 3},
	} {
		r, _ := smallRun(t)
		r.Data = &batches{ids(4, 2)}
		if e, ok := errors.AsType[*seqdata.BatchError](second(s.Gradient(r))); !ok || e.Got != "T=4" {
			t.Errorf("%#v: %v", s, e)
		}
	}
	r, _ := smallRun(t)
	r.Data = &batches{ids(4, 2)}
	_, _, err := bptt.Evaluate(r, 3)
	if e, ok := errors.AsType[*seqdata.BatchError](err); !ok || e.Got != "T=4" {
		t.Errorf("Evaluate: %v", err)
	}
}

// The program of a loss that isn't finite holds the window where that began, whatever the strategy computed since.
func TestNonFiniteWindow(t *testing.T) {
	const steps, sequences = 24, 2
	array := func(spoiled int) seqdata.Array {
		a := seqdata.Array{Shape: []int{steps, sequences, 1}, Floats: make([]float32, steps*sequences)}
		for i := range a.Floats {
			a.Floats[i] = float32(i%5) - 2
		}
		if spoiled >= 0 {
			a.Floats[spoiled*sequences+1] = float32(math.NaN())
		}
		return a
	}
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{layers.NewGRU(1, 2, layers.GRUOptions{}, rng), layers.NewLinear(2, 1, rng)}
	run := func(spoiled int) *bptt.Run {
		return &bptt.Run{
			Data: &pieces{batch: &seqdata.Batch{T: steps, B: sequences, Arrays: map[string]seqdata.Array{seqdata.Input: array(spoiled), seqdata.Target: array(-1)}}},
			Programs: &bptt.Programs{Write: func(b *graph.Builder) *graph.Node {
				return loss.MSE{}.Cost(b, model.Apply(b, b.Input(seqdata.Input)))
			}},
			States: graph.States{}, Random: rand.NewPCG(3, 4),
		}
	}
	least, ok := errors.AsType[*bptt.MemoryError](second(bptt.Checkpointed{Window: 4}.Gradient(run(-1))))
	if !ok {
		t.Fatal("no limit of memory")
	}
	for _, spoiled := range []int{0, 5, 10, 22} {
		for s, window := range map[train.Strategy]int{
			bptt.Truncated{Window: 24}: 24, bptt.Truncated{Window: 4, Reach: 8}: 4, bptt.Truncated{Window: 12, Reach: 16}: 4, bptt.Full{Window: 4}: 4,
			bptt.RTRL{Window: 24}: 1, bptt.SnAp1{Window: 24}: 1, bptt.UORO{Window: 24}: 1, bptt.EProp{Window: 24}: 1,
		} {
			wantNonFinite(t, s, run(spoiled), spoiled, window)
		}
		for _, more := range []int64{0, 16, 32, 1000, 3000} {
			wantNonFinite(t, bptt.Checkpointed{Window: 4, Memory: least.Need + more}, run(spoiled), spoiled, 4)
		}
	}
}

// wantNonFinite makes updates until one's loss isn't finite, and asks for the place where that began.
func wantNonFinite(t *testing.T, s train.Strategy, r *bptt.Run, spoiled, window int) {
	t.Helper()
	result, err := s.Gradient(r)
	for err == nil && !math.IsNaN(result.Loss) {
		result, err = s.Gradient(r)
	}
	if err != nil {
		t.Fatalf("%#v, step %d: %v", s, spoiled, err)
	}
	want := fmt.Sprintf(`the array "input" holds NaN in step %d of sequence 1`, spoiled%window)
	if window == 1 {
		want = `the array "input" holds NaN in sequence 1`
	}
	err = result.Program.FirstNonFinite()
	if e, ok := errors.AsType[*graph.NonFiniteError](err); !ok || e.From != want {
		t.Errorf("%#v, step %d: %v", s, spoiled, err)
	}
}

// A target out of range names its sequence; the time step isn't known to a program of one step.
func TestOnlineTargetOutOfRange(t *testing.T) {
	r, _ := smallRun(t)
	b := ids(1, 2)
	b.Arrays[seqdata.Target].Ints[1] = 99
	r.Data = &batches{ids(1, 2), b}
	err := second(bptt.RTRL{Window: 2}.Gradient(r))
	if e, ok := errors.AsType[*graph.IndexError](err); !ok || e.Index != 99 || !strings.Contains(err.Error(), ": sequence 1: index 99") {
		t.Errorf("got %v", err)
	}
}

type batches []*seqdata.Batch

func (b *batches) Next(int) (*seqdata.Batch, error) {
	if len(*b) == 0 {
		return nil, io.EOF
	}
	next := (*b)[0]
	*b = (*b)[1:]
	return next, nil
}

func (b *batches) Rewind() {}
