package schedule

import "math"

var _ Schedule = Polynomial{}

// Polynomial falls to Min in so many steps, and stays there: Min + (1 - Min)·(1 - step/Steps)^Power.
type Polynomial struct {
	Steps int     // required, at least 1
	Power float64 // 0 means 1
	Min   float64 // 0 in PyTorch
}

// Factor returns the factor for a step.
func (s Polynomial) Factor(step int) float64 {
	if s.Check() != nil {
		return math.NaN()
	}
	return s.Min + (1-s.Min)*math.Pow(1-fraction(step, s.Steps), orDefault(s.Power, 1))
}

// Check returns an error if an option is out of its range.
func (s Polynomial) Check() error {
	return check("schedule.Polynomial", number{"Steps", float64(s.Steps), 1, inf}, number{"Power", s.Power, 0, inf},
		number{"Min", s.Min, 0, 1})
}
