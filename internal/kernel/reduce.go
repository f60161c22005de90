package kernel

// Dot returns the sum of x*y, accumulated in float64.
func Dot[F Float](x, y []F) float64 {
	checkLen(len(x), len(y))
	var s float64
	for i, v := range x {
		s += float64(v) * float64(y[i])
	}
	return s
}

// Sum returns the sum of x, accumulated in float64.
func Sum[F Float](x []F) float64 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return s
}

// SumSquares returns the sum of x*x, accumulated in float64.
func SumSquares[F Float](x []F) float64 {
	var s float64
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s
}

// ColSums computes dst[j] = beta*dst[j] + sum over i of A[i,j] for the m×n matrix A, adding the rows in order. If beta is
// 0, dst is overwritten without being read.
func ColSums[F Float](m, n int, a []F, lda int, beta F, dst []F) {
	checkMatrix("A", len(a), m, n, lda)
	checkLen(n, len(dst))
	if beta == 0 {
		clear(dst)
	} else {
		Scale(beta, dst)
	}
	for i := range m {
		Add(dst, dst, a[i*lda:i*lda+n])
	}
}
