package schedule

import "math"

var _ Schedule = Linear{}

// Linear goes from one factor to another in a straight line, and stays there. PyTorch's defaults are 1/3, 1 and 5 steps.
type Linear struct {
	From, To float64
	Steps    int // required, at least 1
}

// Factor returns the factor for a step.
func (s Linear) Factor(step int) float64 {
	if s.Check() != nil {
		return math.NaN()
	}
	return s.From + (s.To-s.From)*fraction(step, s.Steps)
}

// Check returns an error if an option is out of its range.
func (s Linear) Check() error {
	return check("schedule.Linear", number{"From", s.From, 0, inf}, number{"To", s.To, 0, inf}, number{"Steps", float64(s.Steps), 1, inf})
}
