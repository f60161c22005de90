package schedule

import (
	"fmt"
	"math"
	"slices"

	"github.com/gobptt/bptt/graph"
)

var _ Schedule = MultiStep{}

// MultiStep multiplies the factor by Gamma at certain steps.
type MultiStep struct {
	At    []int   // in ascending order, from 0 on; a step that comes twice counts twice
	Gamma float64 // 0 means 0.1
}

// Factor returns the factor for a step.
func (s MultiStep) Factor(step int) float64 {
	if s.Check() != nil {
		return math.NaN()
	}
	passed := 0
	for passed < len(s.At) && s.At[passed] <= step {
		passed++
	}
	return math.Pow(orDefault(s.Gamma, 0.1), float64(passed))
}

// Check returns an error if an option is out of its range.
func (s MultiStep) Check() error {
	if !slices.IsSorted(s.At) || len(s.At) > 0 && s.At[0] < 0 {
		return &graph.ArgumentError{Op: "schedule.MultiStep", Name: "At", Got: fmt.Sprint(s.At), Want: "ascending, from 0 on"}
	}
	return check("schedule.MultiStep", number{"Gamma", s.Gamma, 0, inf})
}
