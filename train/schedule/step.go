package schedule

import "math"

var _ Schedule = Step{}

// Step multiplies the factor by Gamma after every so many steps: Gamma^⌊step/Every⌋.
type Step struct {
	Every int     // required, at least 1
	Gamma float64 // 0 means 0.1
}

// Factor returns the factor for a step.
func (s Step) Factor(step int) float64 {
	if s.Check() != nil {
		return math.NaN()
	}
	return math.Pow(orDefault(s.Gamma, 0.1), float64(step/s.Every))
}

// Check returns an error if an option is out of its range.
func (s Step) Check() error {
	return check("schedule.Step", number{"Every", float64(s.Every), 1, inf}, number{"Gamma", s.Gamma, 0, inf})
}
