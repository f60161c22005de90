package graph

import "fmt"

// stepping is where EachStep is.
type stepping struct {
	now    int     // the number of the step, counted from 1 over all of the graph; 0 outside of EachStep
	last   int     // the highest so far
	shared []*Node // what PerWindow wrote in the first step
	next   int     // of shared
}

// EachStep writes the network of each time step by itself, so that a step may read what the one before gave, as a model
// does that reads its own output. It calls write for t = 0 … T-1. Meanwhile the Window has one time step, StepMask is that
// step's, and State returns what the step before passed to SetState. So write may apply any layer that reads the window
// from its start, to the rows [B, …] of the step, and the states are carried from window to window as ever.
func (b *Builder) EachStep(write func(t int)) {
	if !b.ok("EachStep") {
		return
	}
	if write == nil {
		b.fail(&ArgumentError{Op: "EachStep", Name: "write", Got: "nil", Want: "a function"})
		return
	}
	if b.Stepping() { // a window of one step
		write(0)
		return
	}
	w, mask := b.window, b.mask
	for t := 0; t < w.T && b.err == nil; t++ {
		b.stepping.last++
		b.stepping.now, b.stepping.next = b.stepping.last, 0
		b.window.T = 1
		if mask != nil {
			b.mask = b.Slice(mask, 0, t*w.B, (t+1)*w.B)
			b.mask.pin = true // recurrences read it as long as the program runs
		}
		b.AtStep(t, func() { write(t) })
		for _, s := range b.states {
			if s.open && s.step == b.stepping.now {
				b.fail(&ArgumentError{Op: "EachStep", Name: "state " + s.name, Got: "begun by State but never set", Want: "a SetState in the same step"})
			}
		}
	}
	b.window, b.mask, b.stepping = w, mask, stepping{last: b.stepping.last}
	for _, s := range b.states {
		if s.step > 0 && b.err == nil {
			s.out, s.step = b.copied("state out", s.out), 0
		}
	}
}

// stateAgain is State for a state that was begun before: in an earlier step of EachStep, or by mistake.
func (b *Builder) stateAgain(s *stateNode, shape []int) *Node {
	switch {
	case s.open || s.step == 0 || s.step == b.stepping.now:
		return b.fail(&ArgumentError{Op: "State", Name: "name", Got: fmt.Sprintf("%q again", s.name), Want: "a new one"})
	case shape[1] != s.in.shape[1]:
		return b.fail(&ShapeError{Op: "State " + s.name, Got: fmt.Sprint(shape), Want: fmt.Sprint(s.in.shape, ", as in the step before")})
	}
	s.open, s.step = true, b.stepping.now
	return s.out
}

// Stepping reports whether EachStep is writing a step. A fused recurrence isn't worth its preparations there.
func (b *Builder) Stepping() bool { return b.stepping.now > 0 }

// PerWindow returns what write wrote. Within EachStep write is called in the first step only, and the others have its
// node, such as a dropout mask for all time steps: the n-th call of PerWindow in a step gives what the n-th of the first
// step gave, since all steps write the same network. Unlike Once it needs no key.
func (b *Builder) PerWindow(write func() *Node) *Node {
	s := &b.stepping
	if b.err != nil {
		return nil
	}
	if !b.Stepping() {
		return write()
	}
	if s.next == len(s.shared) {
		s.shared = append(s.shared, write())
	}
	s.next++
	return s.shared[s.next-1]
}
