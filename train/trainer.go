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
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/track"
)

// Trainer fits a model. The first five fields are required. Model, Loss, Threads and whether there is a Flow must not change
// after the first use.
type Trainer struct {
	Model     Model
	Loss      Loss
	Optimizer Optimizer
	BPTT      Strategy
	Steps     int // updates to reach in all, those before a resumption included

	ClipNorm float64   // largest norm of the gradient; 0 means no clipping
	Random   *rand.PCG // of dropout masks; nil means rand.NewPCG(1, 1). A PCG, since a checkpoint stores its state.
	Threads  int       // 0 means as many as runtime.GOMAXPROCS; the results are the same

	Every            int // steps between evaluations on the validation data, with a Report; 0 means only the last
	ValidationWindow int // time steps that evaluation computes at once; 0 means 64. The state is carried between.
	Report           func(Report) error
	Progress         *track.Progress // nil means none
	Checkpoint       *Checkpoint     // nil means none

	// Flow collects how the gradients flow; nil: nothing is collected. It isn't part of a checkpoint.
	Flow *track.GradientFlow

	arena    *graph.Arena
	programs *bptt.Programs
}

// Report is what a Trainer tells at every evaluation.
type Report struct {
	Step       int
	Train      float64 // mean training loss since the last report
	Validation float64 // NaN without validation data
}

// Fit trains until Steps updates are made, an error occurs, or the context ends; then, if there is a Checkpoint, it
// saves, except where the loss diverged or not even the first update succeeded. The validation data may be nil. The
// history is never nil, also with an error.
func (t *Trainer) Fit(ctx context.Context, data, validation Data) (*track.History, error) {
	f := &fit{Trainer: t, data: data, validation: validation, history: &track.History{}}
	if err := f.begin(); err != nil {
		return f.history, err
	}
	err := f.run(ctx)
	t.Progress.Finish()
	return f.history, err
}

// fit is one call of Fit.
type fit struct {
	*Trainer
	data, validation Data
	pass             *bptt.Run
	history          *track.History

	step    int
	tokens  int64
	seconds float64 // spent on steps, in all
	saved   int     // the last step that was saved, -1 if none

	sum   float64 // of the losses since the last report
	count int
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
	}{{"Steps", f.Steps, 1}, {"Every", f.Every, 0}, {"ValidationWindow", f.ValidationWindow, 0}, {"Threads", f.Threads, 0}} {
		if n.value < n.low {
			return &ArgumentError{Name: n.name, Got: fmt.Sprint(n.value), Want: fmt.Sprintf("%d or more", n.low)}
		}
	}
	if !(f.ClipNorm >= 0) {
		return &ArgumentError{Name: "ClipNorm", Got: fmt.Sprint(f.ClipNorm), Want: "0 or more"}
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
	if f.Checkpoint != nil {
		return f.Checkpoint.open(f)
	}
	return nil
}

// prepare moves the parameters into an arena.
func (t *Trainer) prepare() error {
	if t.arena != nil {
		return nil
	}
	arena, err := graph.NewArena(t.Model.Params())
	if err != nil {
		return err
	}
	arena.Threads = t.Threads
	t.arena = arena
	t.programs = &bptt.Programs{
		Options: graph.Options{DType: arena.Values.DType(), Threads: t.Threads, Observe: t.Flow != nil},
		Write: func(b *graph.Builder) *graph.Node {
			return t.Loss.Cost(b, t.Model.Apply(b, b.Input(seqdata.Input)))
		},
	}
	return nil
}

func (f *fit) run(ctx context.Context) error {
	f.Progress.Start(f.step, f.Steps)
	begun, done := f.seconds, f.tokens
	if f.due() { // the run was stopped during this report
		if err := f.report(ctx); err != nil {
			return f.stop(err)
		}
	}
	for f.step < f.Steps {
		if err := ctx.Err(); err != nil {
			return f.stop(err)
		}
		start := time.Now()
		r, norm, err := f.update()
		if err != nil {
			if _, diverged := errors.AsType[*DivergedError](err); diverged || f.step == 0 {
				return err
			}
			return f.stop(err)
		}
		f.step++
		f.tokens += int64(r.Targets)
		f.seconds += time.Since(start).Seconds()
		f.sum, f.count = f.sum+r.Loss, f.count+1
		f.history.AddTrain(track.Point{Step: f.step, Loss: r.Loss, GradNorm: norm, Tokens: f.tokens, Seconds: f.seconds})
		f.Progress.Step(track.Step{Step: f.step, Total: f.Steps, Loss: f.sum / float64(f.count), TokensPerSecond: float64(f.tokens-done) / (f.seconds - begun)})

		if f.due() {
			if err := f.report(ctx); err != nil {
				return f.stop(err)
			}
		}
		if c := f.Checkpoint; c != nil && c.Every > 0 && f.step%c.Every == 0 {
			if err := c.save(f); err != nil {
				return err
			}
		}
	}
	return f.stop(nil)
}

// update makes one step: gradient, norm, clipping, optimizer.
func (f *fit) update() (bptt.Result, float64, error) {
	r, err := f.BPTT.Gradient(f.pass)
	if err == io.EOF { // a new epoch begins
		f.pass.Rewind()
		r, err = f.BPTT.Gradient(f.pass)
		if err == io.EOF {
			return r, 0, &ArgumentError{Name: "data", Got: "empty", Want: "at least one window in an epoch"}
		}
	}
	if err != nil {
		return r, 0, fmt.Errorf("step %d: %w", f.step+1, err)
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
	factor := 1.0
	if r.Rate > 0 {
		factor = r.Rate
	}
	f.Flow.BeforeStep(f.arena, norm)
	if err := f.Optimizer.Step(f.arena, factor); err != nil {
		return r, norm, err
	}
	f.Flow.AfterStep(f.step+1, f.arena, r.Recordings)
	return r, norm, nil
}

func (f *fit) finite(what string, v float64, p *graph.Program) error {
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		return nil
	}
	return &DivergedError{Step: f.step + 1, What: what, Value: v, Err: p.FirstNonFinite()}
}

// due reports whether a report is to be made at this step, and wasn't yet.
func (f *fit) due() bool {
	return f.count > 0 && (f.step >= f.Steps || f.Every > 0 && f.step%f.Every == 0)
}

// report evaluates and tells.
func (f *fit) report(ctx context.Context) error {
	r := Report{Step: f.step, Train: f.sum / float64(f.count), Validation: math.NaN()}
	if f.validation != nil {
		loss, err := f.Evaluate(ctx, f.validation)
		if err != nil {
			return err
		}
		r.Validation = loss
		f.history.AddValidation(track.Point{Step: f.step, Loss: loss, Tokens: f.tokens, Seconds: f.seconds})
	}
	f.sum, f.count = 0, 0
	if f.Report != nil {
		return f.Report(r)
	}
	return nil
}

// stop ends a run in good order.
func (f *fit) stop(err error) error {
	if f.Checkpoint != nil && f.saved != f.step {
		if failed := f.Checkpoint.save(f); failed != nil {
			return failed
		}
	}
	return err
}

// Evaluate returns the mean loss over one epoch of data, from zero states, with dropout off.
func (t *Trainer) Evaluate(ctx context.Context, data Data) (float64, error) {
	if t.Model == nil || t.Loss == nil || data == nil {
		return 0, &ArgumentError{Name: "Model, Loss or data", Got: "nil", Want: "a value"}
	}
	if err := t.prepare(); err != nil {
		return 0, err
	}
	window := t.ValidationWindow
	if window == 0 {
		window = 64
	}
	data.Rewind()
	run := &bptt.Run{Data: data, Programs: t.programs, States: graph.States{}}
	sum, weight, windows := 0.0, 0.0, 0
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		r, err := bptt.Evaluate(run, window)
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, err
		}
		sum += r.Loss * r.Weight
		weight += r.Weight
		windows++
	}
	if windows == 0 {
		return 0, &ArgumentError{Name: "data", Got: "empty", Want: "at least one window in an epoch"}
	}
	if weight == 0 {
		return 0, nil
	}
	return sum / weight, nil
}
