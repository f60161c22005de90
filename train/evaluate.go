package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/missing"
	"github.com/gobptt/bptt/train/bptt"
)

// measured is the name of the model's output in programs that Metrics look at.
const measured = "measured by Trainer.Metrics"

// resetMetrics begins a measurement.
func (t *Trainer) resetMetrics() error {
	for name, m := range t.Metrics {
		if missing.Value(m) {
			return &ArgumentError{Name: fmt.Sprintf("Metrics[%q]", name), Got: "nil", Want: "a value"}
		}
		m.Reset()
	}
	return nil
}

// evaluation runs the next window of an evaluation, and measures it.
func (t *Trainer) evaluation(r *bptt.Run) (bptt.Result, error) {
	window := t.ValidationWindow
	if window == 0 {
		window = 64
	}
	result, batch, err := bptt.Evaluate(r, window)
	if err != nil {
		return result, err
	}
	for name, m := range t.Metrics {
		if err := m.Add(result.Program.Output(measured), batch); err != nil {
			return result, fmt.Errorf("metric %q: %w", name, err)
		}
	}
	if math.IsNaN(result.Loss) {
		return result, &DivergedError{What: "validation loss", Value: result.Loss, Err: result.Program.FirstNonFinite(t.Model.Params()...)}
	}
	return result, nil
}

// Evaluate returns the mean loss over one epoch of data, from zero states, with dropout off. The Metrics have their values
// over the same data then. With a loss of NaN comes a *DivergedError that says where it began.
func (t *Trainer) Evaluate(ctx context.Context, data Data) (float64, error) {
	if ctx == nil {
		return 0, &ArgumentError{Name: "ctx", Got: "nil", Want: "a context"}
	}
	if missing.Value(t.Model) || missing.Value(t.Loss) || missing.Value(data) {
		return 0, &ArgumentError{Name: "Model, Loss or data", Got: "nil", Want: "a value"}
	}
	if err := t.prepare(); err != nil {
		return 0, err
	}
	if err := t.resetMetrics(); err != nil {
		return 0, err
	}
	data.Rewind()
	run := &bptt.Run{Data: data, Programs: t.programs, States: graph.States{}}
	sum, weight, windows := 0.0, 0.0, 0
	var diverged *DivergedError
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		r, err := t.evaluation(run)
		if err == io.EOF {
			break
		}
		if d, ok := errors.AsType[*DivergedError](err); ok { // and on, for the metrics
			diverged = cmp.Or(diverged, d)
		} else if err != nil {
			return 0, err
		}
		sum += r.Loss * r.Weight
		weight += r.Weight
		windows++
	}
	if diverged != nil {
		return diverged.Value, diverged
	}
	if windows == 0 {
		return 0, empty("data")
	}
	if weight == 0 {
		return 0, nil
	}
	return sum / weight, nil
}
