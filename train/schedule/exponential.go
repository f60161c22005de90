package schedule

import "math"

var _ Schedule = Exponential{}

// Exponential multiplies the factor by Gamma after every step: Gamma^step.
type Exponential struct {
	Gamma float64 // required, above 0
}

// Factor returns the factor for a step.
func (s Exponential) Factor(step int) float64 {
	if s.Check() != nil {
		return math.NaN()
	}
	return math.Pow(s.Gamma, float64(step))
}

// Check returns an error if an option is out of its range.
func (s Exponential) Check() error {
	return check("schedule.Exponential", number{"Gamma", s.Gamma, math.SmallestNonzeroFloat64, inf})
}
