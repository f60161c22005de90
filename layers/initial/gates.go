package initial

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gobptt/bptt/graph"
)

// PerGate fills each of the stacked blocks of a parameter [gates·H, …] by itself, as if it were [H, …]: 4 blocks for an
// LSTM, 3 for a GRU.
func PerGate(gates int, init graph.Initializer) graph.Initializer {
	return blocks("initial.PerGate", gates, func(int) graph.Initializer { return init })
}

// Gates fills the stacked blocks of a parameter [G·H, …] with an initializer each, in the order of the cell's gates:
// i, f, g, o for an LSTM, and r, z, n for a GRU.
func Gates(each ...graph.Initializer) graph.Initializer {
	return blocks("initial.Gates", len(each), func(gate int) graph.Initializer { return each[gate] })
}

func blocks(op string, gates int, init func(gate int) graph.Initializer) graph.Initializer {
	return func(values []float64, shape []int, rng *rand.Rand) error {
		if gates < 1 {
			return &graph.ArgumentError{Op: op, Name: "number of gates", Got: fmt.Sprint(gates), Want: "1 or more"}
		}
		if len(shape) == 0 || shape[0]%gates != 0 {
			return &graph.ShapeError{Op: op, Got: fmt.Sprint(shape), Want: fmt.Sprintf("[%d·H, …]", gates)}
		}
		block, size := slices.Clone(shape), len(values)/gates
		block[0] /= gates
		for gate := range gates {
			fill := init(gate)
			if fill == nil {
				return &graph.ArgumentError{Op: op, Name: fmt.Sprint("initializer of gate ", gate), Got: "nil", Want: "an initializer"}
			}
			if err := fill(values[gate*size:][:size], block, rng); err != nil {
				return err
			}
		}
		return nil
	}
}

// ForgetBias sets the forget gate's part of an LSTM's bias [4·H] to v and the rest to 0 (Gers et al. 2000; Jozefowicz et
// al. 2015 advise 1). It is for one of bias_ih and bias_hh, since the gate gets their sum; graph.Zeros is for the other.
func ForgetBias(v float64) graph.Initializer {
	return Gates(graph.Zeros, Constant(v), graph.Zeros, graph.Zeros)
}

// Chrono (Tallec and Ollivier 2018) draws an LSTM's bias [4·H] for dependencies of up to longest time steps, 2 or more:
//
//	b_f = log u, u from U(1, longest-1)
//	b_i = -b_f
//
// and sets the rest to 0. So a unit forgets within 1/(1-f) = 1+u steps, between 2 and longest. It is for one of bias_ih
// and bias_hh, since the gates get their sum; graph.Zeros is for the other.
func Chrono(longest int) graph.Initializer {
	return func(values []float64, shape []int, rng *rand.Rand) error {
		const op = "initial.Chrono"
		if longest < 2 {
			return &graph.ArgumentError{Op: op, Name: "longest", Got: fmt.Sprint(longest), Want: "2 or more time steps"}
		}
		if len(shape) != 1 || shape[0]%4 != 0 {
			return &graph.ShapeError{Op: op, Got: fmt.Sprint(shape), Want: "[4·H], an LSTM's bias"}
		}
		clear(values)
		h := shape[0] / 4
		for j := range h {
			forget := math.Log(1 + rng.Float64()*float64(longest-2))
			values[j], values[h+j] = -forget, forget
		}
		return nil
	}
}
