package kernel

// Exp computes dst = e**src.
func Exp[F Float](dst, src []F) {
	checkLen(len(dst), len(src))
	kernels[F]().exp(dst, src)
}

// Sigmoid computes dst = 1/(1+e**-src).
func Sigmoid[F Float](dst, src []F) {
	checkLen(len(dst), len(src))
	kernels[F]().sigmoid(dst, src)
}

// Tanh computes the hyperbolic tangent of src.
func Tanh[F Float](dst, src []F) {
	checkLen(len(dst), len(src))
	kernels[F]().tanh(dst, src)
}

// TanhBackward computes dx = dy*(1-y*y), the gradient of y = tanh(x). dx may be y or dy.
func TanhBackward[F Float](dx, y, dy []F) {
	checkLen(len(dx), len(y), len(dy))
	kernels[F]().tanhBackward(dx, y, dy)
}
