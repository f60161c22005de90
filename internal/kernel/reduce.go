package kernel

// Dot returns the sum of x*y, accumulated in float64.
func Dot[F Float](x, y []F) float64 {
	checkLen(len(x), len(y))
	im := kernels[F]()
	n := len(x) / im.sumUnit * im.sumUnit
	s := im.dot(x[:n], y[:n])
	for i, v := range x[n:] {
		s += float64(v) * float64(y[n+i])
	}
	return s
}

// Sum returns the sum of x, accumulated in float64.
func Sum[F Float](x []F) float64 {
	im := kernels[F]()
	n := len(x) / im.sumUnit * im.sumUnit
	s := im.sum(x[:n])
	for _, v := range x[n:] {
		s += float64(v)
	}
	return s
}

// SumSquares returns the sum of x*x, accumulated in float64.
func SumSquares[F Float](x []F) float64 {
	im := kernels[F]()
	n := len(x) / im.sumUnit * im.sumUnit
	s := im.sumSquares(x[:n])
	for _, v := range x[n:] {
		s += float64(v) * float64(v)
	}
	return s
}

// ColSums computes dst[j] = beta*dst[j] + sum over i of A[i,j] for the m×n matrix A with the threads of p, adding the rows
// in order. If beta is 0, dst is overwritten without being read.
func ColSums[F Float](p *Pool, m, n int, a []F, lda int, beta F, dst []F) {
	checkMatrix("A", len(a), m, n, lda)
	checkLen(n, len(dst))
	switch beta {
	case 0:
		clear(dst)
	case 1:
	default:
		Scale(beta, dst)
	}
	if m == 0 || n == 0 {
		return
	}
	t := getColSumsTask[F]()
	*t = colSumsTask[F]{m, lda, first(a), dst, min(p.Threads(), 1+m*n/minWork)}
	p.Run(t.chunks, t)
	putColSumsTask(t)
}

// colSumsTask is one ColSums, divided by columns.
type colSumsTask[F Float] struct {
	m, lda int
	a      *F
	dst    []F
	chunks int
}

func (t *colSumsTask[F]) Chunk(i, _ int) {
	if from, to := Split(len(t.dst), 16, i, t.chunks); from < to {
		kernels[F]().addRows(t.dst[from:to], t.m, at(t.a, from), t.lda)
	}
}
