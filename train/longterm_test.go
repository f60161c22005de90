package train_test

import (
	"context"
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/initial"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
	"github.com/gobptt/bptt/train/optim"
)

var long = flag.Bool("long", false, "learn the tasks of docs/learning.md, which takes some minutes each")

// memoryRun is a model, a task that needs memory, and what the model makes of it. No sequence comes twice.
type memoryRun struct {
	name  string
	task  func(batch int, rng *rand.Rand) (*seqdata.Task, error)
	loss  train.Loss
	model func(rng *rand.Rand) (layers.Sequential, error)

	seed         uint64
	batch, steps int
	learningRate float64

	reaches float64 // a loss that must be reached within the steps; 0 means none
	stays   float64 // a loss that must not be
}

func adding(steps int) func(batch int, rng *rand.Rand) (*seqdata.Task, error) {
	return func(batch int, rng *rand.Rand) (*seqdata.Task, error) { return seqdata.Adding(steps, batch, rng) }
}

func copyMemory(delay int) func(batch int, rng *rand.Rand) (*seqdata.Task, error) {
	return func(batch int, rng *rand.Rand) (*seqdata.Task, error) { return seqdata.CopyMemory(delay, batch, rng) }
}

// lastStep takes the last time step of a sequence: [T*B, F] to [B, F].
type lastStep struct{}

func (lastStep) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	w := b.Window()
	return b.Slice(x, 0, (w.T-1)*w.B, w.T*w.B)
}

func (lastStep) Params() []graph.NamedParam { return nil }

// sumOf is a model for the adding problem.
func sumOf(r *layers.Recurrent, hidden int, rng *rand.Rand) layers.Sequential {
	return layers.Sequential{r, lastStep{}, layers.NewLinear(hidden, 1, rng)}
}

func gru(hidden int) func(rng *rand.Rand) (layers.Sequential, error) {
	return func(rng *rand.Rand) (layers.Sequential, error) {
		return sumOf(layers.NewGRU(2, hidden, layers.GRUOptions{}, rng), hidden, rng), nil
	}
}

func tanhRNN(hidden int) func(rng *rand.Rand) (layers.Sequential, error) {
	return func(rng *rand.Rand) (layers.Sequential, error) {
		return sumOf(layers.NewRNN(2, hidden, layers.RNNOptions{}, rng), hidden, rng), nil
	}
}

// irnn is a ReLU RNN that begins as a sum of its inputs (Le, Jaitly and Hinton 2015), but for their tiny input weights,
// with which it learns much later.
func irnn(hidden int) func(rng *rand.Rand) (layers.Sequential, error) {
	return func(rng *rand.Rand) (layers.Sequential, error) {
		model := sumOf(layers.NewReLURNN(2, hidden, layers.RNNOptions{}, rng), hidden, rng)
		return model, initial.Apply(model.Params(), rng, initial.Rules{
			"*weight_hh*": initial.Identity(1),
			"*bias_*":     graph.Zeros,
		})
	}
}

// chronoLSTM is an LSTM for copy memory, with gates that begin as open as the delay needs.
func chronoLSTM(hidden, longest int) func(rng *rand.Rand) (layers.Sequential, error) {
	return func(rng *rand.Rand) (layers.Sequential, error) {
		const ids, answers = 10, 9
		model := layers.Sequential{
			layers.NewEmbedding(ids, ids, rng),
			layers.NewLSTM(ids, hidden, layers.LSTMOptions{}, rng),
			layers.NewLinear(hidden, answers, rng),
		}
		return model, initial.Apply(model.Params(), rng, initial.Rules{
			"0.weight":  initial.Identity(1),
			"*bias_ih*": initial.Chrono(longest),
			"*bias_hh*": graph.Zeros,
		})
	}
}

// trainer makes the model, the data and other sequences for validation.
func (m memoryRun) trainer(t *testing.T) (trainer *train.Trainer, data, validation *seqdata.Task) {
	t.Helper()
	rng := rand.New(rand.NewPCG(m.seed, 1))
	model, err := m.model(rng)
	if err != nil {
		t.Fatal(err)
	}
	if data, err = m.task(m.batch, rng); err != nil {
		t.Fatal(err)
	}
	if validation, err = m.task(8*m.batch, rng); err != nil {
		t.Fatal(err)
	}
	return &train.Trainer{
		Model: model, Loss: m.loss, Optimizer: &optim.Adam{LearningRate: m.learningRate}, ClipNorm: 1,
		BPTT: bptt.Truncated{Window: data.Steps()}, ValidationWindow: data.Steps(), Steps: m.steps,
	}, data, validation
}

// run trains until the loss that is to be reached is, on the other sequences, which are looked at every so many steps.
func (m memoryRun) run(t *testing.T, every int) {
	trainer, data, validation := m.trainer(t)
	reached := errors.New("reached")
	start, lowest := time.Now(), math.Inf(1)
	trainer.Every = every
	trainer.Report = func(r train.Report) error {
		t.Logf("step %d: training %.5f, validation %.5f, %.1f s", r.Step, r.Train, r.Validation, time.Since(start).Seconds())
		lowest = min(lowest, r.Validation)
		if lowest < m.reaches {
			return reached
		}
		return nil
	}
	if _, err := trainer.Fit(context.Background(), data, validation); err != nil && err != reached {
		t.Fatal(err)
	}
	if m.reaches > 0 && lowest >= m.reaches {
		t.Errorf("loss %.5f, want less than %v", lowest, m.reaches)
	}
	if lowest < m.stays {
		t.Errorf("loss %.5f, want no less than %v", lowest, m.stays)
	}
}

// The tasks on short sequences: what is reached can't be without the memory.
func TestShortTasks(t *testing.T) {
	for _, m := range []memoryRun{
		{
			name: "adding GRU", task: adding(10), loss: loss.MSE{}, model: gru(16),
			seed: 1, batch: 32, steps: 400, learningRate: 1e-2, reaches: 0.01,
		},
		{
			name: "adding IRNN", task: adding(10), loss: loss.MSE{}, model: irnn(32),
			seed: 1, batch: 32, steps: 1000, learningRate: 1e-2, reaches: 0.02,
		},
		{
			name: "copy memory LSTM", task: copyMemory(1), loss: loss.CrossEntropy{}, model: chronoLSTM(64, 30),
			seed: 1, batch: 16, steps: 1000, learningRate: 1e-2, reaches: 0.9, // 0.99 without memory
		},
	} {
		t.Run(m.name, func(t *testing.T) { m.run(t, 50) })
	}
}

// A run on a task goes on after a checkpoint as if it hadn't stopped: with the sequences that come next, from zero states,
// those of the validation likewise.
func TestTaskResumes(t *testing.T) {
	fit := func(dir string, steps int, resume bool) string {
		m := memoryRun{
			task: adding(7), loss: loss.MSE{}, model: gru(5), seed: 1, batch: 3, steps: steps, learningRate: 1e-2,
		}
		trainer, data, validation := m.trainer(t)
		trainer.Checkpoint, trainer.Every = &train.Checkpoint{Dir: dir, Resume: resume}, 1
		history, err := trainer.Fit(context.Background(), data, validation)
		if err != nil {
			t.Fatal(err)
		}
		return values(t, trainer.Model) + numbers(t, history)
	}
	dir := t.TempDir()
	fit(dir, 3, false)
	wantSame(t, "weights or history", fit(dir, 6, true), fit(t.TempDir(), 6, false))
}

// The tasks of docs/learning.md, which has the results.
func TestLongTasks(t *testing.T) {
	if !*long {
		t.Skip("takes minutes: -long")
	}
	for _, m := range []memoryRun{
		{
			name: "adding GRU", task: adding(200), loss: loss.MSE{}, model: gru(128),
			seed: 1, batch: 50, steps: 3000, learningRate: 2e-3, reaches: 1e-3,
		},
		{
			name: "adding IRNN", task: adding(200), loss: loss.MSE{}, model: irnn(100),
			seed: 1, batch: 50, steps: 8000, learningRate: 1e-4, reaches: 0.03,
		},
		{
			name: "copy memory LSTM", task: copyMemory(100), loss: loss.CrossEntropy{}, model: chronoLSTM(128, 150),
			seed: 1, batch: 50, steps: 20000, learningRate: 1e-3, reaches: 10 * math.Log(8) / 120 / 2,
		},
		{
			name: "adding RNN", task: adding(200), loss: loss.MSE{}, model: tanhRNN(128),
			seed: 1, batch: 50, steps: 3000, learningRate: 2e-3, stays: 0.14,
		},
	} {
		t.Run(m.name, func(t *testing.T) { m.run(t, 200) })
	}
}
