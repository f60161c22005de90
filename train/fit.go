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
	"github.com/gobptt/bptt/internal/missing"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/track"
)

// fit is one call of Fit, FindRate or Minimize.
type fit struct {
	*Trainer
	data, validation Data
	pass             *bptt.Run
	history          *track.History
	progressed

	sum     optim.Accumulator // of the gradients of one update
	damaged []error           // saves that were skipped, of which the observer is still to be told
	saved   int               // the last step that was saved, -1 if none
	bad     int               // updates in a row that diverged
}

// newFit is one of a trainer, before its first update.
func (t *Trainer) newFit(data, validation Data) *fit {
	return &fit{Trainer: t, data: data, validation: validation, history: &track.History{}, progressed: progressed{Rate: 1}}
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

// begin checks the fields and prepares the first update, by the Trainer's optimizer or another one.
func (f *fit) begin(optimizer any) error {
	if err := f.check(optimizer); err != nil {
		return err
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
	if missing.Value(f.Observer) {
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
	norm, scale, err := f.clip()
	if err != nil {
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
	if scale < 1 {
		err = f.Optimizer.(scaler).StepScaled(f.arena, factor, scale)
	} else {
		err = f.Optimizer.Step(f.arena, factor)
	}
	if err != nil {
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
	if missing.Value(f.Observer) {
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

// scaler is an optimizer that can multiply the gradients by a factor in its own pass over them, which spares one.
type scaler interface {
	StepScaled(a *graph.Arena, factor, scale float64) error
}

// clip limits the gradient, or leaves it to the optimizer to multiply it by scale, if that is below 1. It returns the norm
// that it had.
func (f *fit) clip() (norm, scale float64, err error) {
	_, ok := f.Optimizer.(scaler)
	switch {
	case f.Clip != nil:
		norm, err = f.Clip.Clip(f.arena)
	case f.ClipNorm > 0 && ok && f.Flow == nil: // which looks at clipped gradients
		norm = f.arena.GradNorm()
		return norm, optim.ClipFactor(norm, f.ClipNorm), nil
	case f.ClipNorm > 0:
		norm, err = optim.ClipNorm(f.arena, f.ClipNorm)
	default:
		norm = f.arena.GradNorm()
	}
	return norm, 1, err
}

func (f *fit) finite(what string, v float64, p *graph.Program) error {
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		return nil
	}
	return &DivergedError{Step: f.Step + 1, What: what, Value: v, Err: p.FirstNonFinite(f.Model.Params()...)}
}

// stop ends a run: it saves what is not saved yet.
func (f *fit) stop(err error) error {
	if f.Checkpoint != nil && f.saved != f.Step {
		if failed := f.Checkpoint.save(f); failed != nil {
			return failed
		}
	}
	return err
}
