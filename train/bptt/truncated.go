package bptt

import (
	"fmt"
	"io"
	"slices"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// Truncated is truncated backpropagation through time, BPTT(k1, k2) (Williams and Peng 1990): the parameters are updated
// every k1 = Window time steps, by the gradient of the losses of these steps, which goes back through k2 = Reach. The
// state is carried on.
//
// The steps that several updates go back through are not computed again: their activations are kept, in Reach/Window
// windows at once, and so are those of the parameters of their time; the products on the way back are with the present
// ones. Data that say that they have no full window, as a *seqdata.Stream does, are an error.
type Truncated struct {
	Window int // k1, time steps between updates; required
	Reach  int // k2, time steps that the gradient goes back; 0 means Window
}

// Gradient runs the next window. It leaves the gradient in the parameters, and passes on the data's io.EOF.
func (s Truncated) Gradient(r *Run) (Result, error) {
	if s.Window < 1 {
		return Result{}, &graph.ArgumentError{Op: "bptt.Truncated", Name: "Window", Got: fmt.Sprint(s.Window), Want: "at least 1"}
	}
	if s.Reach != 0 && s.Reach < s.Window {
		return Result{}, &graph.ArgumentError{Op: "bptt.Truncated", Name: "Reach", Got: fmt.Sprint(s.Reach), Want: fmt.Sprintf("0 or at least the Window, %d", s.Window)}
	}
	if err := r.require(s.Window); err != nil {
		return Result{}, err
	}
	if s.Reach > s.Window {
		return s.overlapping(r)
	}
	return r.window(s.Window)
}

// window computes the gradient of the next window by itself.
func (r *Run) window(steps int) (Result, error) {
	batch, err := r.read(steps)
	if err != nil {
		return Result{}, err
	}
	p, err := r.Programs.For(batch, true)
	if err != nil {
		return Result{}, err
	}
	return r.step(p, batch, r.Random.Uint64())
}

// overlapping computes k1 steps in windows of a length that divides k1 and k2, and goes back through as many as make k2.
func (s Truncated) overlapping(r *Run) (Result, error) {
	steps := gcd(s.Window, s.Reach)
	fresh, kept := s.Window/steps, s.Reach/steps
	for i := range fresh {
		w, err := r.next(steps)
		if err == io.EOF && i > 0 {
			fresh = i
			break
		}
		if err != nil {
			return Result{}, err
		}
		if len(r.recent) == kept { // the oldest window's memory is free for the new one
			r.recent = append(r.recent[:0], r.recent[1:]...)
		}
		w.instance = freeInstance(r.recent, w.batch.T)
		if err := r.forward(w, repeated, w.instance); err != nil {
			return Result{}, err
		}
		r.recent = append(r.recent, w)
	}
	first := len(r.recent) - fresh
	result := summary(r.recent[first:])
	var c chain
	for i := len(r.recent) - 1; i >= 0; i-- {
		share := 0.0
		if i >= first {
			share = shareOf(r.recent[i].weight, result.Weight)
		}
		if err := c.back(r.recent[i], share); err != nil {
			return Result{}, err
		}
	}
	result.Recordings = c.recordings()
	return result, nil
}

// freeInstance returns the least number that no window of this length has.
func freeInstance(windows []*window, steps int) int {
	for i := 0; ; i++ {
		if !slices.ContainsFunc(windows, func(w *window) bool { return w.batch.T == steps && w.instance == i }) {
			return i
		}
	}
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Evaluate runs the next window of at most the given length forward only, as the model is in use. It also returns the
// window.
func Evaluate(r *Run, window int) (Result, *seqdata.Batch, error) {
	batch, err := r.read(window)
	if err != nil {
		return Result{}, nil, err
	}
	p, err := r.Programs.For(batch, false)
	if err != nil {
		return Result{}, nil, err
	}
	result, err := r.step(p, batch, 0)
	return result, batch, err
}
