package bptt

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
)

// Truncated is truncated backpropagation through time (Williams and Peng 1990) with k1 = k2 = Window: the parameters are
// updated after every window, the state is carried into the next one, and the gradient stops at the window's start.
type Truncated struct {
	Window int // time steps; required
}

// Gradient runs the next window. It leaves the gradient in the parameters, and passes on the data's io.EOF.
func (s Truncated) Gradient(r *Run) (Result, error) {
	if s.Window < 1 {
		return Result{}, &graph.ArgumentError{Op: "bptt.Truncated", Name: "Window", Got: fmt.Sprint(s.Window), Want: "at least 1"}
	}
	batch, err := r.Data.Next(s.Window)
	if err != nil {
		return Result{}, err
	}
	p, err := r.Programs.For(batch, true)
	if err != nil {
		return Result{}, err
	}
	return r.step(p, r.Random.Uint64())
}

// Evaluate runs the next window of at most the given length forward only, as the model is in use.
func Evaluate(r *Run, window int) (Result, error) {
	batch, err := r.Data.Next(window)
	if err != nil {
		return Result{}, err
	}
	p, err := r.Programs.For(batch, false)
	if err != nil {
		return Result{}, err
	}
	return r.step(p, 0)
}

// step runs a program from the carried states.
func (r *Run) step(p *graph.Program, seed uint64) (Result, error) {
	if err := p.Load(r.States); err != nil {
		return Result{}, err
	}
	if err := p.Run(seed); err != nil {
		return Result{}, err
	}
	p.Store(r.States)
	w := p.Window()
	return Result{Loss: p.Cost(), Targets: w.T * w.B, Program: p}, nil
}
