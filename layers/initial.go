package layers

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

// uniform draws from U(-bound, bound).
func uniform(bound float64) graph.Initializer {
	return func(values []float64, _ []int, rng *rand.Rand) {
		for i := range values {
			values[i] = bound * (2*rng.Float64() - 1)
		}
	}
}

// normal draws from N(0, 1).
func normal(values []float64, _ []int, rng *rand.Rand) {
	for i := range values {
		values[i] = rng.NormFloat64()
	}
}
