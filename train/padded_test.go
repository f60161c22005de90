package train_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
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

// A batch of sequences of different lengths has the loss and the gradient of its sequences one by one, each weighted by its
// steps, in one window or in several.
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
	for name, strategy := range map[string]train.Strategy{
		"one window":      bptt.Truncated{Window: 100},
		"windows of four": bptt.Full{Window: 4},
		"single steps":    bptt.Full{Window: 1},
	} {
		trainer := paddedTrainer(t, graph.Float64, strategy, 1)
		h, err := trainer.Fit(ctx, pad(t, examples, len(examples), seqdata.PadOptions{}), nil)
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
