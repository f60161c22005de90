package train_test

import (
	"context"
	"errors"
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
	"github.com/gobptt/bptt/train/optim"
)

// unequal are sequences of 1 to 9 steps.
func unequal() []seqdata.Example {
	rng := rand.New(rand.NewPCG(7, 8))
	var all []seqdata.Example
	for _, n := range []int{4, 9, 1, 7, 2, 9, 5} {
		in, out := make([]float32, 2*n), make([]float32, n)
		for i := range in {
			in[i] = float32(rng.NormFloat64())
		}
		for i := range out {
			out[i] = float32(rng.NormFloat64())
		}
		all = append(all, seqdata.Example{
			seqdata.Input:  {Shape: []int{n, 2}, Floats: in},
			seqdata.Target: {Shape: []int{n, 1}, Floats: out},
		})
	}
	return all
}

// paddedTrainer trains on sequences, always from the same weights.
func paddedTrainer(t *testing.T, d graph.DType, strategy train.Strategy, steps int) *train.Trainer {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{layers.NewLSTM(2, 5, layers.LSTMOptions{}, rng), layers.NewLinear(5, 1, rng)}
	graph.SetDType(model.Params(), d)
	return &train.Trainer{Model: model, Loss: loss.MSE{}, Optimizer: &optim.SGD{LearningRate: 1}, BPTT: strategy, Steps: steps}
}

func pad(t *testing.T, examples []seqdata.Example, batch int, o seqdata.PadOptions) *seqdata.Padded {
	t.Helper()
	p, err := seqdata.Pad(examples, batch, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// flat are all weights of a model.
func flat(m train.Model) (all []float64) {
	for _, p := range m.Params() {
		all = append(all, p.Value.Floats()...)
	}
	return all
}

// Sequences of different lengths have in batches the loss and the gradient that they have one by one, each weighted by its
// steps: in one window or in several, and in batches of different sizes.
func TestPaddedGradient(t *testing.T) {
	ctx := context.Background()
	examples := unequal()
	start := flat(paddedTrainer(t, graph.Float64, bptt.Truncated{Window: 9}, 1).Model)
	want, cost, total := make([]float64, len(start)), 0.0, 0.0
	for _, e := range examples {
		n := float64(e[seqdata.Input].Shape[0])
		one := paddedTrainer(t, graph.Float64, bptt.Truncated{Window: 9}, 1)
		h, err := one.Fit(ctx, pad(t, []seqdata.Example{e}, 1, seqdata.PadOptions{}), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range flat(one.Model) {
			want[i] += n * (start[i] - w)
		}
		cost += n * h.Train[0].Loss
		total += n
	}
	for name, c := range map[string]struct {
		strategy train.Strategy
		batch    int
	}{
		"one window":         {bptt.Truncated{Window: 100}, 7},
		"windows of four":    {bptt.Full{Window: 4}, 7},
		"single steps":       {bptt.Full{Window: 1}, 7},
		"batches of 3, 3, 1": {bptt.Truncated{Window: 100}, 3},
		"in windows":         {bptt.Full{Window: 4}, 3},
		"with less memory":   {bptt.Checkpointed{Window: 2, Memory: 1 << 20}, 3},
		"k1 below k2":        {bptt.Truncated{Window: 2, Reach: 10}, 3},
		"online":             {bptt.RTRL{Window: 3}, 3},
	} {
		trainer := paddedTrainer(t, graph.Float64, c.strategy, 1)
		trainer.Accumulate = 100 // to the end of the epoch
		h, err := trainer.Fit(ctx, pad(t, examples, c.batch, seqdata.PadOptions{}), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.Train[0].Loss; math.Abs(got-cost/total) > 1e-12 {
			t.Errorf("%s: loss %v, one by one %v", name, got, cost/total)
		}
		for i, w := range flat(trainer.Model) {
			if got := start[i] - w; math.Abs(got-want[i]/total) > 1e-12 {
				t.Fatalf("%s: gradient %d is %v, one by one %v", name, i, got, want[i]/total)
			}
		}
	}
	for _, batch := range []int{1, 2, 3, 7} {
		for _, window := range []int{1, 4, 100} {
			trainer := paddedTrainer(t, graph.Float64, bptt.Truncated{Window: 9}, 1)
			trainer.ValidationWindow = window
			got, err := trainer.Evaluate(ctx, pad(t, examples, batch, seqdata.PadOptions{Bucket: 2}))
			if err != nil || math.Abs(got-cost/total) > 1e-12 {
				t.Errorf("batches of %d, windows of %d: loss %v, %v, want %v", batch, window, got, err, cost/total)
			}
		}
	}
}

// A run that is resumed within a batch, or between two, in an epoch of its own order, ends as one that wasn't stopped.
func TestPaddedResume(t *testing.T) {
	const updates = 24
	run := func(strategy train.Strategy, dir string, resume bool, steps int) []float64 {
		trainer := paddedTrainer(t, graph.Float32, strategy, steps)
		trainer.Optimizer = &optim.Adam{}
		trainer.Checkpoint = &train.Checkpoint{Dir: dir, Resume: resume}
		data := pad(t, unequal(), 3, seqdata.PadOptions{Shuffle: rand.New(rand.NewPCG(3, 4))})
		if _, err := trainer.Fit(context.Background(), data, nil); err != nil {
			t.Fatal(err)
		}
		return flat(trainer.Model)
	}
	for _, c := range []struct {
		strategy train.Strategy
		stops    []int
	}{
		{bptt.Truncated{Window: 2}, []int{3, 5, 11, 14}}, // the first batch ends after 5 windows, the epoch after 11
		{bptt.Full{Window: 2}, []int{4}},                 // batches come whole
	} {
		want := run(c.strategy, t.TempDir(), false, updates)
		for _, stop := range c.stops {
			dir := t.TempDir()
			run(c.strategy, dir, false, stop)
			if got := run(c.strategy, dir, true, updates); !slices.Equal(got, want) {
				t.Errorf("%T, stopped after %d updates: the run ends elsewhere", c.strategy, stop)
			}
		}
	}
}

// fixed is one batch an epoch.
type fixed struct {
	batch *seqdata.Batch
	given bool
}

func (f *fixed) Next(int) (*seqdata.Batch, error) {
	if f.given {
		return nil, io.EOF
	}
	f.given = true
	return f.batch, nil
}

func (f *fixed) Rewind() { f.given = false }

// Where nothing counts, the loss is 0 and the weights stay: in training and in evaluation.
func TestNothingCounts(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{seqdata.Mask, seqdata.Weight} {
		for _, strategy := range []train.Strategy{bptt.Truncated{Window: 9}, bptt.Full{Window: 9}, bptt.RTRL{Window: 9}} {
			for _, accumulate := range []int{1, 2} {
				batch, err := pad(t, unequal(), 2, seqdata.PadOptions{}).Next(1)
				if err != nil {
					t.Fatal(err)
				}
				batch.Arrays[name] = seqdata.Array{Shape: []int{1, 2}, Floats: []float32{0, 0}}
				trainer := paddedTrainer(t, graph.Float32, strategy, 2)
				trainer.Accumulate, trainer.ClipNorm = accumulate, 1
				start := flat(trainer.Model)
				h, err := trainer.Fit(ctx, &fixed{batch: batch}, &fixed{batch: batch.Clone()})
				if err != nil {
					t.Fatalf("%s, %T: %v", name, strategy, err)
				}
				for _, p := range slices.Concat(h.Train, h.Validation) {
					if p.Loss != 0 || p.GradNorm != 0 {
						t.Errorf("%s, %T: loss %v, norm %v, want 0", name, strategy, p.Loss, p.GradNorm)
					}
				}
				if !slices.Equal(flat(trainer.Model), start) {
					t.Errorf("%s, %T: the weights changed", name, strategy)
				}
			}
		}
	}
}

// A class that there isn't is an error that names its sequence and step; where the mask is 0 it doesn't matter.
func TestPaddedTargetOutOfRange(t *testing.T) {
	ctx := context.Background()
	for _, class := range []int32{-1, 5} {
		var examples []seqdata.Example
		for _, n := range []int{4, 2} {
			examples = append(examples, seqdata.Example{
				seqdata.Input:  {Shape: []int{n, 2}, Floats: make([]float32, 2*n)},
				seqdata.Target: {Shape: []int{n}, Ints: make([]int32, n)},
			})
		}
		run := func(data train.Data) error {
			trainer := paddedTrainer(t, graph.Float32, bptt.Truncated{Window: 9}, 1)
			rng := rand.New(rand.NewPCG(1, 2))
			trainer.Model = layers.Sequential{layers.NewGRU(2, 3, layers.GRUOptions{}, rng), layers.NewLinear(3, 5, rng)}
			trainer.Loss = loss.CrossEntropy{}
			_, err := trainer.Fit(ctx, data, nil)
			return err
		}
		batch, err := pad(t, examples, 2, seqdata.PadOptions{}).Next(4)
		if err != nil {
			t.Fatal(err)
		}
		batch.Arrays[seqdata.Target].Ints[2*2+1] = class // of the padding
		if err := run(&fixed{batch: batch}); err != nil {
			t.Errorf("class %d in the padding: %v", class, err)
		}
		examples[0][seqdata.Target].Ints[3] = class
		err = run(pad(t, examples, 2, seqdata.PadOptions{}))
		if e, ok := errors.AsType[*graph.IndexError](err); !ok || e.Index != int(class) || e.Limit != 5 || !strings.Contains(err.Error(), "step 3 of sequence 0") {
			t.Errorf("class %d: %v", class, err)
		}
	}
}
