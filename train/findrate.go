package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/optim"
)

// FindRate makes a range test of a training on data, with the trainer's strategy, clipping and optimizer, but without its
// Schedule. The data begin anew, also where an epoch ends. A loss or gradient that isn't finite ends the test.
// Afterwards the weights, the optimizer and Random are as they were before, and the data at their start.
func (t *Trainer) FindRate(ctx context.Context, data Data, test RangeTest) (curve RateCurve, err error) {
	if ctx == nil {
		return nil, &ArgumentError{Name: "ctx", Got: "nil", Want: "a context"}
	}
	trial := *t
	trial.Schedule, trial.Checkpoint, trial.Observer, trial.Flow, trial.Report = nil, nil, nil, nil, nil
	trial.Steps, trial.Epochs, trial.Patience, trial.OnDiverged = 1, 0, 0, StopDiverged
	if t.Random != nil {
		random := *t.Random
		trial.Random = &random
	}
	f := trial.newFit(data, nil)
	if err := f.begin(f.Optimizer); err != nil {
		return nil, err
	}
	t.arena, t.programs = trial.arena, trial.programs
	rated, ok := t.Optimizer.(interface{ Rate() float64 })
	if !ok {
		return nil, &ArgumentError{Name: "Optimizer", Got: fmt.Sprintf("%T, which has no method Rate", t.Optimizer), Want: "one that tells its learning rate"}
	}
	weights, memory := cloned(f.arena.Values), clonedState(t.Optimizer.State())
	restore := func() error {
		f.pass.Rewind()
		t.Optimizer.Restore(clonedState(memory))
		return f.arena.Values.Copy(weights)
	}
	defer func() { err = errors.Join(err, restore()) }()

	// One update at the optimizer's own rate tells what that is.
	if _, err := f.trial(ctx); err != nil {
		return nil, err
	}
	base := rated.Rate()
	if !(base > 0) {
		return nil, &ArgumentError{Name: "Optimizer", Got: fmt.Sprintf("%T with a learning rate of %v", t.Optimizer, base), Want: "a rate above 0, of which others are multiples"}
	}
	if err := restore(); err != nil {
		return nil, err
	}
	return test.Run(func(rate float64) (float64, error) {
		f.Rate = rate / base
		loss, err := f.trial(ctx)
		if _, ok := errors.AsType[*DivergedError](err); ok {
			return math.NaN(), nil
		}
		return loss, err
	})
}

// trial makes an update, of a new epoch if the data are at their end, and returns the loss before.
func (f *fit) trial(ctx context.Context) (loss float64, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		r, _, _, err := f.update()
		if err == io.EOF {
			if err := f.nextEpoch(ctx); err != nil {
				return 0, err
			}
			continue
		}
		f.Step++
		f.Windows++
		return r.Loss, err
	}
}

func cloned(t *graph.Tensor) *graph.Tensor {
	c := graph.NewTensor(t.DType(), t.Shape...)
	if err := c.Copy(t); err != nil {
		panic("train: " + err.Error()) // it has the same shape
	}
	return c
}

func clonedState(s optim.State) optim.State {
	c := optim.State{Steps: s.Steps, Moments: maps.Clone(s.Moments), Numbers: maps.Clone(s.Numbers)}
	for name, m := range c.Moments {
		c.Moments[name] = cloned(m)
	}
	return c
}
