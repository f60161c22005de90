package schedule

import "math"

var _ Schedule = InverseSqrt{}

// InverseSqrt rises in a straight line and then falls with the square root of the step (Vaswani et al. 2017, scaled so
// that its highest value is 1): with t = step + 1, min(t/Warmup, √(Warmup/t)).
type InverseSqrt struct {
	Warmup int // required, at least 1
}

// Factor returns the factor for a step.
func (s InverseSqrt) Factor(step int) float64 {
	if s.Check() != nil {
		return math.NaN()
	}
	t := (float64(step) + 1) / float64(s.Warmup)
	return min(t, 1/math.Sqrt(t))
}

// Check returns an error if an option is out of its range.
func (s InverseSqrt) Check() error {
	return check("schedule.InverseSqrt", number{"Warmup", float64(s.Warmup), 1, inf})
}
