package kernel

import "math"

func exps[F Float](dst, src []F) {
	for i, x := range src {
		dst[i] = F(exp(float64(x)))
	}
}

func expSub[F Float](dst, src []F, shift F) {
	for i, x := range src {
		dst[i] = F(exp(float64(x - shift)))
	}
}

func sigmoids[F Float](dst, src []F) {
	for i, x := range src {
		dst[i] = sigmoid(x)
	}
}

func tanhs[F Float](dst, src []F) {
	for i, x := range src {
		dst[i] = tanh(x)
	}
}

// exp corrects math.Exp, which on some processors overflows a little early.
func exp(x float64) float64 {
	if x > 709 {
		return math.Exp(x-1) * math.E
	}
	return math.Exp(x)
}

// sigmoid keeps its relative accuracy where e**-x would overflow.
func sigmoid[F Float](x F) F {
	e := math.Exp(-math.Abs(float64(x)))
	if x < 0 {
		return F(e / (1 + e))
	}
	return F(1 / (1 + e))
}

func tanh[F Float](x F) F { return F(math.Tanh(float64(x))) }

func add[F Float](dst, a, b []F) {
	for i, x := range a {
		dst[i] = x + b[i]
	}
}

func sub[F Float](dst, a, b []F) {
	for i, x := range a {
		dst[i] = x - b[i]
	}
}

func mul[F Float](dst, a, b []F) {
	for i, x := range a {
		dst[i] = x * b[i]
	}
}

func mulAdd[F Float](dst, a, b []F) {
	for i, x := range a {
		dst[i] += x * b[i]
	}
}

func axpy[F Float](x, y []F, alpha F) {
	for i, v := range x {
		y[i] += alpha * v
	}
}

func scale[F Float](x []F, alpha F) {
	for i := range x {
		x[i] *= alpha
	}
}

func sum[F Float](x []F) float64 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return s
}

func sumSquares[F Float](x []F) float64 {
	var s float64
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s
}

func dot[F Float](x, y []F) float64 {
	var s float64
	for i, v := range x {
		s += float64(v) * float64(y[i])
	}
	return s
}

func maximum[F Float](x []F) F {
	top := x[0]
	for _, v := range x[1:] {
		top = max(top, v)
	}
	return top
}

func addRows[F Float](dst []F, rows int, a *F, lda int) {
	for i := range rows {
		add(dst, dst, slice(at(a, i*lda), len(dst)))
	}
}
