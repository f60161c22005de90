package train

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
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
