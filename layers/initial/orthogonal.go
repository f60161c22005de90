package initial

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"

	"github.com/gobptt/bptt/graph"
)

// Orthogonal (Saxe et al. 2014) draws a matrix [rows, columns] with orthonormal rows or columns, whichever are fewer,
// times gain, as PyTorch and Keras do. It is Q of the QR decomposition of a matrix from N(0, 1), with the signs that make
// the diagonal of R positive: so it is uniformly distributed over all such matrices (Mezzadri 2007). Further dimensions
// count as columns.
//
// A stack of gates [G·H, H] is one matrix here, with orthonormal columns; each gate's block then is no orthogonal matrix,
// but PerGate(G, Orthogonal(gain)) makes it one.
func Orthogonal(gain float64) graph.Initializer {
	return func(values []float64, shape []int, rng *rand.Rand) error {
		const op = "initial.Orthogonal"
		if err := finite(op, "gain", gain); err != nil {
			return err
		}
		if len(shape) < 2 {
			return &graph.ShapeError{Op: op, Got: fmt.Sprint(shape), Want: "[rows, columns, …]"}
		}
		rows, columns := shape[0], len(values)/shape[0]
		if rows >= columns {
			orthonormal(values, rows, columns, gain, rng)
			return nil
		}
		transposed := make([]float64, len(values))
		orthonormal(transposed, columns, rows, gain, rng)
		for i := range rows {
			for j := range columns {
				values[i*columns+j] = transposed[j*rows+i]
			}
		}
		return nil
	}
}

// orthonormal fills q [rows, columns], rows ≥ columns, with orthonormal columns times gain.
func orthonormal(q []float64, rows, columns int, gain float64, rng *rand.Rand) {
	for i := range q {
		q[i] = rng.NormFloat64()
	}
	a := blas64.General{Rows: rows, Cols: columns, Stride: columns, Data: q}
	tau, size := make([]float64, columns), make([]float64, 1)
	lapack64.Geqrf(a, tau, size, -1) // asks for the size
	work := make([]float64, int(size[0]))
	lapack64.Geqrf(a, tau, work, len(work)) // R is in the upper triangle
	factors := make([]float64, columns)
	for j := range factors {
		factors[j] = gain * math.Copysign(1, q[j*columns+j])
	}
	lapack64.Orgqr(a, tau, work, len(work))
	for i := range q {
		q[i] *= factors[i%columns]
	}
}
