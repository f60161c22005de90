package kernel

import "math"

// SoftmaxRow computes dst = e**src / sum(e**src). It returns the largest element of src and log(sum(e**(src-top))): the
// logarithm of the sum is top + logSum, which may have lost all of logSum if top is large. Both are -Inf for an empty
// row. A NaN or +Inf in src, or nothing but -Inf, makes all of dst NaN.
func SoftmaxRow[F Float](dst, src []F) (top F, logSum float64) {
	checkLen(len(dst), len(src))
	if len(src) == 0 {
		return F(math.Inf(-1)), math.Inf(-1)
	}
	im := kernels[F]()
	top = src[0]
	n := len(src) / im.maxUnit * im.maxUnit
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
	return top, math.Log(sum)
}
