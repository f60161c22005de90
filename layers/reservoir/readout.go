package reservoir

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/gobptt/bptt/internal/kernel"
)

// Readout is the linear output layer y = W·x + b, in the layout of layers.Linear. Ridge and RLS fit one.
type Readout struct {
	Weight *mat.Dense // W [outputs, features]
	Bias   []float64  // b [outputs]
}

// Predict returns the outputs [T, outputs] for the states [T, features] of a sequence. Another width is a
// *graph.ShapeError, a number that isn't finite a *graph.ArgumentError.
func (r *Readout) Predict(states *mat.Dense) (*mat.Dense, error) {
	const op = "Readout.Predict"
	outputs, features, err := r.size(op)
	if err != nil {
		return nil, err
	}
	if err := checkMatrix(op, "states", states, features); err != nil {
		return nil, err
	}
	steps := states.RawMatrix().Rows
	if err := checkSteps(op, steps, outputs); err != nil {
		return nil, err
	}
	y := mat.NewDense(steps, outputs, nil)
	for t := range steps {
		r.apply(y.RawRowView(t), states.RawRowView(t))
	}
	return y, nil
}

// PredictStep is Predict for one time step: the outputs [outputs] for a state [features].
func (r *Readout) PredictStep(state []float64) ([]float64, error) {
	const op = "Readout.PredictStep"
	outputs, features, err := r.size(op)
	if err != nil {
		return nil, err
	}
	if err := checkVector(op, "state", state, features); err != nil {
		return nil, err
	}
	y := make([]float64, outputs)
	r.apply(y, state)
	return y, nil
}

func (r *Readout) apply(y, state []float64) {
	for k := range y {
		y[k] = r.Bias[k] + kernel.Dot(r.Weight.RawRowView(k), state)
	}
}

// size checks that the fields fit together.
func (r *Readout) size(op string) (outputs, features int, err error) {
	if r == nil || r.Weight == nil || r.Weight.IsEmpty() {
		return 0, 0, shapeError(op, "a readout without weight", "[outputs features]")
	}
	outputs, features = r.Weight.Dims()
	if len(r.Bias) != outputs {
		got := fmt.Sprintf("a readout with weight [%d %d] and bias [%d]", outputs, features, len(r.Bias))
		return 0, 0, shapeError(op, got, fmt.Sprintf("bias [%d]", outputs))
	}
	return outputs, features, nil
}
