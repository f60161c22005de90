package kernel

import "math"

// SoftmaxRow computes dst = e**src / sum(e**src) and returns the logarithm of the sum. It returns -Inf for an empty row. A
// NaN or +Inf in src, or nothing but -Inf, makes all of dst NaN.
func SoftmaxRow[F Float](dst, src []F) (logSumExp float64) {
	checkLen(len(dst), len(src))
	if len(src) == 0 {
		return math.Inf(-1)
	}
	im := kernels[F]()
	top, n := src[0], len(src)/im.maxUnit*im.maxUnit
	if n > 0 {
		top = im.maximum(src[:n])
	}
	for _, x := range src[n:] {
		if x > top || top != top {
			top = x
		}
	}
	im.expSub(dst, src, top)
	sum := Sum(dst)
	Scale(F(1/sum), dst)
	return float64(top) + math.Log(sum)
}
