package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"time"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/track"
)

// fit is one call of Fit.
type fit struct {
	*Trainer
	data, validation Data
	pass             *bptt.Run
	history          *track.History
	progressed

	saved int // the last step that was saved, -1 if none
	bad   int // updates in a row that diverged
}

// progressed is how far a run has come. A checkpoint holds it.
type progressed struct {
	Step    int     `json:"step"`
	Epoch   int     `json:"epoch"`   // passes over the data that are done
	Windows int     `json:"windows"` // updates of this pass
	Tokens  int64   `json:"tokens"`
	Seconds float64 `json:"seconds"` // spent on steps, in all

	// Since the last report.
	LossSum   float64 `json:"loss_sum"`
	LossCount int     `json:"loss_count"`

	Best    float64 `json:"best"` // the lowest validation loss, if there is one
	HasBest bool    `json:"has_best"`
	Bests   []Best  `json:"bests"`   // that are saved, the lowest loss first
	Stale   int     `json:"stale"`   // evaluations since the best
	Stopped bool    `json:"stopped"` // early
	Rate    float64 `json:"rate"`    // factor of the learning rate, below 1 after a divergence
}

func (f *fit) begin() error {
	required := []struct {
		name    string
		missing bool
	}{
		{"Model", f.Model == nil}, {"Loss", f.Loss == nil}, {"Optimizer", f.Optimizer == nil},
		{"BPTT", f.BPTT == nil}, {"data", f.data == nil},
	}
	for _, r := range required {
		if r.missing {
			return &ArgumentError{Name: r.name, Got: "nil", Want: "a value"}
		}
	}
	for _, n := range []struct {
		name       string
		value, low int
	}{{"Steps", f.Steps, 0}, {"Epochs", f.Epochs, 0}, {"Every", f.Every, 0}, {"ValidationWindow", f.ValidationWindow, 0},
		{"Patience", f.Patience, 0}, {"Threads", f.Threads, 0}} {
		if n.value < n.low {
			return &ArgumentError{Name: n.name, Got: fmt.Sprint(n.value), Want: fmt.Sprintf("%d or more", n.low)}
		}
	}
	switch {
	case f.Steps == 0 && f.Epochs == 0:
		return &ArgumentError{Name: "Steps", Got: "0, and so is Epochs", Want: "one of them above 0"}
	case !(f.ClipNorm >= 0):
		return &ArgumentError{Name: "ClipNorm", Got: fmt.Sprint(f.ClipNorm), Want: "0 or more"}
	case f.Patience > 0 && f.validation == nil:
		return &ArgumentError{Name: "Patience", Got: fmt.Sprint(f.Patience, " without validation data"), Want: "0, or data"}
	case f.OnDiverged < StopDiverged || f.OnDiverged > RollBackDiverged:
		return &ArgumentError{Name: "OnDiverged", Got: fmt.Sprint(int(f.OnDiverged)), Want: "StopDiverged, SkipDiverged or RollBackDiverged"}
	case f.OnDiverged == RollBackDiverged && f.Checkpoint == nil:
		return &ArgumentError{Name: "OnDiverged", Got: "RollBackDiverged without a Checkpoint", Want: "a Checkpoint to roll back to"}
	}
	if f.Random == nil {
		f.Random = rand.NewPCG(1, 1)
	}
	if err := f.prepare(); err != nil {
		return err
	}
	f.pass = &bptt.Run{Data: f.data, Programs: f.programs, States: graph.States{}, Random: f.Random}
	f.pass.Rewind()
	f.saved = -1
	if f.Checkpoint == nil {
		return nil
	}
	if err := f.Checkpoint.open(f); err != nil || f.OnDiverged != RollBackDiverged || f.saved >= 0 {
		return err
	}
	return f.Checkpoint.save(f) // there must be something to roll back to
}

func (f *fit) run(ctx context.Context) error {
	f.Progress.Start(f.Step, f.Steps)
	begun, done := f.Seconds, f.Tokens
	if f.due() { // the run was stopped during this report
		if err := f.report(ctx); err != nil {
			return f.stop(err)
		}
	}
	for !f.finished() {
		if err := ctx.Err(); err != nil {
			return f.stop(err)
		}
		start := time.Now()
		r, norm, err := f.update()
		if err == io.EOF {
			if err := f.nextEpoch(ctx); err != nil {
				return f.stop(err)
			}
			continue
		}
		if d, ok := errors.AsType[*DivergedError](err); ok {
			if err := f.diverged(d); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			if f.Step == 0 {
				return err
			}
			return f.stop(err)
		}
		f.bad = 0
		f.Step++
		f.Windows++
		f.Tokens += int64(r.Targets)
		f.Seconds += time.Since(start).Seconds()
		f.LossSum, f.LossCount = f.LossSum+r.Loss, f.LossCount+1
		f.history.AddTrain(track.Point{Step: f.Step, Loss: r.Loss, GradNorm: norm, Tokens: f.Tokens, Seconds: f.Seconds})
		f.Progress.Step(track.Step{Step: f.Step, Total: f.Steps, Loss: f.LossSum / float64(f.LossCount), TokensPerSecond: float64(f.Tokens-done) / (f.Seconds - begun)})

		if f.due() {
			if err := f.report(ctx); err != nil {
				return f.stop(err)
			}
		}
		if c := f.Checkpoint; c != nil && c.Every > 0 && f.Step%c.Every == 0 {
			if err := c.save(f); err != nil {
				return err
			}
		}
	}
	return f.stop(nil)
}

// finished reports whether training is done.
func (f *fit) finished() bool {
	return f.Stopped || f.Steps > 0 && f.Step >= f.Steps || f.Epochs > 0 && f.Epoch >= f.Epochs
}

// nextEpoch goes back to the start of the data.
func (f *fit) nextEpoch(ctx context.Context) error {
	if f.Windows == 0 {
		return &ArgumentError{Name: "data", Got: "empty", Want: "at least one window in an epoch"}
	}
	f.Epoch++
	f.Windows = 0
	f.pass.Rewind()
	if f.LossCount > 0 && f.Epochs > 0 && (f.Every == 0 || f.finished()) {
		return f.report(ctx)
	}
	return nil
}

// update makes one step: gradient, norm, clipping, optimizer. It returns io.EOF at the end of an epoch.
func (f *fit) update() (bptt.Result, float64, error) {
	r, err := f.BPTT.Gradient(f.pass)
	if err == io.EOF {
		return r, 0, err
	}
	if err != nil {
		return r, 0, fmt.Errorf("step %d: %w", f.Step+1, err)
	}
	if err := f.finite("loss", r.Loss, r.Program); err != nil {
		return r, 0, err
	}
	var norm float64
	if f.ClipNorm > 0 {
		norm, err = optim.ClipNorm(f.arena, f.ClipNorm)
		if err != nil {
			return r, 0, err
		}
	} else {
		norm = f.arena.GradNorm()
	}
	if err := f.finite("gradient norm", norm, r.Program); err != nil {
		return r, 0, err
	}
	factor := f.Rate
	if r.Rate > 0 {
		factor *= r.Rate
	}
	return r, norm, f.Optimizer.Step(f.arena, factor)
}

func (f *fit) finite(what string, v float64, p *graph.Program) error {
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		return nil
	}
	return &DivergedError{Step: f.Step + 1, What: what, Value: v, Err: p.FirstNonFinite()}
}

// due reports whether a report is to be made at this step, and wasn't yet.
func (f *fit) due() bool {
	return f.LossCount > 0 && (f.Steps > 0 && f.Step >= f.Steps || f.Every > 0 && f.Step%f.Every == 0)
}

// report evaluates and tells.
func (f *fit) report(ctx context.Context) error {
	r := Report{Step: f.Step, Train: f.LossSum / float64(f.LossCount), Validation: math.NaN()}
	if f.validation != nil {
		loss, err := f.Evaluate(ctx, f.validation)
		if err != nil {
			return err
		}
		r.Validation = loss
		f.judge(loss)
		if f.Checkpoint != nil {
			if err := f.Checkpoint.saveBest(f, loss); err != nil {
				return err
			}
		}
		f.history.AddValidation(track.Point{Step: f.Step, Loss: loss, Tokens: f.Tokens, Seconds: f.Seconds})
	}
	f.LossSum, f.LossCount = 0, 0
	if f.Report != nil {
		return f.Report(r)
	}
	return nil
}

// judge takes note of a validation loss.
func (f *fit) judge(loss float64) {
	if !math.IsNaN(loss) && !math.IsInf(loss, 0) && (!f.HasBest || loss < f.Best) {
		f.Best, f.HasBest, f.Stale = loss, true, 0
		return
	}
	f.Stale++
	f.Stopped = f.Patience > 0 && f.Stale >= f.Patience
}

// stop ends a run in good order.
func (f *fit) stop(err error) error {
	if f.Checkpoint != nil && f.saved != f.Step {
		if failed := f.Checkpoint.save(f); failed != nil {
			return failed
		}
	}
	return err
}
