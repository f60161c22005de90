package train_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/weights"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/track"
)

// recorded makes a trainer save to a directory, report every ten steps, and keep what it reports.
func recorded(trainer *train.Trainer, dir string, resume bool) *[]train.Report {
	var reports []train.Report
	trainer.Every = 10
	trainer.Report = func(r train.Report) error {
		reports = append(reports, r)
		return nil
	}
	trainer.Checkpoint = &train.Checkpoint{Dir: dir, Resume: resume}
	return &reports
}

// cancelled runs a trainer until it has made so many updates, or with none, until it evaluates for the n-th time.
func cancelled(t *testing.T, r recipe, trainer *train.Trainer, updates, evaluations int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	withHook(trainer, func(update int) {
		if update == updates {
			cancel()
		}
	})
	data, validation := r.streams(t)
	_, err := trainer.Fit(ctx, data, &interrupted{validation, evaluations, cancel})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the context's error", err)
	}
}

// interrupted data cancels a run in the middle of an epoch.
type interrupted struct {
	*seqdata.Stream
	epochs int
	cancel func()
}

func (i *interrupted) Rewind() {
	i.Stream.Rewind()
	if i.epochs--; i.epochs == 0 {
		i.cancel()
	}
}

var recipes = map[string]recipe{
	"LSTM Adam":                       {cell: "lstm", dropout: 0.3, seed: 1},
	"GRU Adam":                        {cell: "gru", dropout: 0.3, seed: 2},
	"RNN Adam float64":                {cell: "rnn", seed: 3, dtype: graph.Float64},
	"LSTM AdamW":                      {cell: "lstm", seed: 4, optimizer: func() train.Optimizer { return &optim.AdamW{LearningRate: 1e-2, WeightDecay: 0.1} }},
	"LSTM SGD":                        {cell: "lstm", seed: 5, optimizer: func() train.Optimizer { return &optim.SGD{LearningRate: 0.3} }},
	"GRU SGD with momentum":           {cell: "gru", dropout: 0.2, seed: 6, optimizer: func() train.Optimizer { return &optim.SGD{LearningRate: 0.1, Momentum: 0.9, Dampening: 0.1} }},
	"LSTM RMSprop, different threads": {cell: "lstm", dropout: 0.1, seed: 7, threads: 1, optimizer: func() train.Optimizer { return &optim.RMSprop{LearningRate: 3e-3} }},
}

// A run that is stopped and resumed, by a trainer and a model that know nothing of the first, is the run that wasn't
// stopped: weights, moments, carried states, losses, norms, reports. An epoch has 13 windows.
func TestResumeIsExact(t *testing.T) {
	for name, r := range recipes {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time goes by waiting for the disk
			straight := r.trainer(t, 40)
			want := recorded(straight, t.TempDir(), false)
			history := numbers(t, r.fit(t, straight))

			for _, c := range []struct {
				what                 string
				updates, evaluations int
			}{
				{"at the start", 1, 0}, // the update under way is finished
				{"within an epoch", 17, 0},
				{"at the end of an epoch", 26, 0},
				{"at a report", 20, 0},
				{"while evaluating", 0, 2},
				{"while evaluating at the end", 0, 4},
			} {
				dir := t.TempDir()
				first := r.trainer(t, 40)
				reports := recorded(first, dir, false)
				cancelled(t, r, first, c.updates, c.evaluations)

				fresh := r
				fresh.seed, fresh.threads = r.seed+100, 2
				second := fresh.trainer(t, 40)
				more := recorded(second, dir, true)
				got := numbers(t, fresh.fit(t, second))

				t.Log("stopped", c.what)
				wantSame(t, "histories", got, history)
				wantSame(t, "weights", values(t, second.Model), values(t, straight.Model))
				wantSame(t, "reports", fmt.Sprint(append(*reports, *more...)), fmt.Sprint(*want))
				wantSaved(t, saved(t, dir), saved(t, straight.Checkpoint.Dir))
			}
		})
	}
}

// Stopping three times is as good as once, and a run whose steps are raised goes on where it ended.
func TestResumeToMoreSteps(t *testing.T) {
	r := recipe{dropout: 0.3, seed: 1}
	straight := r.trainer(t, 40)
	straight.Checkpoint = &train.Checkpoint{Dir: t.TempDir()}
	want := r.fit(t, straight)

	dir := t.TempDir()
	var got *track.History
	for i, steps := range []int{1, 17, 30, 40, 40, 35} {
		fresh := r
		fresh.seed += uint64(i)
		trainer := fresh.trainer(t, steps)
		trainer.Checkpoint = &train.Checkpoint{Dir: dir, Resume: i > 0, Every: 7}
		got = fresh.fit(t, trainer)
		if n := got.Train[len(got.Train)-1].Step; n != max(steps, len(got.Train)) {
			t.Errorf("asked for %d steps, got %d", steps, n)
		}
	}
	wantSaved(t, saved(t, dir), saved(t, straight.Checkpoint.Dir))
	wantSame(t, "training losses", numbers(t, &track.History{Train: got.Train}), numbers(t, &track.History{Train: want.Train}))
	last := got.Validation[len(got.Validation)-1]
	if best := want.Validation[0]; last.Loss != best.Loss || last.Step != 40 || len(got.Validation) != 4 {
		t.Errorf("validation points %+v, want the last to be %+v", got.Validation, best)
	}
}

// A run that was stopped between two reports and whose steps are then lowered to where it is still has a validation
// loss at its end.
func TestResumeOfAFinishedRunEvaluates(t *testing.T) {
	r := recipe{}
	for _, steps := range []int{17, 12} {
		dir := t.TempDir()
		first := r.trainer(t, 40)
		first.Checkpoint = &train.Checkpoint{Dir: dir}
		cancelled(t, r, first, 17, 0)

		second := r.trainer(t, steps)
		second.Checkpoint = &train.Checkpoint{Dir: dir, Resume: true}
		history := r.fit(t, second)
		if len(history.Train) != 17 || len(history.Validation) != 1 || history.Validation[0].Step != 17 {
			t.Errorf("to %d steps: %d training points and validation %+v", steps, len(history.Train), history.Validation)
		}
	}
}

// Data that can't say where it is begins an epoch when the run is resumed, and so does the state.
func TestResumeWithoutCursor(t *testing.T) {
	r := recipe{}
	dir := t.TempDir()
	var states int
	for i, steps := range []int{5, 6} {
		trainer := r.trainer(t, steps)
		trainer.Checkpoint = &train.Checkpoint{Dir: dir, Resume: i > 0}
		trainer.BPTT = seen{trainer.BPTT, &states}
		data, _ := r.streams(t)
		if _, err := trainer.Fit(context.Background(), struct{ train.Data }{data}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if states != 4*4 { // h and c of two layers, in the second to fifth update of the first run only
		t.Errorf("%d states were carried into updates, want 16", states)
	}
}

// Weights that two layers share are saved under both names, as PyTorch does, and can be loaded again.
func TestSharedWeights(t *testing.T) {
	r := recipe{hidden: 6}
	tied := func(seed uint64) layers.Sequential {
		r.seed = seed
		m := r.model(t)
		m[3].(*layers.Linear).Weight = m[0].(*layers.Embedding).Weight // both [12, 6]
		return m
	}
	dir := t.TempDir()
	first := r.trainer(t, 5)
	first.Model = tied(1)
	first.Checkpoint = &train.Checkpoint{Dir: dir}
	r.fit(t, first)
	file, err := train.ReadCheckpoint(dir, "model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	other := tied(2)
	if err := weights.Read(bytes.NewReader(file), int64(len(file)), other.Params(), weights.Options{}); err != nil {
		t.Fatal(err)
	}
	wantSame(t, "weights", values(t, other), values(t, first.Model))

	second := r.trainer(t, 6)
	second.Model = tied(3)
	second.Checkpoint = &train.Checkpoint{Dir: dir, Resume: true}
	r.fit(t, second)
	straight := r.trainer(t, 6)
	straight.Model = tied(1)
	r.fit(t, straight)
	wantSame(t, "weights after resumption", values(t, second.Model), values(t, straight.Model))
}

// seen counts the states that are carried into the updates of a run.
type seen struct {
	train.Strategy
	states *int
}

func (s seen) Gradient(r *bptt.Run) (bptt.Result, error) {
	*s.states += len(r.States)
	return s.Strategy.Gradient(r)
}
