package search

import "math"

// Report is how a trial tells of its progress: at a step, such as the number of updates, higher than the one before, it
// has this value, of the same meaning as the result. An error says that the trial is to return it, at once:
// ErrPruned, the context's, or an *ArgumentError. A Report may wait for trials of lower numbers, see Median; so a trial
// must not hold anything meanwhile that another trial needs.
type Report = func(step int, value float64) error

// State says how a trial ended.
type State string

const (
	Complete  State = "complete"  // the trial returned a result
	Pruned    State = "pruned"    // it returned ErrPruned
	Failed    State = "failed"    // it returned another error, or panicked
	Cancelled State = "cancelled" // it returned the context's error
)

// Point is what a trial reported.
type Point struct {
	Step  int
	Value float64
}

// Trial is a trial that has ended.
type Trial struct {
	Number  int // counted from 0
	Params  Params
	State   State
	Value   float64 // the result; of a pruned trial what it reported last; else NaN
	Reports []Point
	Err     error // what the trial returned; a *PanicError if it panicked
	Seconds float64
}

// last is the last report.
func (t *Trial) last() Point {
	if n := len(t.Reports); n > 0 {
		return t.Reports[n-1]
	}
	return Point{Value: math.NaN()}
}
