package search

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Median prunes by the median stopping rule (Golovin et al. 2017; in the form of Akiba et al. 2019, Optuna): a trial ends
// at a step if the best value that it has reported so far is worse than the median of what the trials before it
// reported at the same step. All of those count that came to this step, also if they were pruned at it or later.
//
// A NaN is worse than any number.
type Median struct {
	Startup int // the first trials, which are not pruned; 0 means 5
	Warmup  int // the step before which no trial is pruned
}

func (m *Median) check() error {
	if m.Startup < 0 || m.Warmup < 0 {
		return &ArgumentError{Name: "Median", Got: fmt.Sprintf("Startup %d, Warmup %d", m.Startup, m.Warmup), Want: "0 or more"}
	}
	return nil
}

// looks reports whether a trial is judged at a step.
func (m *Median) looks(number, step int) bool {
	return m != nil && number >= cmp.Or(m.Startup, 5) && step >= m.Warmup
}

// prunes reports whether a trial that has come down to this value ends, given what the others had at the same step.
func (m *Median) prunes(lowest float64, others []float64) bool {
	if len(others) == 0 {
		return false
	}
	slices.SortFunc(others, worse)
	middle := others[len(others)/2]
	if lower := others[(len(others)-1)/2]; lower < middle {
		middle = lower/2 + middle/2
	}
	return worse(lowest, middle) > 0
}

// worse compares with NaN as the largest number.
func worse(x, y float64) int {
	if math.IsNaN(x) || math.IsNaN(y) {
		return -cmp.Compare(x, y) // which takes NaN for the smallest
	}
	return cmp.Compare(x, y)
}
