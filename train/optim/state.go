package optim

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/graph"
)

// State is what an optimizer remembers between steps, for checkpoints: the number of steps made, and flat tensors in the
// order of the arena.
type State struct {
	Steps   int64
	Moments map[string]*graph.Tensor
}

// memory is the part that optimizers share.
type memory struct {
	steps   int64
	moments map[string]*graph.Tensor
}

// State returns the optimizer's memory. The tensors are the optimizer's own.
func (m *memory) State() State { return State{m.steps, m.moments} }

// Restore takes over a state that State returned, of an optimizer of the same kind for the same parameters. The next
// Step checks the sizes.
func (m *memory) Restore(s State) { m.steps, m.moments = s.Steps, s.Moments }

// moment returns a flat tensor as long as the arena, zeros at first.
func (m *memory) moment(name string, a *graph.Arena) (*graph.Tensor, error) {
	t := m.moments[name]
	switch {
	case t == nil:
		if m.moments == nil {
			m.moments = map[string]*graph.Tensor{}
		}
		t = graph.NewTensor(a.Values.DType(), a.Values.Len())
		m.moments[name] = t
	case t.Len() != a.Values.Len() || t.DType() != a.Values.DType():
		return nil, &graph.ShapeError{Op: "optimizer state " + name,
			Got:  fmt.Sprintf("%d values of %v", t.Len(), t.DType()),
			Want: fmt.Sprintf("%d of %v, as the parameters have", a.Values.Len(), a.Values.DType())}
	}
	return t, nil
}

// orDefault is the value of an option whose zero means the default.
func orDefault(v, standard float64) float64 {
	if v == 0 {
		return standard
	}
	return v
}

// inRange checks that low ≤ v < high.
func inRange(optimizer, name string, v, low, high float64) error {
	if v >= low && v < high {
		return nil
	}
	want := fmt.Sprintf("%v or more and below %v", low, high)
	if math.IsInf(high, 1) {
		want = fmt.Sprintf("%v or more", low)
	}
	return &graph.ArgumentError{Op: optimizer, Name: name, Got: fmt.Sprint(v), Want: want}
}
