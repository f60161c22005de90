package schedule

import "math"

var _ Schedule = Cosine{}

// Cosine falls to Min in so many steps (Loshchilov and Hutter 2017): Min + (1 - Min)·(1 + cos(π·step/Steps))/2. Then it
// stays there; PyTorch's CosineAnnealingLR would rise again.
type Cosine struct {
	Steps int // required, at least 1
	Min   float64
}

// Factor returns the factor for a step.
func (s Cosine) Factor(step int) float64 {
	if s.Check() != nil {
		return math.NaN()
	}
	return cosine(1, s.Min, fraction(step, s.Steps))
}

// Check returns an error if an option is out of its range.
func (s Cosine) Check() error {
	return check("schedule.Cosine", number{"Steps", float64(s.Steps), 1, inf}, number{"Min", s.Min, 0, 1})
}

// cosine goes from one value to another along half a wave.
func cosine(from, to, fraction float64) float64 {
	return to + (from-to)*(1+math.Cos(math.Pi*fraction))/2
}
