package train_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/schedule"
	"github.com/gobptt/bptt/train/track"
)

// flawed is a strategy whose loss isn't finite at some calls, counted from 1.
type flawed struct {
	train.Strategy
	calls *int
	at    func(call int) bool
}

func (s flawed) Gradient(r *bptt.Run) (bptt.Result, error) {
	result, err := s.Strategy.Gradient(r)
	if err == nil {
		if *s.calls++; s.at(*s.calls) {
			result.Loss = math.NaN()
		}
	}
	return result, err
}

// TestEpochs: training ends after so many passes, with an evaluation after each; a resumed run counts on.
func TestEpochs(t *testing.T) {
	var r recipe
	trainer := r.trainer(t, 0)
	trainer.Epochs = 3
	history := r.fit(t, trainer)
	if len(history.Train) != 3*13 || len(history.Validation) != 3 || history.Validation[0].Step != 13 {
		t.Fatalf("%d updates, evaluations %v; want 39, at 13, 26 and 39", len(history.Train), history.Validation)
	}

	dir := t.TempDir()
	parts := r.trainer(t, 20) // stops in the second pass
	parts.Epochs = 3
	parts.Checkpoint = &train.Checkpoint{Dir: dir}
	r.fit(t, parts)
	parts = r.trainer(t, 0)
	parts.Epochs = 3
	parts.Checkpoint = &train.Checkpoint{Dir: dir, Resume: true}
	r.fit(t, parts)
	wantSame(t, "weights", values(t, parts.Model), values(t, trainer.Model))

	both := r.trainer(t, 5)
	both.Epochs = 100
	if h := r.fit(t, both); len(h.Train) != 5 {
		t.Errorf("%d updates, want 5", len(h.Train))
	}
}

// TestPatience: training stops after so many evaluations without a lower loss, and not before.
func TestPatience(t *testing.T) {
	var r recipe
	trainer := r.trainer(t, 400)
	trainer.Every, trainer.Patience = 2, 3
	trainer.Optimizer = r.trainer(t, 1).Optimizer
	trainer.ClipNorm = 0
	h := r.fit(t, trainer)
	n := len(h.Validation)
	best := 0
	for i, p := range h.Validation {
		if p.Loss < h.Validation[best].Loss {
			best = i
		}
	}
	if n == 200 || n != best+1+3 {
		t.Errorf("%d evaluations, the best is number %d; want 3 more", n, best+1)
	}
}

// TestSkipDiverged: a bad update isn't made, and the run goes on; many in a row end it.
func TestSkipDiverged(t *testing.T) {
	var r recipe
	for name, c := range map[string]struct {
		at    func(int) bool
		steps int
		fails bool
	}{
		"now and then": {func(n int) bool { return n%5 == 0 }, 20, false},
		"from then on": {func(n int) bool { return n > 7 }, 7, true},
	} {
		trainer := r.trainer(t, 20)
		trainer.BPTT = flawed{trainer.BPTT, new(int), c.at}
		trainer.OnDiverged = train.SkipDiverged
		data, validation := r.streams(t)
		h, err := trainer.Fit(context.Background(), data, validation)
		if _, diverged := errors.AsType[*train.DivergedError](err); diverged != c.fails || !diverged && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(h.Train) != c.steps {
			t.Errorf("%s: %d updates, want %d", name, len(h.Train), c.steps)
		}
	}
}

// TestRollBack: the run goes back to the last checkpoint and on at a lower rate; where that never helps, it ends.
func TestRollBack(t *testing.T) {
	var r recipe
	trainer := r.trainer(t, 20)
	calls := 0
	trainer.BPTT = flawed{trainer.BPTT, &calls, func(n int) bool { return n == 9 || n == 12 }}
	trainer.OnDiverged = train.RollBackDiverged
	trainer.Checkpoint = &train.Checkpoint{Dir: t.TempDir(), Every: 4}
	log := &track.CSV{Path: filepath.Join(t.TempDir(), "log.csv")}
	trainer.Observer, trainer.Flow = log, &track.GradientFlow{}
	h := r.fit(t, trainer)
	// Updates 1 to 8, then 9 diverges: back to 8; 9 and 10, then 11 diverges: back to 8 again.
	if len(h.Train) != 20 || calls != 20+2+2 {
		t.Errorf("%d updates in %d calls, want 20 in 24", len(h.Train), calls)
	}
	data, err := os.ReadFile(log.Path)
	if err != nil {
		t.Fatal(err)
	}
	var logged, seen, want []int
	for line := range strings.Lines(string(data)) {
		var step int
		if n, _ := fmt.Sscanf(line, "train,%d", &step); n == 1 {
			logged = append(logged, step)
		}
	}
	for i := range h.Train {
		seen, want = append(seen, trainer.Flow.Updates[i].Step), append(want, i+1)
	}
	if !slices.Equal(logged, want) || !slices.Equal(seen, want) || len(trainer.Flow.Updates) != len(want) {
		t.Errorf("the log has the steps %v, the flow %v", logged, seen)
	}
	plain := r.trainer(t, 20)
	if r.fit(t, plain); values(t, plain.Model) == values(t, trainer.Model) {
		t.Error("the learning rate wasn't lowered")
	}

	calls = 0
	trainer = r.trainer(t, 20)
	trainer.BPTT = flawed{trainer.BPTT, &calls, func(int) bool { return true }}
	trainer.OnDiverged = train.RollBackDiverged
	trainer.Checkpoint = &train.Checkpoint{Dir: t.TempDir()}
	stream, validation := r.streams(t)
	if _, err := trainer.Fit(context.Background(), stream, validation); err == nil || calls > 50 {
		t.Errorf("%v after %d calls", err, calls)
	}
	trainer.Checkpoint = nil
	if e, ok := errors.AsType[*train.ArgumentError](second(trainer.Fit(context.Background(), stream, validation))); !ok || e.Name != "OnDiverged" {
		t.Errorf("without a checkpoint: %v", e)
	}
}

func second[A any](_ A, err error) error { return err }

// TestBest: the models with the lowest validation losses are kept, also across a resumption, and the best one is loaded.
func TestBest(t *testing.T) {
	var r recipe
	dir := t.TempDir()
	losses := map[int]float64{}
	weights := map[int]string{}
	run := func(steps int, resume bool) {
		trainer := r.trainer(t, steps)
		trainer.Every = 3
		trainer.Checkpoint = &train.Checkpoint{Dir: dir, Best: 2, Resume: resume}
		trainer.Report = func(report train.Report) error {
			losses[report.Step], weights[report.Step] = report.Validation, values(t, trainer.Model)
			return nil
		}
		r.fit(t, trainer)
	}
	run(12, false)
	run(30, true)
	var steps []int
	for step := range losses {
		steps = append(steps, step)
	}
	slices.SortFunc(steps, func(a, b int) int {
		if losses[a] < losses[b] {
			return -1
		}
		return 1
	})
	saved, err := filepath.Glob(filepath.Join(dir, "best", "step-*"))
	if err != nil || len(saved) != 2 {
		t.Fatal(saved, err)
	}
	model := r.model(t)
	best, err := train.LoadBest(dir, model.Params())
	if err != nil || best.Step != steps[0] || best.Loss != losses[steps[0]] {
		t.Fatalf("got %+v, %v; want step %d", best, err, steps[0])
	}
	wantSame(t, "weights", values(t, model), weights[best.Step])
	if _, err := train.LoadBest(t.TempDir(), model.Params()); err == nil {
		t.Error("an empty directory: no error")
	}
	trainer := r.trainer(t, 3)
	trainer.Checkpoint = &train.Checkpoint{Dir: t.TempDir(), Best: 2}
	data, _ := r.streams(t)
	if e, ok := errors.AsType[*train.ArgumentError](second(trainer.Fit(context.Background(), data, nil))); !ok || e.Name != "Checkpoint.Best" {
		t.Errorf("without validation data: %v", e)
	}
}

// TestAccumulate: an update from several gradients is one from their mean over all targets.
func TestAccumulate(t *testing.T) {
	var r recipe
	trainer := r.trainer(t, 5)
	trainer.Accumulate = 3 // 13 windows in an epoch, the last one shorter: updates of 3, 3, 3, 3 and 1
	h := r.fit(t, trainer)
	if len(h.Train) != 5 || h.Train[4].Tokens != 99*3 {
		t.Fatalf("got %+v", h.Train)
	}

	// The same by hand.
	by := r.trainer(t, 5)
	by.BPTT = &several{Strategy: by.BPTT, params: by.Model.Params(), parts: 3}
	want := r.fit(t, by)
	for i := range want.Train {
		if a, b := h.Train[i], want.Train[i]; math.Abs(a.Loss-b.Loss) > 1e-6 || math.Abs(a.GradNorm-b.GradNorm) > 1e-5 {
			t.Errorf("update %d: %+v, want %+v", i+1, a, b)
		}
	}
}

// several adds up gradients by itself.
type several struct {
	train.Strategy
	params []graph.NamedParam
	parts  int
}

func (s *several) Gradient(r *bptt.Run) (bptt.Result, error) {
	sums := make([][]float64, len(s.params))
	var all bptt.Result
	for k := range s.parts {
		result, err := s.Strategy.Gradient(r)
		if err == io.EOF && k > 0 {
			break
		}
		if err != nil {
			return result, err
		}
		for i, p := range s.params {
			if k == 0 {
				sums[i] = make([]float64, p.Grad.Len())
			}
			for j, g := range p.Grad.Floats() {
				sums[i][j] += result.Weight * g
			}
		}
		all.Loss += result.Loss * result.Weight
		all.Weight += result.Weight
		all.Targets += result.Targets
		all.Program = result.Program
	}
	all.Loss /= all.Weight
	for i, p := range s.params {
		for j := range sums[i] {
			p.Grad.SetAt(j, sums[i][j]/all.Weight)
		}
	}
	return all, nil
}

// TestScheduleResumes: the learning rate goes on after a resumption where it was, also where it depends on the
// evaluations, and so do averages of the weights.
func TestScheduleResumes(t *testing.T) {
	var r recipe
	run := func(dir string, steps int, resume bool) *train.Trainer {
		trainer := r.trainer(t, steps)
		trainer.Every = 2
		trainer.Clip = &optim.ClipGlobalNorm{Max: 1}
		trainer.ClipNorm = 0
		trainer.Optimizer = &optim.EMA{Optimizer: &optim.Adam{LearningRate: 1e-2, AMSGrad: true}, Decay: 0.9}
		trainer.Schedule = schedule.Product{schedule.Cosine{Steps: 40}, &schedule.Plateau{Patience: -1, Threshold: 0.2}}
		trainer.Checkpoint = &train.Checkpoint{Dir: dir, Resume: resume}
		r.fit(t, trainer)
		return trainer
	}
	whole := run(t.TempDir(), 20, false)
	dir := t.TempDir()
	run(dir, 8, false) // after an evaluation, which the schedule takes note of
	parts := run(dir, 20, true)
	wantSame(t, "weights", values(t, parts.Model), values(t, whole.Model))
	raw := values(t, whole.Model)
	if err := errors.Join(whole.SwapAverage(), parts.SwapAverage()); err != nil {
		t.Fatal(err)
	}
	wantSame(t, "averages", values(t, parts.Model), values(t, whole.Model))
	if values(t, whole.Model) == raw {
		t.Error("the average is the last weights")
	}
	if whole.Schedule.Factor(20) > 0.2*0.5 {
		t.Errorf("the factor %v was never reduced", whole.Schedule.Factor(20))
	}
}
