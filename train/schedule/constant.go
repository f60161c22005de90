package schedule

import "math"

var _ Schedule = Constant{}

// Constant is the same factor at all steps. It is useful as a part of a Sequence.
type Constant struct {
	Value float64 // 0 means 1
}

// Factor returns Value.
func (s Constant) Factor(int) float64 {
	if s.Check() != nil {
		return math.NaN()
	}
	return orDefault(s.Value, 1)
}

// Check returns an error if an option is out of its range.
func (s Constant) Check() error { return check("schedule.Constant", number{"Value", s.Value, 0, inf}) }
