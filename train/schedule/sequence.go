package schedule

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/graph"
)

var _ Composite = Sequence(nil)

// Sequence is one schedule after another, each from its step 0 on, PyTorch's SequentialLR:
//
//	schedule.Sequence{
//		{Steps: 500, Schedule: schedule.Linear{From: 0, To: 1, Steps: 500}},
//		{Steps: 8000, Schedule: schedule.Constant{}},
//		{Schedule: schedule.Linear{From: 1, To: 0, Steps: 1500}},
//	}
type Sequence []Phase

// Phase is a part of a Sequence.
type Phase struct {
	Steps    int // at least 1; in the last phase it doesn't matter
	Schedule Schedule
}

// Factor returns the factor for a step.
func (s Sequence) Factor(step int) float64 {
	if s.Check() != nil {
		return math.NaN()
	}
	i := 0
	for i < len(s)-1 && step >= s[i].Steps {
		step -= s[i].Steps
		i++
	}
	return s[i].Schedule.Factor(step)
}

// Check returns an error if an option is out of its range.
func (s Sequence) Check() error {
	for i := range len(s) - 1 {
		if s[i].Steps < 1 {
			return &graph.ArgumentError{Op: "schedule.Sequence", Name: fmt.Sprintf("Steps of phase %d", i), Got: fmt.Sprint(s[i].Steps),
				Want: "at least 1"}
		}
	}
	return checkParts("schedule.Sequence", s.Parts()...)
}

// Parts returns the schedules.
func (s Sequence) Parts() []Schedule {
	parts := make([]Schedule, len(s))
	for i, p := range s {
		parts[i] = p.Schedule
	}
	return parts
}
