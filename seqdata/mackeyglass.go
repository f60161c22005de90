package seqdata

import (
	"fmt"
	"math"
)

// MackeyGlassOptions vary the Mackey–Glass series. The zero value is the usual, mildly chaotic one.
type MackeyGlassOptions struct {
	Delay int     // τ, in time units; 0 means 17
	Start float64 // x(t) for all t ≤ 0, positive; 0 means 1.2
}

// MackeyGlass returns the solution of the delay differential equation of Mackey and Glass (1977),
//
//	dx/dt = β·x(t-τ) / (1 + x(t-τ)ⁿ) - γ·x(t),  β = 0.2, γ = 0.1, n = 10,
//
// at t = 1, 2, …, length. It is a common test of forecasting. With τ up to 4 the series goes to the fixed point 1; then
// it oscillates, and from τ = 17 on it is chaotic (Farmer 1982). Its first few hundred values depend on the start: leave
// them out where that matters.
//
// It is integrated by the method of Runge and Kutta of order 4 with steps of 1/10; between the grid points the delayed
// values are interpolated by cubics, to the same order. An argument out of its range is an *ArgumentError.
func MackeyGlass(length int, o MackeyGlassOptions) ([]float64, error) {
	const (
		stepsPerUnit = 10
		h            = 1. / stepsPerUnit
		longest      = 1 << 30
		longestDelay = 1 << 20
	)
	wrong := func(arg string, got any, want string) ([]float64, error) {
		return nil, &ArgumentError{"MackeyGlass", arg, got, want}
	}
	switch {
	case length < 1 || length > longest:
		return wrong("length", length, fmt.Sprint("1 to ", longest))
	case o.Delay < 0 || o.Delay > longestDelay:
		return wrong("Delay", o.Delay, fmt.Sprintf("1 to %d, or 0 for 17", longestDelay))
	case !(o.Start >= 0) || math.IsInf(o.Start, 0):
		return wrong("Start", o.Start, "a positive number, or 0 for 1.2")
	}
	if o.Delay == 0 {
		o.Delay = 17
	}
	if o.Start == 0 {
		o.Start = 1.2
	}

	// The last delay+1 grid points, in rings: x and dx/dt at point i are at i modulo their length.
	delay := o.Delay * stepsPerUnit
	xs, slopes := make([]float64, delay+1), make([]float64, delay+1)
	for i := range xs {
		xs[i] = o.Start
	}
	slope := func(x, delayed float64) float64 {
		return 0.2*delayed/(1+math.Pow(delayed, 10)) - 0.1*x
	}
	series := make([]float64, length)
	x := o.Start
	for i := range length * stepsPerUnit {
		// now is the place of point i. That of point i-delay is the next one, which point i+1 takes over.
		now, from := i%len(xs), (i+1)%len(xs)
		to := (from + 1) % len(xs)
		k1 := slope(x, xs[from])
		xs[now], slopes[now] = x, k1
		middle := o.Start
		if i >= delay {
			middle = (xs[from]+xs[to])/2 + h/8*(slopes[from]-slopes[to])
		}
		k2 := slope(x+h/2*k1, middle)
		k3 := slope(x+h/2*k2, middle)
		k4 := slope(x+h*k3, xs[to])
		x += h / 6 * (k1 + 2*k2 + 2*k3 + k4)
		if (i+1)%stepsPerUnit == 0 {
			series[i/stepsPerUnit] = x
		}
	}
	return series, nil
}
