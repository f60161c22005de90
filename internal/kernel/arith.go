package kernel

// Add computes dst = a + b.
func Add[F Float](dst, a, b []F) {
	checkLen(len(dst), len(a), len(b))
	for i, x := range a {
		dst[i] = x + b[i]
	}
}

// Sub computes dst = a - b.
func Sub[F Float](dst, a, b []F) {
	checkLen(len(dst), len(a), len(b))
	for i, x := range a {
		dst[i] = x - b[i]
	}
}

// Mul computes dst = a*b, element by element.
func Mul[F Float](dst, a, b []F) {
	checkLen(len(dst), len(a), len(b))
	for i, x := range a {
		dst[i] = x * b[i]
	}
}

// MulAdd computes dst += a*b, element by element.
func MulAdd[F Float](dst, a, b []F) {
	checkLen(len(dst), len(a), len(b))
	for i, x := range a {
		dst[i] += x * b[i]
	}
}

// Axpy computes y += alpha*x.
func Axpy[F Float](alpha F, x, y []F) {
	checkLen(len(x), len(y))
	for i, v := range x {
		y[i] += alpha * v
	}
}

// Scale computes x *= alpha.
func Scale[F Float](alpha F, x []F) {
	for i := range x {
		x[i] *= alpha
	}
}
