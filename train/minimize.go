package train

import (
	"context"
	"errors"
	"io"
	"math"
	"time"

	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/track"
)

// Minimize lowers the loss on all data at once by L-BFGS, which takes a small problem to its minimum in far fewer passes
// than an optimizer that is given a gradient at a time. An iteration counts as a step: Every, Patience, Report, Metrics and
// the Observer go by it, and the history has the loss and the gradient's norm after it.
//
// The loss is the mean over an epoch, which is read once and held in memory, from zero states and with the same dropout masks
// at every evaluation. BPTT must give its exact gradient, as bptt.Full and bptt.Checkpointed do: where another's leads to no
// lower loss, the search ends. So may it if the model adds costs of its own to the gradient only, as Auxiliary does.
//
// Optimizer, Steps and Epochs are Fit's alone, so that a model trained by Fit can be finished by Minimize. What else is
// about Fit's updates must not be set: Clip, ClipNorm, Schedule, Accumulate, OnDiverged, Checkpoint and Flow. The history is
// never nil. After an error, such as the context's end, the model has the best weights found. Further calls go on with what
// the optimizer knows of the curvature.
func (t *Trainer) Minimize(ctx context.Context, data, validation Data, optimizer *optim.LBFGS) (*track.History, optim.Minimum, error) {
	trial := *t
	f := trial.newFit(data, validation)
	if ctx == nil {
		return f.history, optim.Minimum{}, &ArgumentError{Name: "ctx", Got: "nil", Want: "a context"}
	}
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"ClipNorm", t.ClipNorm != 0}, {"Clip", t.Clip != nil}, {"Schedule", t.Schedule != nil},
		{"Accumulate", t.Accumulate != 0 && t.Accumulate != 1}, {"OnDiverged", t.OnDiverged != StopDiverged},
		{"Checkpoint", t.Checkpoint != nil}, {"Flow", t.Flow != nil},
	} {
		if field.set {
			return f.history, optim.Minimum{}, &ArgumentError{Name: field.name, Got: "set", Want: "its zero value in Minimize"}
		}
	}
	trial.Optimizer, trial.Accumulate = nil, math.MaxInt // all of an epoch
	trial.Steps, trial.Epochs = 0, 1
	if optimizer != nil {
		trial.Steps = max(optimizer.Iterations, 0)
	}
	if err := f.begin(optimizer); err != nil {
		return f.history, optim.Minimum{}, err
	}
	f.pass.Data = &epoch{Data: data, ctx: ctx}
	t.arena, t.programs = trial.arena, trial.programs
	var m optim.Minimum
	err := f.observed(ctx, func(ctx context.Context) (err error) {
		m, err = f.minimize(ctx, optimizer)
		return err
	})
	return f.history, m, err
}

// minimize runs the optimizer.
func (f *fit) minimize(ctx context.Context, o *optim.LBFGS) (optim.Minimum, error) {
	random, first := *f.Random, true
	defer func() { *f.Random = random }()
	targets, begun := 0, time.Now() // since the last iteration
	cost := func() (float64, error) {
		*f.Random = random
		f.pass.Rewind()
		r, err := f.gradient()
		if err == io.EOF {
			err = empty("data")
		}
		if first && err == nil {
			err = f.finite("gradient norm", f.arena.GradNorm(), r.Program)
		}
		if _, ok := errors.AsType[*DivergedError](err); ok && !first { // the search shortens its step
			f.sum = optim.Accumulator{}
			return math.NaN(), nil
		}
		first = false
		targets += r.Targets
		return r.Loss, err
	}
	stopped := errors.New("stopped early")
	told := o.Iterated
	defer func() { o.Iterated = told }()
	o.Iterated = func(m optim.Minimum) error {
		err := f.updated(ctx, bptt.Result{Loss: m.Cost, Targets: targets}, f.arena.GradNorm(), 0, time.Since(begun))
		targets, begun = 0, time.Now()
		if err == nil && told != nil {
			err = told(m)
		}
		if err == nil && f.Stopped {
			err = stopped
		}
		return err
	}
	m, err := o.Minimize(f.arena, cost)
	if err == stopped {
		return m, nil
	}
	if err == nil && f.LossCount > 0 {
		err = f.report(ctx)
	}
	return m, err
}
