package reservoir

import (
	"fmt"
	"runtime"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gobptt/bptt/internal/kernel"
)

// Ridge fits a readout by ridge regression: W and b that minimize
//
//	Σ_t |W·x(t) + b - y(t)|² + λ·|W|²
//
// over the states x(t) and targets y(t) of all sequences that were added. The bias isn't penalized, so the mean of the
// targets doesn't matter. It keeps sums only, so sequences may be long, or come in pieces, and Solve may be called for
// several λ, to choose the one that does best on other data. The zero value is ready for use.
type Ridge struct {
	features, outputs int
	steps             int
	origin            []float64 // the first state, taken off all x below: it spares digits when the means are taken off
	x, y              []float64 // Σ x [features], Σ y [outputs]
	xx, xy            []float64 // Σ x·xᵀ [features, features], Σ x·yᵀ [features, outputs]
	block             []float64 // [blockSteps, features]
	pool              *kernel.Pool
}

const blockSteps = 256

// Add adds a sequence: states [T, features] and targets [T, outputs]. Its first steps, washout in number, don't count:
// the states still depend there on what the reservoir began with. Shapes that don't fit are a *graph.ShapeError;
// numbers that aren't finite, and a washout that leaves nothing, a *graph.ArgumentError. Nothing is added then.
func (r *Ridge) Add(states, targets *mat.Dense, washout int) error {
	const op = "Ridge.Add"
	features, outputs := r.features, r.outputs
	if r.steps == 0 {
		features, outputs = anyWidth, anyWidth
	}
	if err := checkMatrix(op, "states", states, features); err != nil {
		return err
	}
	if err := checkMatrix(op, "targets", targets, outputs); err != nil {
		return err
	}
	x, y := states.RawMatrix(), targets.RawMatrix()
	if y.Rows != x.Rows {
		return shapeError(op, fmt.Sprintf("targets of %d steps", y.Rows), fmt.Sprintf("%d, as many as states", x.Rows))
	}
	if washout < 0 || washout >= x.Rows {
		return argumentError(op, "washout", washout, fmt.Sprintf("0 to %d, less than the sequence", x.Rows-1))
	}
	features, outputs = x.Cols, y.Cols
	if features > maxElements/max(features, outputs) {
		got := fmt.Sprintf("%d features and %d outputs", features, outputs)
		return shapeError(op, got, fmt.Sprintf("features² and features·outputs up to %d", maxElements))
	}
	if r.steps == 0 {
		*r = Ridge{
			features: features, outputs: outputs,
			origin: slices.Clone(states.RawRowView(washout)),
			x:      make([]float64, features), y: make([]float64, outputs),
			xx: make([]float64, features*features), xy: make([]float64, features*outputs),
			block: make([]float64, blockSteps*features),
			pool:  kernel.NewPool(runtime.GOMAXPROCS(0)),
		}
	}
	r.steps += x.Rows - washout
	for at := washout; at < x.Rows; at += blockSteps {
		steps := min(blockSteps, x.Rows-at)
		for t := range steps {
			kernel.Sub(r.block[t*features:][:features], states.RawRowView(at+t), r.origin)
		}
		ys := y.Data[at*y.Stride:]
		kernel.ColSums(r.pool, steps, features, r.block, features, 1, r.x)
		kernel.ColSums(r.pool, steps, outputs, ys, y.Stride, 1, r.y)
		kernel.Gemm(r.pool, true, false, features, features, steps, 1, r.block, features, r.block, features, 1, r.xx, features)
		kernel.Gemm(r.pool, true, false, features, outputs, steps, 1, r.block, features, ys, y.Stride, 1, r.xy, outputs)
	}
	return nil
}

// Solve returns the readout for λ ≥ 0. Values of 1e-8 to 1 are common. If the states are linearly dependent, as far as
// double precision can tell, λ must make up for it; too small a λ is a *graph.ArgumentError.
func (r *Ridge) Solve(lambda float64) (*Readout, error) {
	const op = "Ridge.Solve"
	if r.steps == 0 {
		return nil, argumentError(op, "number of steps added", 0, "at least 1")
	}
	if !finite(lambda) || lambda < 0 {
		return nil, argumentError(op, "lambda", lambda, "a number of at least 0")
	}
	// With x and y less their means, the best bias is 0, so W solves (Σ x·xᵀ + λ·I)·Wᵀ = Σ x·yᵀ in these x and y.
	n, m, steps := r.features, r.outputs, float64(r.steps)
	left, right, uncertain := mat.NewSymDense(n, nil), mat.NewDense(n, m, nil), make([]float64, n)
	for i := range n {
		mean := r.x[i] / steps
		for j := i; j < n; j++ {
			left.SetSym(i, j, r.xx[i*n+j]-mean*r.x[j])
		}
		left.SetSym(i, i, left.At(i, i)+lambda)
		uncertain[i] = 10 * float64(n) * 0x1p-52 * (r.xx[i*n+i] + lambda) // each unknown and the means cost some ε
		for k := range m {
			right.Set(i, k, r.xy[i*m+k]-mean*r.y[k])
		}
	}
	weight := mat.NewDense(n, m, nil)
	if !solve(weight, left, right, uncertain) {
		got := fmt.Sprintf("%g, which leaves the equations singular to double precision", lambda)
		return nil, argumentError(op, "lambda", got, "a larger one")
	}
	readout := &Readout{Weight: mat.DenseCopyOf(weight.T()), Bias: make([]float64, m)}
	for k := range m {
		w := readout.Weight.RawRowView(k)
		readout.Bias[k] = (r.y[k]-kernel.Dot(w, r.x))/steps - kernel.Dot(w, r.origin)
	}
	return readout, nil
}

// solve solves left·x = right by Cholesky's factors, if left is positive definite and x finite. A pivot, what the
// equations before leave of a diagonal element, must be larger than what is uncertain of that by rounding.
func solve(x *mat.Dense, left *mat.SymDense, right *mat.Dense, uncertain []float64) bool {
	var factor mat.Cholesky
	if !factor.Factorize(left) {
		return false
	}
	upper := factor.RawU()
	for i, least := range uncertain {
		if root := upper.At(i, i); !(root*root > least) {
			return false
		}
	}
	// SolveTo may complain of the condition number. The pivots have said more: that number takes features on different
	// scales for dependent ones.
	if err := factor.SolveTo(x, right); err != nil {
		if _, condition := err.(mat.Condition); !condition {
			return false
		}
	}
	return !slices.ContainsFunc(x.RawMatrix().Data, func(v float64) bool { return !finite(v) })
}
