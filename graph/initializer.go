package graph

import "math/rand/v2"

// Initializer fills the values of a new parameter of the given shape.
type Initializer func(values []float64, shape []int, rng *rand.Rand)

// Uniform draws from U(-bound, bound).
func Uniform(bound float64) Initializer {
	return func(values []float64, _ []int, rng *rand.Rand) {
		for i := range values {
			values[i] = bound * (2*rng.Float64() - 1)
		}
	}
}

// Normal draws from N(0, std²).
func Normal(std float64) Initializer {
	return func(values []float64, _ []int, rng *rand.Rand) {
		for i := range values {
			values[i] = std * rng.NormFloat64()
		}
	}
}

// Zeros sets all values to 0. It draws nothing: the source may be nil.
func Zeros(values []float64, _ []int, _ *rand.Rand) { clear(values) }
