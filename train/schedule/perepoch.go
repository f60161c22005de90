package schedule

import "math"

var _ Composite = PerEpoch{}

// PerEpoch makes a step of another schedule once in an epoch of so many steps.
type PerEpoch struct {
	Steps    int // required, at least 1
	Schedule Schedule
}

// Factor returns the factor for a step.
func (s PerEpoch) Factor(step int) float64 {
	if s.Check() != nil {
		return math.NaN()
	}
	return s.Schedule.Factor(step / s.Steps)
}

// Check returns an error if an option is out of its range.
func (s PerEpoch) Check() error {
	if err := check("schedule.PerEpoch", number{"Steps", float64(s.Steps), 1, inf}); err != nil {
		return err
	}
	return checkParts("schedule.PerEpoch", s.Schedule)
}

// Parts returns the other schedule.
func (s PerEpoch) Parts() []Schedule { return []Schedule{s.Schedule} }
