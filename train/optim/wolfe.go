package optim

import (
	"math"

	"github.com/gobptt/bptt/graph"
)

// wolfe searches along a line for a point that satisfies the strong Wolfe conditions (Nocedal and Wright 2006, algorithms
// 3.5 and 3.6, with the safeguards of PyTorch): the cost is lower by a part of what the slope at the start promises, and the
// line is less steep than there.
type wolfe struct {
	// evaluate computes the cost, its gradient, and the slope along the line.
	evaluate  func(t float64, gradient *graph.Tensor) (f, slope float64, err error)
	spare     [3]*graph.Tensor // memory of gradients
	tolerance float64          // no bracket needs to be shorter
}

const (
	sufficient = 1e-4 // part of the promise, c₁
	flat       = 0.9  // part of the slope, c₂
	maxTrials  = 25
)

// trial is a point on the line.
type trial struct {
	t, f, slope float64
	gradient    *graph.Tensor
}

// run searches from a first step on. size is the largest element of the direction. If no point will do, it returns the
// lowest one that was found, which may be the start; that is it after an error.
func (w *wolfe) run(start trial, t, size float64) (trial, error) {
	low, high, n, err := w.bracket(start, t)
	if err != nil {
		return start, err
	}
	if low == high {
		return low, nil
	}
	slow := false // whether the last point was close to an end of the bracket
	for ; n < maxTrials && math.Abs(high.t-low.t)*size >= w.tolerance; n++ {
		if high.f < low.f {
			low, high = high, low
		}
		left, right := min(low.t, high.t), max(low.t, high.t)
		t := cubic(low, high, left, right)
		// Two points in turn must not be close to an end.
		margin := 0.1 * (right - left)
		near := min(right-t, t-left) < margin
		if near && (slow || t >= right || t <= left) {
			if right-t < t-left {
				t = right - margin
			} else {
				t = left + margin
			}
			near = false
		}
		slow = near

		p, err := w.try(t, low, high)
		if err != nil {
			return start, err
		}
		switch {
		case p.f > start.f+sufficient*t*start.slope || p.f >= low.f:
			high = p
		case math.Abs(p.slope) <= -flat*start.slope:
			return p, nil
		default:
			if p.slope*(high.t-low.t) >= 0 {
				high = low
			}
			low = p
		}
	}
	if high.f < low.f {
		return high, nil
	}
	return low, nil
}

// bracket lengthens the step until a point will do, which it returns twice, or the line has one between two points. It also
// returns the number of points tried after the first.
func (w *wolfe) bracket(start trial, t float64) (x, y trial, n int, err error) {
	before := start
	p, err := w.try(t, start, start)
	for ; err == nil && n < maxTrials; n++ {
		switch {
		case p.f > start.f+sufficient*p.t*start.slope || n > 1 && p.f >= before.f:
			return before, p, n, nil
		case math.Abs(p.slope) <= -flat*start.slope:
			return p, p, n, nil
		case p.slope >= 0:
			return before, p, n, nil
		}
		t = cubic(before, p, p.t+0.01*(p.t-before.t), 10*p.t)
		before = p
		p, err = w.try(t, start, before)
	}
	return start, p, n, err
}

// try evaluates a point, in memory that two others don't need. One that is not finite is infinitely high.
func (w *wolfe) try(t float64, x, y trial) (trial, error) {
	p := trial{t: t}
	for _, p.gradient = range w.spare {
		if p.gradient != x.gradient && p.gradient != y.gradient {
			break
		}
	}
	var err error
	p.f, p.slope, err = w.evaluate(t, p.gradient)
	if !finite(p.f) || !finite(p.slope) {
		p.f, p.slope = inf, inf
	}
	return p, err
}

// cubic is where the cubic through two points with their slopes has its minimum, within limits. If it has none, or a point
// is infinitely high, it is the middle.
func cubic(x, y trial, low, high float64) float64 {
	if x.t > y.t {
		x, y = y, x
	}
	a := x.slope + y.slope - 3*(x.f-y.f)/(x.t-y.t)
	square := a*a - x.slope*y.slope
	root := math.Sqrt(square) // NaN if there is no minimum
	t := y.t - (y.t-x.t)*((y.slope+root-a)/(y.slope-x.slope+2*root))
	if math.IsNaN(t) {
		return (low + high) / 2
	}
	return min(max(t, low), high)
}
