package kernel

import "math"

// Exp computes dst = e**src.
func Exp[F Float](dst, src []F) {
	checkLen(len(dst), len(src))
	for i, x := range src {
		dst[i] = F(math.Exp(float64(x)))
	}
}

// Sigmoid computes dst = 1/(1+e**-src).
func Sigmoid[F Float](dst, src []F) {
	checkLen(len(dst), len(src))
	for i, x := range src {
		dst[i] = sigmoid(x)
	}
}

// Tanh computes the hyperbolic tangent of src.
func Tanh[F Float](dst, src []F) {
	checkLen(len(dst), len(src))
	for i, x := range src {
		dst[i] = tanh(x)
	}
}

// sigmoid keeps its relative accuracy where e**-x would overflow.
func sigmoid[F Float](x F) F {
	if x < 0 {
		e := math.Exp(float64(x))
		return F(e / (1 + e))
	}
	return F(1 / (1 + math.Exp(-float64(x))))
}

func tanh[F Float](x F) F { return F(math.Tanh(float64(x))) }
