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
