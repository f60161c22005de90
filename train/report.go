package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/schedule"
	"github.com/gobptt/bptt/train/track"
)

// Report is what a Trainer tells at every evaluation.
type Report struct {
	Step       int
	Train      float64            // mean training loss since the last report
	Validation float64            // NaN without validation data
	Metrics    map[string]float64 // values of Trainer.Metrics on the validation data
}

// rehearse evaluates the first window of the validation data, so that data that don't fit are found before the first
// update, not at the first evaluation. The data are as they were afterwards.
func (f *fit) rehearse() error {
	if f.validation == nil {
		return nil
	}
	place := int64(-1)
	d, placed := f.validation.(cursor)
	if placed {
		place = d.Cursor()
	}
	if err := f.resetMetrics(); err != nil {
		return err
	}
	f.validation.Rewind()
	_, err := f.evaluation(&bptt.Run{Data: f.validation, Programs: f.programs, States: graph.States{}})
	diverged, ok := errors.AsType[*DivergedError](err)
	switch {
	case ok:
		diverged.Step = f.Step
		return diverged
	case err == io.EOF:
		return empty("validation data")
	case err != nil:
		return fmt.Errorf("validation: %w", err)
	case place >= 0:
		return d.SetCursor(place)
	}
	f.validation.Rewind()
	return nil
}

// due reports whether a report is to be made at this step, and wasn't yet.
func (f *fit) due() bool {
	return f.LossCount > 0 && (f.Steps > 0 && f.Step >= f.Steps || f.Every > 0 && f.Step%f.Every == 0)
}

// report evaluates and tells.
func (f *fit) report(ctx context.Context) error {
	r := Report{Step: f.Step, Train: f.LossSum / float64(f.LossCount), Validation: math.NaN()}
	if f.validation != nil {
		loss, err := f.validate(ctx)
		if err != nil {
			return err
		}
		r.Validation = loss
		point := track.Point{Step: f.Step, Loss: loss, Tokens: f.Tokens}
		f.history.AddValidation(point)
		err = f.observe(track.Evaluation{Point: point, Seconds: f.Seconds})
		r.Metrics = map[string]float64{}
		for _, name := range slices.Sorted(maps.Keys(f.Metrics)) {
			r.Metrics[name] = f.Metrics[name].Value()
			err = errors.Join(err, f.observe(track.Scalar{Step: f.Step, Name: name, Value: r.Metrics[name]}))
		}
		if err != nil {
			return err
		}
	}
	f.LossSum, f.LossCount = 0, 0
	if f.Report != nil {
		return f.Report(r)
	}
	return nil
}

// validate evaluates the model, with averaged weights if the optimizer keeps some, and draws the conclusions.
func (f *fit) validate(ctx context.Context) (loss float64, err error) {
	if a, ok := f.Optimizer.(averaging); ok {
		if err := a.Swap(f.arena); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, a.Swap(f.arena)) }()
	}
	loss, err = f.Evaluate(ctx, f.validation)
	if d, ok := errors.AsType[*DivergedError](err); ok {
		if d.Step = f.Step; f.OnDiverged == StopDiverged {
			return 0, err
		}
		loss, err = d.Value, nil
	}
	if err != nil {
		return 0, err
	}
	f.judge(loss)
	schedule.Observe(f.Schedule, loss)
	if o, ok := f.Optimizer.(interface{ Observe(loss float64) }); ok {
		o.Observe(loss)
	}
	if f.Checkpoint != nil {
		return loss, f.Checkpoint.saveBest(f, loss)
	}
	return loss, nil
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
