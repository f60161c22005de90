package bptt

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

// Lags is how much the last h of a recurrence depends on that of earlier time steps.
type Lags struct {
	State string // the name of h, with the layers' path: "1.h_l0"
	// Norms are the Frobenius norms of ∂h_T/∂h_{T-lag}, by lag from 0 (the square root of h's width) to the window's length
	// less one; the root of their mean square over the sequences. With a second state, such as an LSTM's c, h_{T-lag} also
	// acts by way of it, but is disturbed alone.
	Norms []float64
}

// Beyond returns the share of the lags above the given one in the sum of all norms: about what a gradient that goes back
// no further leaves out. It is 0 if all norms are.
func (l Lags) Beyond(lag int) float64 {
	all, beyond := 0.0, 0.0
	for i, n := range l.Norms {
		all += n
		if i > lag {
			beyond += n
		}
	}
	return shareOf(beyond, all)
}

// StateLags computes the next window of data, of at most the given number of time steps, and measures the Lags of every
// recurrence that has a state, by backward passes from random signs at the last h: for signs v, the mean of ‖vᵀJ‖² is the
// square of J's Frobenius norm. If there are as many samples as a state has units, or more, one pass a unit gives the
// exact norm. The parameters' gradients are overwritten.
func StateLags(r *Run, steps, samples int) ([]Lags, error) {
	const op = "bptt.StateLags"
	if steps < 1 || samples < 1 {
		return nil, &graph.ArgumentError{Op: op, Name: "steps and samples", Got: fmt.Sprintf("%d and %d", steps, samples), Want: "at least 1"}
	}
	w, err := r.next(steps)
	if err != nil {
		return nil, err
	}
	programs := &Programs{Write: r.Programs.Write, Options: r.Programs.Options}
	programs.Options.Observe = true
	pass := &Run{Programs: programs, States: r.States}
	if err := pass.forward(w, repeated, 0); err != nil {
		return nil, err
	}
	p := w.program
	p.SetCostWeight(0)
	rng := rand.New(r.Random)
	var all []Lags
	for k, seen := range p.Recordings() {
		seed := p.StateSeed(seen.State)
		if seed == nil {
			continue // a recurrence inside of another layer, without a state of its own
		}
		units := seed.Shape[1]
		exact := samples >= units
		passes := min(samples, units)
		squares := make([]float64, w.batch.T)
		for n := range passes {
			for i := range seed.Len() {
				v := 0.0
				switch {
				case !exact:
					v = float64(2*rng.IntN(2) - 1)
				case i%units == n:
					v = 1
				}
				seed.SetAt(i, v)
			}
			if err := p.Backward(); err != nil {
				return nil, err
			}
			for t, norm := range p.Recordings()[k].Norms {
				if !seen.Reverse {
					t = w.batch.T - 1 - t
				}
				squares[t] += norm * norm
			}
		}
		seed.Zero()
		count := float64(w.batch.B)
		if !exact {
			count *= float64(passes)
		}
		l := Lags{State: seen.State, Norms: squares}
		for lag, s := range squares {
			l.Norms[lag] = math.Sqrt(s / count)
		}
		all = append(all, l)
	}
	return all, nil
}
