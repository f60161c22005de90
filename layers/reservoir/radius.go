package reservoir

import (
	"math"
	"math/cmplx"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/gobptt/bptt/internal/kernel"
)

const (
	firstLook = 40    // dimension at which the eigenvalues are looked at first, then at each one and a half times as large
	exact     = 1e-10 // relative size of what is left of a vector, or of an eigenvector's error, that is taken for none
)

// spectralRadius returns the largest modulus of an eigenvalue, or 0 if the eigenvalues aren't found. The method is
// Arnoldi's (1951): it projects the matrix onto the Krylov space of x, S·x, S²·x, …, and enlarges that space until
// the projection's largest eigenvalue is one of the matrix.
//
// The eigenvalues of a random matrix fill a disc (Girko's circular law), so many of them, in complex pairs, are about
// as large as the largest. The power method would take a great many steps to tell them apart. A dense method takes time
// of the order of size³, seconds for a thousand units. Here a space of a fraction of the dimensions does, and the
// matrix is only needed for sparse products. At the latest when the space is the whole one, as it soon is for small
// matrices, the result is that of a dense method.
func (s *sparse) spectralRadius() float64 {
	start := make([]float64, s.size)
	fillUniform(start, 1, rand.New(rand.NewPCG(1, 2))) // any that is orthogonal to no eigenvector
	kernel.Scale(1/norm(start), start)
	basis := [][]float64{start}
	var columns [][]float64 // of the projection, a Hessenberg matrix, with the element below the diagonal
	for dimension := firstLook; ; dimension += dimension / 2 {
		invariant := false
		for len(columns) < min(dimension, s.size) && !invariant {
			next := make([]float64, s.size)
			s.mulAdd(next, basis[len(basis)-1])
			before := norm(next)
			column := make([]float64, len(basis)+1)
			for range 2 { // the second time removes what rounding left: then the basis is orthogonal to precision
				for i, v := range basis {
					c := kernel.Dot(v, next)
					column[i] += c
					kernel.Axpy(-c, v, next)
				}
			}
			after := norm(next)
			column[len(basis)] = after
			columns = append(columns, column)
			if invariant = after <= exact*before; !invariant {
				kernel.Scale(1/after, next)
				basis = append(basis, next)
			}
		}
		radius, left := largestEigenvalue(columns)
		if invariant || len(columns) == s.size || left <= exact*radius {
			return radius
		}
	}
}

func norm(x []float64) float64 { return math.Sqrt(kernel.SumSquares(x)) }

// largestEigenvalue returns the largest modulus of an eigenvalue of a projection, and how far its vector is from being
// an eigenvector of the matrix that was projected.
func largestEigenvalue(columns [][]float64) (radius, left float64) {
	n := len(columns)
	h := mat.NewDense(n, n, nil)
	for j, c := range columns {
		for i := range min(j+2, n) {
			h.Set(i, j, c[i])
		}
	}
	var eigen mat.Eigen
	if !eigen.Factorize(h, mat.EigenRight) {
		return 0, 0
	}
	var vectors mat.CDense
	eigen.VectorsTo(&vectors)
	for j, v := range eigen.Values(nil) {
		if r := cmplx.Abs(v); r > radius {
			radius, left = r, columns[n-1][n]*cmplx.Abs(vectors.At(n-1, j))
		}
	}
	return radius, left
}
