package schedule

import "math"

var _ Composite = Product(nil)

// Product is the product of the factors of several schedules, PyTorch's ChainedScheduler.
type Product []Schedule

// Factor returns the factor for a step.
func (s Product) Factor(step int) float64 {
	if s.Check() != nil {
		return math.NaN()
	}
	factor := 1.0
	for _, p := range s {
		factor *= p.Factor(step)
	}
	return factor
}

// Check returns an error if an option is out of its range.
func (s Product) Check() error { return checkParts("schedule.Product", s...) }

// Parts returns the schedules.
func (s Product) Parts() []Schedule { return s }
