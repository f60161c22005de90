package kernel

import "fmt"

// Packed is the right operand of a product in the layout of the micro-kernel, packed once and multiplied many times. The
// zero value is a 0×0 matrix, ready to use. After Pack any number of goroutines may call Mul at once.
type Packed[F Float] struct {
	k, n int
	data []F
}

// Pack stores op(B), a k×n matrix: B or, if trans is set, its transpose. It reuses the memory of an earlier Pack.
func (q *Packed[F]) Pack(trans bool, k, n int, b []F, ldb int) {
	if trans {
		checkMatrix("B", len(b), n, k, ldb)
	} else {
		checkMatrix("B", len(b), k, n, ldb)
	}
	q.k, q.n = k, n
	if cap(q.data) < k*n {
		q.data = make([]F, k*n)
	}
	q.data = q.data[:k*n]
	for i := range k {
		for j := range n {
			if trans {
				q.data[i*n+j] = b[j*ldb+i]
			} else {
				q.data[i*n+j] = b[i*ldb+j]
			}
		}
	}
}

// Align returns the width of a panel. The column ranges given to Mul begin at multiples of it and end at one or at the
// last column.
func (q *Packed[F]) Align() int { return 16 }

// Mul computes C[:, from:to] = A·op(B)[:, from:to] + beta*C[:, from:to] on the calling goroutine, where A is m×k. c starts at row
// 0 and column 0 of C. If beta is 0, C is overwritten without being read. A row of the result has the same bits whatever
// m, from and to are.
func (q *Packed[F]) Mul(m int, a []F, lda int, beta F, c []F, ldc int, from, to int) {
	if from < 0 || to > q.n || from%q.Align() != 0 || to%q.Align() != 0 && to != q.n {
		panic(fmt.Sprintf("kernel: column range %d to %d of %d is not aligned to %d", from, to, q.n, q.Align()))
	}
	checkMatrix("A", len(a), m, q.k, lda)
	checkMatrix("C", len(c), m, to, ldc)
	for i := range m {
		row := c[i*ldc+from : i*ldc+to]
		if beta == 0 {
			clear(row)
		} else {
			Scale(beta, row)
		}
		for p := range q.k {
			Axpy(a[i*lda+p], q.data[p*q.n+from:p*q.n+to], row)
		}
	}
}
