package train_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/schedule"
	"github.com/gobptt/bptt/train/track"
)

// The same seed gives the same bits: again, with any number of threads, and also where the parameters are so many that
// the optimizer shares them out.
func TestSameSeedSameBits(t *testing.T) {
	for _, r := range []recipe{
		{cell: "lstm", hidden: 80, batch: 7, dropout: 0.2, seed: 5},
		{cell: "gru", hidden: 80, batch: 7, dropout: 0.2, seed: 5},
		{cell: "rnn", hidden: 150, batch: 7, seed: 5},
		{cell: "lstm", dtype: graph.Float64, seed: 5},
	} {
		t.Run(fmt.Sprint(r.cell, " ", r.dtype), func(t *testing.T) {
			var first, losses string
			for _, threads := range []int{1, 1, 2, 3, 0} {
				r.threads = threads
				trainer := r.trainer(t, 12)
				history := numbers(t, r.fit(t, trainer))
				if first == "" {
					first, losses = values(t, trainer.Model), history
				}
				wantSame(t, fmt.Sprintf("with %d threads: weights", threads), values(t, trainer.Model), first)
				wantSame(t, fmt.Sprintf("with %d threads: histories", threads), history, losses)
			}
			r.seed++
			trainer := r.trainer(t, 12)
			r.fit(t, trainer)
			if values(t, trainer.Model) == first {
				t.Error("another seed gives the same weights")
			}
		})
	}
}

func TestFitLearns(t *testing.T) {
	for _, cell := range []string{"lstm", "gru", "rnn"} {
		r := recipe{cell: cell}
		trainer := r.trainer(t, 150)
		history := r.fit(t, trainer)
		// Twelve tokens at first, two equally likely successors at last: log 2 is the best that can be.
		got := history.Validation[len(history.Validation)-1].Loss
		if first := history.Train[0].Loss; math.Abs(first-math.Log(12)) > 0.3 || got < 0.6 || got > 1.2 {
			t.Errorf("%s: validation %.3f after training from %.3f, want about %.3f after %.3f", cell, got, first, math.Ln2, math.Log(12))
		}
	}
}

// The history and the reports say what they should.
func TestReports(t *testing.T) {
	r := recipe{}
	trainer := r.trainer(t, 25)
	trainer.Every = 10
	var reports []train.Report
	trainer.Report = func(r train.Report) error {
		reports = append(reports, r)
		return nil
	}
	history := r.fit(t, trainer)
	if len(history.Train) != 25 || len(history.Validation) != 3 || len(reports) != 3 {
		t.Fatalf("%d training points, %d validation points, %d reports", len(history.Train), len(history.Validation), len(reports))
	}
	tokens, from := int64(0), 0
	for i, step := range []int{10, 20, 25} {
		mean := 0.0
		for _, p := range history.Train[from:step] {
			mean += p.Loss / float64(step-from)
			steps := window
			if p.Step%13 == 0 {
				steps = 99 - 12*window // the rest of an epoch
			}
			tokens += int64(3 * steps)
			if p.Tokens != tokens {
				t.Errorf("step %d: %d tokens, want %d", p.Step, p.Tokens, tokens)
			}
		}
		from = step
		got, v := reports[i], history.Validation[i]
		if got.Step != step || v.Step != step || got.Validation != v.Loss || math.Abs(got.Train-mean) > 1e-12 {
			t.Errorf("report %d: %+v, %+v, mean training loss %v", i, got, v, mean)
		}
	}

	// Without validation data there is NaN in its place. An error from Report ends the run.
	trainer = r.trainer(t, 25)
	stop := errors.New("stop")
	trainer.Report = func(r train.Report) error {
		if !math.IsNaN(r.Validation) {
			t.Errorf("validation %v without data", r.Validation)
		}
		return stop
	}
	data, _ := r.streams(t)
	if history, err := trainer.Fit(context.Background(), data, nil); err != stop || len(history.Train) != 25 {
		t.Errorf("%v after %d steps", err, len(history.Train))
	}
}

// The norm in the history is the one before clipping; the step is that of the clipped gradient.
func TestClipNormReportsTheNormBefore(t *testing.T) {
	r := recipe{optimizer: func() train.Optimizer { return &optim.SGD{LearningRate: 1} }}
	plain := r.trainer(t, 1)
	plain.ClipNorm = 0
	norm := r.fit(t, plain).Train[0].GradNorm

	clipped := r.trainer(t, 1)
	clipped.ClipNorm = norm / 10
	var start []float64
	for _, p := range clipped.Model.Params() {
		start = append(start, p.Value.Floats()...)
	}
	if got := r.fit(t, clipped).Train[0].GradNorm; got != norm {
		t.Errorf("norm %v with clipping, %v without", got, norm)
	}
	sum := 0.0 // of the squares of what a rate of 1 has added, the clipped gradient
	for _, p := range clipped.Model.Params() {
		for _, v := range p.Value.Floats() {
			sum += (v - start[0]) * (v - start[0])
			start = start[1:]
		}
	}
	if got := math.Sqrt(sum); math.Abs(got-norm/10) > 1e-4*norm {
		t.Errorf("a step of %v, want %v", got, norm/10)
	}
}

// before calls do ahead of every gradient, with the number of the update to come.
type before struct {
	train.Strategy
	done int // updates
	do   func(update int)
}

func (s *before) Gradient(r *bptt.Run) (bptt.Result, error) {
	s.do(s.done + 1)
	result, err := s.Strategy.Gradient(r)
	if err == nil { // else it is the end of an epoch, and the trainer asks again
		s.done++
	}
	return result, err
}

// withHook makes a trainer call do ahead of every gradient of its first Fit.
func withHook(trainer *train.Trainer, do func(update int)) {
	trainer.BPTT = &before{trainer.BPTT, 0, do}
}

// rootOfZero adds Σ √(0·output) to a loss. It is 0, but its gradient is not a number.
type rootOfZero struct{ train.Loss }

func (l rootOfZero) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	return b.Add(l.Loss.Cost(b, output), b.Sum(b.Sqrt(b.Scale(output, 0))))
}

// A run that diverges names the step and the op, leaves the parameters as the last good step left them, and on the disk
// the last good checkpoint.
func TestDiverged(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(trainer *train.Trainer)
		step    int // 0: any after the first
		what    string
		layer   string
		pass    string
		from    string
	}{
		{
			name: "an infinite weight", step: 8, what: "loss", layer: "3", pass: "forward", from: "its parameter 3.bias of shape",
			prepare: func(trainer *train.Trainer) {
				withHook(trainer, func(update int) {
					if update == 8 {
						params := trainer.Model.Params()
						params[len(params)-1].Value.SetAt(2, math.Inf(1))
					}
				})
			},
		},
		{
			name: "a weight that is not a number", step: 8, what: "loss", layer: "0", pass: "forward", from: "its parameter 0.weight of shape",
			prepare: func(trainer *train.Trainer) {
				withHook(trainer, func(update int) {
					if update == 8 {
						for i := range trainer.Model.Params()[0].Value.Len() {
							trainer.Model.Params()[0].Value.SetAt(i, math.NaN())
						}
					}
				})
			},
		},
		{
			name: "an exploding learning rate", what: "loss", pass: "forward",
			prepare: func(trainer *train.Trainer) {
				trainer.Optimizer = &optim.SGD{LearningRate: 1e38}
				trainer.ClipNorm = 0
			},
		},
		{
			name: "a gradient that is not a number", step: 1, what: "gradient norm", pass: "backward",
			prepare: func(trainer *train.Trainer) { trainer.Loss = rootOfZero{trainer.Loss} },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := recipe{seed: 2}
			trainer := r.trainer(t, 40)
			dir := t.TempDir()
			trainer.Checkpoint = &train.Checkpoint{Dir: dir, Every: 5}
			c.prepare(trainer)
			atStep := "" // the weights in the update under way
			trainer.BPTT = after{trainer.BPTT, func() { atStep = values(t, trainer.Model) }}

			data, validation := r.streams(t)
			history, err := trainer.Fit(context.Background(), data, validation)
			d, ok := errors.AsType[*train.DivergedError](err)
			if !ok {
				t.Fatalf("got %v, want a *DivergedError", err)
			}
			t.Log(err)
			if c.step != 0 && d.Step != c.step || d.Step != len(history.Train)+1 || d.What != c.what || !strings.HasPrefix(err.Error(), fmt.Sprintf("step %d: %s is ", d.Step, c.what)) {
				t.Errorf("%+v after %d steps", d, len(history.Train))
			}
			first, ok := errors.AsType[*graph.NonFiniteError](err)
			if !ok {
				t.Fatalf("%v doesn't name the first op", err)
			}
			if first.Op == "" || first.Backward != (c.pass == "backward") || c.layer != "" && first.Layer != c.layer || !strings.Contains(err.Error(), first.Op) {
				t.Errorf("first op: %+v", first)
			}
			if !strings.HasPrefix(first.From, c.from) {
				t.Errorf("first op: from %q, want %q", first.From, c.from)
			}
			wantSame(t, "weights before and after the failed step", values(t, trainer.Model), atStep)

			saved, err := train.ReadCheckpoint(dir, "model.safetensors")
			last := (d.Step - 1) / 5 * 5
			if last == 0 {
				if err == nil {
					t.Error("a checkpoint was written before there was a good step to save")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			good := r.trainer(t, last) // cases that get this far differ from it only after this step
			r.fit(t, good)
			wantSame(t, "the checkpoint and the weights of its step", string(saved), values(t, good.Model))
		})
	}
}

// after calls do when the gradient is there, and the step is not made yet.
type after struct {
	train.Strategy
	do func()
}

func (s after) Gradient(r *bptt.Run) (bptt.Result, error) {
	result, err := s.Strategy.Gradient(r)
	s.do()
	return result, err
}

// empty is data without a window.
type empty struct{}

func (empty) Next(int) (*seqdata.Batch, error) { return nil, io.EOF }
func (empty) Rewind()                          {}

func TestFitMisuse(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*train.Trainer)
	}{
		{"Model", func(t *train.Trainer) { t.Model = nil }},
		{"Loss", func(t *train.Trainer) { t.Loss = nil }},
		{"Optimizer", func(t *train.Trainer) { t.Optimizer = nil }},
		{"BPTT", func(t *train.Trainer) { t.BPTT = nil }},
		{"Model", func(t *train.Trainer) { t.Model = (*loss.SampledSoftmax)(nil) }},
		{"Loss", func(t *train.Trainer) { t.Loss = (*loss.SampledSoftmax)(nil) }},
		{"Optimizer", func(t *train.Trainer) { t.Optimizer = (*optim.Adam)(nil) }},
		{"BPTT", func(t *train.Trainer) { t.BPTT = (*bptt.Truncated)(nil) }},
		{"Clip", func(t *train.Trainer) { t.ClipNorm, t.Clip = 0, (*optim.ClipValue)(nil) }},
		{"Schedule", func(t *train.Trainer) { t.Schedule = (*schedule.Plateau)(nil) }},
		{"Steps", func(t *train.Trainer) { t.Steps = 0 }},
		{"Steps", func(t *train.Trainer) { t.Steps = -1 }},
		{"Every", func(t *train.Trainer) { t.Every = -1 }},
		{"ValidationWindow", func(t *train.Trainer) { t.ValidationWindow = -1 }},
		{"Threads", func(t *train.Trainer) { t.Threads = -1 }},
		{"ClipNorm", func(t *train.Trainer) { t.ClipNorm = -1 }},
		{"ClipNorm", func(t *train.Trainer) { t.ClipNorm = math.NaN() }},
		{"Window", func(t *train.Trainer) { t.BPTT = bptt.Truncated{} }},
		{"Window", func(t *train.Trainer) { t.BPTT = bptt.Truncated{Window: -3} }},
		{"LearningRate", func(t *train.Trainer) { t.Optimizer = &optim.SGD{} }},
		{"LearningRate", func(t *train.Trainer) { t.Optimizer = &optim.Adam{LearningRate: -1} }},
		{"Checkpoint", func(t *train.Trainer) { t.Checkpoint = &train.Checkpoint{Dir: "none", Every: -1} }},
		{"Checkpoint", func(t *train.Trainer) { t.Checkpoint = &train.Checkpoint{Dir: "none", Keep: -1} }},
		{"Checkpoint.Dir", func(t *train.Trainer) { t.Checkpoint = &train.Checkpoint{} }},
		{"Checkpoint.Attach", func(t *train.Trainer) {
			t.Checkpoint = &train.Checkpoint{Dir: "none", Attach: map[string][]byte{"train.json": nil}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := recipe{}
			trainer := r.trainer(t, 3)
			c.change(trainer)
			data, validation := r.streams(t)
			history, err := trainer.Fit(context.Background(), data, validation)
			if history == nil || len(history.Train) != 0 {
				t.Errorf("history %v, want an empty one", history)
			}
			if e, ok := errors.AsType[*train.ArgumentError](err); ok && e.Name == c.name {
				return
			}
			if e, ok := errors.AsType[*graph.ArgumentError](err); !ok || e.Name != c.name {
				t.Errorf("got %v, want an *ArgumentError that names %s", err, c.name)
			}
		})
	}

	r := recipe{}
	data, validation := r.streams(t)
	for _, c := range []struct {
		name, what       string
		data, validation train.Data
	}{
		{"data", "nil", nil, data}, {"data", "empty", empty{}, data}, {"data", "nil", (*seqdata.Stream)(nil), data},
		{"validation data", "empty", data, empty{}}, {"validation data", "nil", data, (*seqdata.Stream)(nil)},
		{"validation data", "the training data", data, data},
	} {
		history, err := r.trainer(t, 3).Fit(context.Background(), c.data, c.validation)
		if e, ok := errors.AsType[*train.ArgumentError](err); !ok || e.Name != c.name || e.Got != c.what || len(history.Train) > 0 {
			t.Errorf("%s %s: %v", c.what, c.name, err)
		}
	}
	if _, err := r.trainer(t, 3).Evaluate(context.Background(), (*seqdata.Stream)(nil)); err == nil {
		t.Error("evaluated nil")
	}
	var never context.Context
	for _, err := range []error{second(r.trainer(t, 3).Fit(never, data, nil)), second(r.trainer(t, 3).Evaluate(never, data)), second(r.trainer(t, 3).FindRate(never, data, train.RangeTest{}))} {
		if e, ok := errors.AsType[*train.ArgumentError](err); !ok || e.Name != "ctx" {
			t.Errorf("without a context: %v", err)
		}
	}

	// Two trainers of one model: the one whose memory the parameters have left says so.
	first, later := r.trainer(t, 3), r.trainer(t, 3)
	later.Model = first.Model
	r.fit(t, first)
	r.fit(t, later)
	first.Steps++
	_, err := first.Fit(context.Background(), data, validation)
	if e, ok := errors.AsType[*graph.ArgumentError](err); !ok || e.Name != "parameter 0.weight" {
		t.Errorf("two trainers of one model: %v", err)
	}
	r.fit(t, later)
}

// spoiled is data in which one value of one window isn't finite.
type spoiled struct {
	*numberStream
	window int
	value  float32
}

func (s *spoiled) Next(steps int) (*seqdata.Batch, error) {
	b, err := s.numberStream.Next(steps)
	if err == nil && s.at == s.window {
		b.Arrays[seqdata.Input].Floats[3*2+1] = s.value // step 3 of sequence 1
	}
	return b, err
}

// windows is a metric: the number of windows.
type windows int

func (w *windows) Add(*graph.Tensor, *seqdata.Batch) error { *w++; return nil }
func (w *windows) Value() float64                          { return float64(*w) }
func (w *windows) Reset()                                  { *w = 0 }

// numberStream is data of 3 windows, 4 steps of 2 sequences each.
type numberStream struct{ at int }

func (s *numberStream) Next(int) (*seqdata.Batch, error) {
	if s.at++; s.at > 3 {
		return nil, io.EOF
	}
	array := func() seqdata.Array {
		return seqdata.Array{Shape: []int{4, 2, 1}, Floats: []float32{1, 2, 3, 4, 5, 6, 7, 8}}
	}
	return &seqdata.Batch{T: 4, B: 2, Arrays: map[string]seqdata.Array{seqdata.Input: array(), seqdata.Target: array()}}, nil
}
func (s *numberStream) Rewind() { s.at = 0 }

// TestNaNInData: the error names the array and the place, for training data and for those of validation, whose first
// window is looked at before the first update.
func TestNaNInData(t *testing.T) {
	good, nan := new(numberStream), float32(math.NaN())
	for _, c := range []struct {
		name             string
		data, validation train.Data
		policy           train.Divergence
		steps, at        int // updates made; the step that the error names
		what             string
	}{
		{"training", &spoiled{new(numberStream), 2, nan}, nil, train.StopDiverged, 1, 2, "loss"},
		{"validation, first window", good, &spoiled{new(numberStream), 1, nan}, train.StopDiverged, 0, 0, "validation loss"},
		{"validation, first window, skip", good, &spoiled{new(numberStream), 1, nan}, train.SkipDiverged, 0, 0, "validation loss"},
		{"validation, last window", good, &spoiled{new(numberStream), 3, nan}, train.StopDiverged, 4, 4, "validation loss"},
		{"validation, last window, skip", good, &spoiled{new(numberStream), 3, nan}, train.SkipDiverged, 6, 0, ""},
	} {
		trainer := &train.Trainer{
			Model: layers.Sequential{layers.NewLinear(1, 1, rand.New(rand.NewPCG(1, 2)))}, Loss: loss.MSE{},
			Optimizer: &optim.Adam{}, BPTT: bptt.Truncated{Window: 4}, Steps: 6, Every: 4, OnDiverged: c.policy,
		}
		var measured windows
		trainer.Metrics = map[string]train.Metric{"windows": &measured}
		history, err := trainer.Fit(context.Background(), c.data, c.validation)
		d, ok := errors.AsType[*train.DivergedError](err)
		if ok != (c.what != "") || len(history.Train) != c.steps {
			t.Errorf("%s: %v after %d updates", c.name, err, len(history.Train))
		}
		if !ok {
			if v := history.Validation; err != nil || len(v) != 2 || !math.IsNaN(v[0].Loss) || measured != 3 {
				t.Errorf("%s: %v, %v", c.name, err, v)
			}
			continue
		}
		if want := `the array "input" holds NaN in step 3 of sequence 1`; d.Step != c.at || d.What != c.what || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// broken data fails at one window, once.
type broken struct {
	*seqdata.Stream
	windows int
	err     error
}

func (b *broken) Next(steps int) (*seqdata.Batch, error) {
	if b.windows--; b.windows == -1 {
		return nil, b.err
	}
	return b.Stream.Next(steps)
}

// An error of the data ends the run, but what was learned until then is saved, and the run can go on.
func TestDataErrorSaves(t *testing.T) {
	r := recipe{dropout: 0.2}
	straight := r.trainer(t, 20)
	straight.Checkpoint = &train.Checkpoint{Dir: t.TempDir()}
	r.fit(t, straight)

	dir, unplugged := t.TempDir(), errors.New("the disk was unplugged")
	trainer := r.trainer(t, 20)
	trainer.Checkpoint = &train.Checkpoint{Dir: dir}
	data, _ := r.streams(t)
	_, err := trainer.Fit(context.Background(), &broken{data, 7, unplugged}, nil)
	if !errors.Is(err, unplugged) || !strings.HasPrefix(err.Error(), "step 8: ") {
		t.Errorf("got %v", err)
	}
	r.seed = 9 // everything comes from the checkpoint
	trainer = r.trainer(t, 20)
	trainer.Checkpoint = &train.Checkpoint{Dir: dir, Resume: true}
	r.fit(t, trainer)
	wantSaved(t, saved(t, dir), saved(t, straight.Checkpoint.Dir))
}

// Windows of evaluation are an implementation detail: the state is carried from one to the next.
func TestEvaluateIsIndependentOfTheWindow(t *testing.T) {
	for _, cell := range []string{"lstm", "gru", "rnn"} {
		r := recipe{cell: cell, dropout: 0.5}
		trainer := r.trainer(t, 20)
		r.fit(t, trainer)
		_, validation := r.streams(t)
		want := 0.0
		for _, w := range []int{0, 1, 7, 32, 33, 1000} {
			trainer.ValidationWindow = w
			got, err := trainer.Evaluate(context.Background(), validation)
			if err != nil {
				t.Fatal(err)
			}
			if want == 0 {
				want = got
			}
			if math.Abs(got-want) > 1e-6*want {
				t.Errorf("%s: loss %.9f in windows of %d, %.9f in one", cell, got, w, want)
			}
		}
	}
	if _, err := (&train.Trainer{}).Evaluate(context.Background(), empty{}); err == nil {
		t.Error("evaluated without a model")
	}
}

// To look is not to touch: weights, losses, carried states and masks are the same however often a run evaluates.
func TestEvaluateDoesNotDisturbTraining(t *testing.T) {
	r := recipe{dropout: 0.3}
	quiet := r.trainer(t, 30)
	quiet.Checkpoint = &train.Checkpoint{Dir: t.TempDir()}
	r.fit(t, quiet)

	curious := r.trainer(t, 30)
	curious.Checkpoint = &train.Checkpoint{Dir: t.TempDir()}
	curious.Every, curious.ValidationWindow = 1, 5
	curious.Report = func(train.Report) error {
		g, err := train.NewGenerator(curious.Model)
		if err == nil {
			_, err = g.Next(1)
		}
		return err
	}
	r.fit(t, curious)
	wantSaved(t, saved(t, curious.Checkpoint.Dir), saved(t, quiet.Checkpoint.Dir))
}

// A long run needs no more memory than a short one, but for its history, and leaves no goroutine.
func TestMemoryOverManySteps(t *testing.T) {
	r := recipe{cell: "lstm", hidden: 40, batch: 7, dropout: 0.1} // large enough that threads share the work
	goroutines := runtime.NumGoroutine()
	const steps, from = 2200, 200
	var start, end runtime.MemStats
	trainer := r.trainer(t, steps)
	trainer.Threads = 2
	withHook(trainer, func(update int) {
		if update == from || update == steps {
			m := &start
			if update == steps {
				m = &end
			}
			runtime.GC()
			runtime.ReadMemStats(m)
		}
	})
	r.fit(t, trainer)

	history := float64(steps) * 48 * 2 // points, and the room that append makes for more
	if grown := float64(end.HeapAlloc) - float64(start.HeapAlloc); grown > history+64<<10 {
		t.Errorf("the heap grew by %.0f bytes in %d steps, want at most the history's %.0f", grown, steps-from, history)
	}
	perStep := float64(end.TotalAlloc-start.TotalAlloc) / (steps - from)
	t.Logf("%.0f bytes and %.1f allocations a step", perStep, float64(end.Mallocs-start.Mallocs)/(steps-from))
	if perStep > 16<<10 && !raceDetector {
		t.Errorf("a step allocates %.0f bytes, want at most 16 KiB", perStep)
	}

	// Idle workers end within a millisecond or so.
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines before, %d after:\n%s", goroutines, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// The model is used as it is when it is first trained: a change of precision after that can't be missed.
func TestPrecisionIsFixedByTheFirstFit(t *testing.T) {
	r := recipe{}
	trainer := r.trainer(t, 2)
	r.fit(t, trainer)
	graph.SetDType(trainer.Model.Params(), graph.Float64)
	data, _ := r.streams(t)
	if _, err := trainer.Fit(context.Background(), data, nil); err == nil {
		t.Error("trained on with parameters that have moved")
	}
}

// begun is an observer that remembers the run.
type begun struct{ run track.Run }

func (b *begun) Start(_ context.Context, r track.Run) error { b.run = r; return nil }
func (b *begun) Observe(track.Event) error                  { return nil }
func (b *begun) End(error) error                            { return nil }

// TestUnit: the history and the observers are told the loss's unit, if it says one, and a resumed run's are as well.
func TestUnit(t *testing.T) {
	r := recipe{}
	dir := t.TempDir()
	for _, c := range []struct {
		loss train.Loss
		unit string
	}{{loss.CrossEntropy{}, track.Nats}, {loss.Focal{}, ""}} {
		for i := range 2 {
			watch := &begun{}
			trainer := r.trainer(t, 3+i)
			trainer.Loss, trainer.Observer = c.loss, watch
			trainer.Checkpoint = &train.Checkpoint{Dir: filepath.Join(dir, "run"+c.unit), Resume: i > 0}
			if h := r.fit(t, trainer); h.Unit != c.unit || watch.run.Unit != c.unit {
				t.Errorf("%T: history in %q, run in %q, want %q", c.loss, h.Unit, watch.run.Unit, c.unit)
			}
		}
	}
}
