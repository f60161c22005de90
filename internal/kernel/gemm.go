package kernel

// Gemm computes C = alpha*op(A)*op(B) + beta*C with the threads of p, where op(X) is X or, if its trans flag is set, its
// transpose. op(A) is m×k, op(B) is k×n and C is m×n. If beta is 0, C is overwritten without being read. C must not
// overlap A or B.
func Gemm[F Float](p *Pool, transA, transB bool, m, n, k int, alpha F, a []F, lda int, b []F, ldb int, beta F, c []F, ldc int) {
	if transA {
		checkMatrix("A", len(a), k, m, lda)
	} else {
		checkMatrix("A", len(a), m, k, lda)
	}
	if transB {
		checkMatrix("B", len(b), n, k, ldb)
	} else {
		checkMatrix("B", len(b), k, n, ldb)
	}
	checkMatrix("C", len(c), m, n, ldc)
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		if beta == 0 {
			clear(row)
		} else {
			Scale(beta, row)
		}
		for q := range k {
			var x F
			if transA {
				x = alpha * a[q*lda+i]
			} else {
				x = alpha * a[i*lda+q]
			}
			if transB {
				for j := range row {
					row[j] += x * b[j*ldb+q]
				}
			} else {
				Axpy(x, b[q*ldb:q*ldb+n], row)
			}
		}
	}
}
