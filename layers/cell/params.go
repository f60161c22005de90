package cell

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

// between draws from U(low, high).
func between(low, high float64) graph.Initializer {
	return func(values []float64, shape []int, rng *rand.Rand) error {
		if err := graph.Uniform((high-low)/2)(values, shape, rng); err != nil {
			return err
		}
		for i := range values {
			values[i] += (low + high) / 2
		}
		return nil
	}
}

// all sets every value to v. It draws nothing.
func all(v float64) graph.Initializer {
	return func(values []float64, _ []int, _ *rand.Rand) error {
		for i := range values {
			values[i] = v
		}
		return nil
	}
}

// withBias appends a bias that may be missing.
func withBias(params []graph.NamedParam, name string, p *graph.Param) []graph.NamedParam {
	if p == nil {
		return params
	}
	return append(params, graph.NamedParam{Name: name, Param: p})
}
