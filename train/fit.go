package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/schedule"
	"github.com/gobptt/bptt/train/track"
)

// fit is one call of Fit.
type fit struct {
	*Trainer
	data, validation Data
	pass             *bptt.Run
	history          *track.History
	progressed

	sum optim.Accumulator // of the gradients of one update

	damaged []error // saves that were skipped, of which the observer is still to be told

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

// begin checks all fields but Optimizer, in whose place another one may be used, and prepares the first update.
func (f *fit) begin(optimizer any) error {
	required := []struct {
		name    string
		missing bool
	}{
		{"Model", none(f.Model)}, {"Loss", none(f.Loss)}, {"Optimizer", none(optimizer)},
		{"BPTT", none(f.BPTT)}, {"data", none(f.data)},
		// These may be left out, but not by a nil pointer, which is what comes of an error that wasn't looked at.
		{"validation data", f.validation != nil && none(f.validation)},
		{"Clip", f.Clip != nil && none(f.Clip)}, {"Schedule", f.Schedule != nil && none(f.Schedule)},
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
		{"Patience", f.Patience, 0}, {"Accumulate", f.Accumulate, 0}, {"Threads", f.Threads, 0}} {
		if n.value < n.low {
			return &ArgumentError{Name: n.name, Got: fmt.Sprint(n.value), Want: fmt.Sprintf("%d or more", n.low)}
		}
	}
	switch {
	case f.Steps == 0 && f.Epochs == 0:
		return &ArgumentError{Name: "Steps", Got: "0, and so is Epochs", Want: "one of them above 0"}
	case !(f.ClipNorm >= 0):
		return &ArgumentError{Name: "ClipNorm", Got: fmt.Sprint(f.ClipNorm), Want: "0 or more"}
	case f.ClipNorm > 0 && f.Clip != nil:
		return &ArgumentError{Name: "Clip", Got: "set, and ClipNorm too", Want: "one of the two"}
	case reflect.ValueOf(f.data).Kind() == reflect.Pointer && f.validation == f.data:
		return &ArgumentError{Name: "validation data", Got: "the training data", Want: "data of their own, or nil: an evaluation goes back to their start"}
	case f.Patience > 0 && f.validation == nil:
		return &ArgumentError{Name: "Patience", Got: fmt.Sprint(f.Patience, " without validation data"), Want: "0, or data"}
	case f.OnDiverged < StopDiverged || f.OnDiverged > RollBackDiverged:
		return &ArgumentError{Name: "OnDiverged", Got: fmt.Sprint(int(f.OnDiverged)), Want: "StopDiverged, SkipDiverged or RollBackDiverged"}
	case f.OnDiverged == RollBackDiverged && f.Checkpoint == nil:
		return &ArgumentError{Name: "OnDiverged", Got: "RollBackDiverged without a Checkpoint", Want: "a Checkpoint to roll back to"}
	}
	if f.Schedule != nil {
		if err := f.Schedule.Check(); err != nil {
			return err
		}
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
		return f.rehearse()
	}
	if err := f.Checkpoint.open(f); err != nil {
		return err
	}
	if err := f.rehearse(); err != nil || f.OnDiverged != RollBackDiverged || f.saved >= 0 {
		return err
	}
	return f.Checkpoint.save(f) // there must be something to roll back to
}

// unit is that of the loss, if it says.
func (t *Trainer) unit() string {
	if l, ok := t.Loss.(interface{ Unit() string }); ok {
		return l.Unit()
	}
	return ""
}

// observed makes a run that the observer, if there is one, is told of.
func (f *fit) observed(ctx context.Context, run func(context.Context) error) error {
	f.history.Unit = f.unit()
	if none(f.Observer) {
		return run(ctx)
	}
	if err := f.Observer.Start(ctx, f.begun()); err != nil {
		return err
	}
	err := run(ctx)
	return errors.Join(err, f.Observer.End(err))
}

// begun is the run as it begins or goes on, for observers.
func (f *fit) begun() track.Run {
	return track.Run{Step: f.Step, Steps: f.Steps, Tokens: f.Tokens, Seconds: f.Seconds, History: f.history, Unit: f.history.Unit}
}

// none reports whether there is no value, also where an interface holds a nil pointer.
func none(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil()
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

func (f *fit) run(ctx context.Context) error {
	for _, d := range f.damaged {
		if err := f.observe(track.Text{Step: f.Step, Name: "checkpoint", Text: d.Error()}); err != nil {
			return f.stop(err)
		}
	}
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
		r, norm, rate, err := f.update()
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
		if err := f.updated(ctx, r, norm, rate, time.Since(start)); err != nil {
			return f.stop(err)
		}
		if c := f.Checkpoint; c != nil && c.Every > 0 && f.Step%c.Every == 0 {
			if err := c.save(f); err != nil {
				return err
			}
		}
	}
	return f.stop(nil)
}

// updated takes note of an update, tells of it, and evaluates if it is time to.
func (f *fit) updated(ctx context.Context, r bptt.Result, norm, rate float64, took time.Duration) error {
	f.bad = 0
	f.Step++
	f.Windows++
	f.Tokens += int64(r.Targets)
	f.Seconds += took.Seconds()
	f.LossSum, f.LossCount = f.LossSum+r.Loss, f.LossCount+1
	point := track.Point{Step: f.Step, Loss: r.Loss, GradNorm: norm, Rate: rate, Tokens: f.Tokens}
	f.history.AddTrain(point)
	if err := errors.Join(f.observe(track.Update{Point: point, Seconds: f.Seconds}), f.flow(r.Recordings)); err != nil {
		return err
	}
	if f.due() {
		return f.report(ctx)
	}
	return nil
}

// finished reports whether training is done.
func (f *fit) finished() bool {
	return f.Stopped || f.Steps > 0 && f.Step >= f.Steps || f.Epochs > 0 && f.Epoch >= f.Epochs
}

// nextEpoch goes back to the start of the data.
func (f *fit) nextEpoch(ctx context.Context) error {
	if f.Windows == 0 {
		return empty("data")
	}
	f.Epoch++
	f.Windows = 0
	f.pass.Rewind()
	if f.LossCount > 0 && f.Epochs > 0 && (f.Every == 0 || f.finished()) {
		return f.report(ctx)
	}
	return nil
}

// update makes one step: gradient, norm, clipping, optimizer. It returns the norm before clipping and the learning rate, and
// io.EOF at the end of an epoch.
func (f *fit) update() (r bptt.Result, norm, rate float64, err error) {
	if r, err = f.gradient(); err != nil {
		return r, 0, 0, err
	}
	if norm, err = f.clip(); err != nil {
		return r, 0, 0, err
	}
	if err := f.finite("gradient norm", norm, r.Program); err != nil {
		return r, 0, 0, err
	}
	factor := f.Rate
	if r.Rate > 0 {
		factor *= r.Rate
	}
	if f.Schedule != nil {
		factor *= f.Schedule.Factor(f.Step)
	}
	f.Flow.BeforeStep(f.arena, norm)
	if err := f.Optimizer.Step(f.arena, factor); err != nil {
		return r, norm, 0, err
	}
	f.Flow.AfterStep(f.Step+1, f.arena, r.Recordings)
	if o, ok := f.Optimizer.(interface{ Rate() float64 }); ok {
		rate = o.Rate()
	}
	return r, norm, rate, nil
}

// flow tells the observer of what the programs have recorded.
func (f *fit) flow(recordings []graph.Recording) error {
	for _, r := range recordings {
		err := f.observe(track.Flow{Step: f.Step, State: r.State, Norms: r.Norms})
		for _, g := range r.Gates {
			err = errors.Join(err, f.observe(track.Histogram{Step: f.Step, Name: r.State + " " + g.Name, Low: g.From, High: g.To, Counts: g.Bins}))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// observe tells the observer, if there is one.
func (f *fit) observe(e track.Event) error {
	if none(f.Observer) {
		return nil
	}
	return f.Observer.Observe(e)
}

// gradient leaves the gradient of an update in the arena: that of the next part of the data, or the mean of several.
func (f *fit) gradient() (bptt.Result, error) {
	var all bptt.Result
	parts := max(f.Accumulate, 1)
	for i := range parts {
		r, err := f.BPTT.Gradient(f.pass)
		if err == io.EOF && i > 0 {
			break
		}
		if err == io.EOF {
			return r, err
		}
		if err != nil {
			return r, fmt.Errorf("step %d: %w", f.Step+1, err)
		}
		if err := f.finite("loss", r.Loss, r.Program); err != nil {
			return r, err
		}
		if parts == 1 {
			return r, nil
		}
		if err := f.sum.Add(f.arena, r.Weight); err != nil {
			return r, err
		}
		r.Loss = all.Loss*all.Weight + r.Loss*r.Weight
		r.Targets += all.Targets
		r.Weight += all.Weight
		if r.Weight > 0 {
			r.Loss /= r.Weight
		}
		all = r
	}
	return all, f.sum.Mean(f.arena)
}

// clip limits the gradient, and returns the norm that it had.
func (f *fit) clip() (float64, error) {
	switch {
	case f.Clip != nil:
		return f.Clip.Clip(f.arena)
	case f.ClipNorm > 0:
		return optim.ClipNorm(f.arena, f.ClipNorm)
	}
	return f.arena.GradNorm(), nil
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

// stop ends a run in good order.
func (f *fit) stop(err error) error {
	if f.Checkpoint != nil && f.saved != f.Step {
		if failed := f.Checkpoint.save(f); failed != nil {
			return failed
		}
	}
	return err
}
