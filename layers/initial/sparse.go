package initial

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

// Sparse (Martens 2010) draws a matrix [rows, columns] from N(0, std²), and sets the given part of each column, rounded
// up, to 0, as PyTorch does.
func Sparse(sparsity, std float64) graph.Initializer {
	return func(values []float64, shape []int, rng *rand.Rand) error {
		const op = "initial.Sparse"
		if !(sparsity >= 0 && sparsity <= 1) {
			return &graph.ArgumentError{Op: op, Name: "sparsity", Got: fmt.Sprint(sparsity), Want: "0 to 1"}
		}
		if err := finite(op, "std", std); err != nil {
			return err
		}
		if len(shape) != 2 {
			return &graph.ShapeError{Op: op, Got: fmt.Sprint(shape), Want: "[rows, columns]"}
		}
		if err := graph.Normal(std)(values, shape, rng); err != nil {
			return err
		}
		rows, columns := shape[0], shape[1]
		zeros := int(math.Ceil(sparsity * float64(rows)))
		for j := range columns {
			for _, i := range rng.Perm(rows)[:zeros] {
				values[i*columns+j] = 0
			}
		}
		return nil
	}
}
