package kernel

// Add computes dst = a + b.
func Add[F Float](dst, a, b []F) {
	checkLen(len(dst), len(a), len(b))
	kernels[F]().add(dst, a, b)
}

// Sub computes dst = a - b.
func Sub[F Float](dst, a, b []F) {
	checkLen(len(dst), len(a), len(b))
	kernels[F]().sub(dst, a, b)
}

// Mul computes dst = a*b, element by element.
func Mul[F Float](dst, a, b []F) {
	checkLen(len(dst), len(a), len(b))
	kernels[F]().mul(dst, a, b)
}

// MulAdd computes dst += a*b, element by element.
func MulAdd[F Float](dst, a, b []F) {
	checkLen(len(dst), len(a), len(b))
	kernels[F]().mulAdd(dst, a, b)
}

// Axpy computes y += alpha*x.
func Axpy[F Float](alpha F, x, y []F) {
	checkLen(len(x), len(y))
	kernels[F]().axpy(x, y, alpha)
}

// Scale computes x *= alpha.
func Scale[F Float](alpha F, x []F) { kernels[F]().scale(x, alpha) }
