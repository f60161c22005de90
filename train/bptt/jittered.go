package bptt

import (
	"fmt"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

// Jittered is truncated BPTT with windows of random length, so that the steps at which the gradient stops are not always
// the same ones (Merity, Keskar and Socher 2018). With probability 0.95 the mean length is Window, else half of it; the
// length is normal around it with a standard deviation of Spread, and at least Shortest. The learning rate of each update
// is multiplied by length/Window, so that short windows don't count for more than their share.
type Jittered struct {
	Window   int     // required
	Spread   float64 // 0 means 5
	Shortest int     // 0 means 5, or Window if that is less
}

// Gradient runs the next window. It leaves the gradient in the parameters, and passes on the data's io.EOF.
func (s Jittered) Gradient(r *Run) (Result, error) {
	if s.Spread == 0 {
		s.Spread = 5
	}
	if s.Shortest == 0 {
		s.Shortest = min(5, s.Window)
	}
	switch {
	case s.Window < 1:
		return Result{}, &graph.ArgumentError{Op: "bptt.Jittered", Name: "Window", Got: fmt.Sprint(s.Window), Want: "at least 1"}
	case !(s.Spread > 0 && s.Spread <= float64(s.Window)+5):
		return Result{}, &graph.ArgumentError{Op: "bptt.Jittered", Name: "Spread", Got: fmt.Sprint(s.Spread), Want: fmt.Sprintf("above 0 and at most 5 above the Window, %d", s.Window)}
	case s.Shortest < 1 || s.Shortest > s.Window:
		return Result{}, &graph.ArgumentError{Op: "bptt.Jittered", Name: "Shortest", Got: fmt.Sprint(s.Shortest), Want: fmt.Sprintf("1 to the Window, %d", s.Window)}
	}
	if err := r.require(s.Window); err != nil {
		return Result{}, err
	}
	rng := rand.New(r.Random)
	mean := float64(s.Window)
	if rng.Float64() >= 0.95 {
		mean /= 2
	}
	length := max(s.Shortest, int(mean+s.Spread*rng.NormFloat64()))
	result, err := r.window(length)
	if err == nil {
		result.Rate = float64(result.Program.Window().T) / float64(s.Window)
	}
	return result, err
}
