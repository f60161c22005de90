package train

import (
	"context"
	"fmt"
	"io"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/bptt"
)

// averaging is an optimizer that keeps an average of the weights, such as optim.EMA.
type averaging interface{ Swap(a *graph.Arena) error }

// SwapAverage exchanges the model's weights and their average, if the Optimizer keeps one, such as optim.EMA: after
// training, for the use of the model. A second call exchanges them back. Evaluation during training does so by itself.
func (t *Trainer) SwapAverage() error {
	a, ok := t.Optimizer.(averaging)
	if !ok || t.arena == nil {
		return &ArgumentError{Name: "Optimizer", Got: fmt.Sprintf("%T, which has no average of a training", t.Optimizer), Want: "one that keeps an average, after Fit"}
	}
	return a.Swap(t.arena)
}

// measured is the name of the model's output in programs that Metrics look at.
const measured = "measured by Trainer.Metrics"

// Evaluate returns the mean loss over one epoch of data, from zero states, with dropout off. The Metrics have their values
// over the same data then.
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
	for name, m := range t.Metrics {
		if m == nil {
			return 0, &ArgumentError{Name: fmt.Sprintf("Metrics[%q]", name), Got: "nil", Want: "a value"}
		}
		m.Reset()
	}
	data.Rewind()
	run := &bptt.Run{Data: data, Programs: t.programs, States: graph.States{}}
	sum, weight, windows := 0.0, 0.0, 0
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		r, batch, err := bptt.Evaluate(run, window)
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, err
		}
		for name, m := range t.Metrics {
			if err := m.Add(r.Program.Output(measured), batch); err != nil {
				return 0, fmt.Errorf("metric %q: %w", name, err)
			}
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
