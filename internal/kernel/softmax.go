package kernel

import "math"

// SoftmaxRow computes dst = e**src / sum(e**src) and returns the logarithm of the sum. It returns -Inf for an empty row.
func SoftmaxRow[F Float](dst, src []F) (logSumExp float64) {
	checkLen(len(dst), len(src))
	top := F(math.Inf(-1))
	for _, x := range src {
		top = max(top, x)
	}
	for i, x := range src {
		dst[i] = x - top
	}
	Exp(dst, dst)
	sum := Sum(dst)
	Scale(F(1/sum), dst)
	return float64(top) + math.Log(sum)
}
