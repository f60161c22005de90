package graph

import "math/rand/v2"

// Initializer fills the values of a new parameter of the given shape. An error says that it can't: a shape that it isn't
// for, or an argument that it was made with. Package layers/initial has more of them.
type Initializer func(values []float64, shape []int, rng *rand.Rand) error

// Uniform draws from U(-bound, bound).
func Uniform(bound float64) Initializer {
	return func(values []float64, _ []int, rng *rand.Rand) error {
		if rng == nil {
			return noSource("Uniform")
		}
		for i := range values {
			values[i] = bound * (2*rng.Float64() - 1)
		}
		return nil
	}
}

// Normal draws from N(0, std²).
func Normal(std float64) Initializer {
	return func(values []float64, _ []int, rng *rand.Rand) error {
		if rng == nil {
			return noSource("Normal")
		}
		for i := range values {
			values[i] = std * rng.NormFloat64()
		}
		return nil
	}
}

func noSource(op string) error {
	return &ArgumentError{Op: op, Name: "random source", Got: "nil", Want: "a *rand.Rand"}
}

// Zeros sets all values to 0. It draws nothing: the source may be nil.
func Zeros(values []float64, _ []int, _ *rand.Rand) error {
	clear(values)
	return nil
}
