package initial

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

// Constant sets all values to v.
func Constant(v float64) graph.Initializer {
	return func(values []float64, _ []int, _ *rand.Rand) error {
		if err := finite("initial.Constant", "value", v); err != nil {
			return err
		}
		for i := range values {
			values[i] = v
		}
		return nil
	}
}

// Identity sets a square matrix [H, H] to scale·I. With scale 1 for weight_hh, zero biases and weight_ih from
// N(0, 0.001²), a ReLU RNN is the IRNN of Le, Jaitly and Hinton 2015.
func Identity(scale float64) graph.Initializer {
	return func(values []float64, shape []int, _ *rand.Rand) error {
		const op = "initial.Identity"
		if err := finite(op, "scale", scale); err != nil {
			return err
		}
		if len(shape) != 2 || shape[0] != shape[1] {
			return &graph.ShapeError{Op: op, Got: fmt.Sprint(shape), Want: "[H, H]"}
		}
		clear(values)
		for i := range shape[0] {
			values[i*shape[0]+i] = scale
		}
		return nil
	}
}

func finite(op, name string, v float64) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return &graph.ArgumentError{Op: op, Name: name, Got: fmt.Sprint(v), Want: "a finite number"}
	}
	return nil
}
