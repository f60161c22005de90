package schedule

import "math"

var _ Composite = Warmup{}

// Warmup rises in a straight line to where another schedule begins, which then follows from its step 0 on:
// (From + (1 - From)·step/Steps) times the other's first factor.
type Warmup struct {
	Steps    int // required, at least 1
	From     float64
	Schedule Schedule // nil means a constant
}

// Factor returns the factor for a step.
func (s Warmup) Factor(step int) float64 {
	switch {
	case s.Check() != nil:
		return math.NaN()
	case step >= s.Steps:
		return s.after().Factor(step - s.Steps)
	}
	return (s.From + (1-s.From)*fraction(step, s.Steps)) * s.after().Factor(0)
}

func (s Warmup) after() Schedule {
	if s.Schedule == nil {
		return Constant{}
	}
	return s.Schedule
}

// Check returns an error if an option is out of its range.
func (s Warmup) Check() error {
	if err := check("schedule.Warmup", number{"Steps", float64(s.Steps), 1, inf}, number{"From", s.From, 0, 1}); err != nil {
		return err
	}
	return s.after().Check()
}

// Parts returns the schedule that follows.
func (s Warmup) Parts() []Schedule { return []Schedule{s.after()} }
