package track

import (
	"fmt"
	"math"
	"strconv"
)

// loss writes a loss with four decimals, where these say something.
func loss(v float64) string {
	if size := math.Abs(v); size != 0 && (size < 1e-3 || size >= 1e5) {
		return fmt.Sprintf("%.3e", v)
	}
	return fmt.Sprintf("%.4f", v)
}

// perplexity writes a perplexity with about four digits.
func perplexity(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.3f", v)
	case v < 1e3:
		return fmt.Sprintf("%.1f", v)
	case v < 1e6:
		return fmt.Sprintf("%.0f", v)
	default:
		return fmt.Sprintf("%.2e", v)
	}
}

// thousands writes a whole number with a comma after every three digits.
func thousands(v float64) string {
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	first := 0
	if v < 0 {
		first = 1
	}
	for i := len(digits) - 3; i > first; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// duration writes seconds as 8s, 12m03s, 2h05m or 3d04h.
func duration(seconds float64) string {
	switch s := int64(min(seconds+0.5, 1e15)); {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	default:
		return fmt.Sprintf("%dd%02dh", s/(24*3600), s/3600%24)
	}
}

// rate writes a rate as 950, 52.3k or 1.2M.
func rate(v float64) string {
	switch {
	case v < 1e3:
		return fmt.Sprintf("%.0f", v)
	case v < 1e6:
		return fmt.Sprintf("%.1fk", v/1e3)
	default:
		return fmt.Sprintf("%.1fM", v/1e6)
	}
}
