package graph

import (
	"fmt"
	"slices"
)

// States holds carried states between windows, [B, width] each, under the names that the layers gave them. An empty map
// stands for zeros.
type States map[string]*Tensor

// StateNames returns the names of the program's carried states, in the order the layers began them.
func (p *Program) StateNames() []string {
	var names []string
	for _, s := range p.b.states {
		names = append(names, s.name)
	}
	return names
}

// Load copies the states into the program, before a run. A state that isn't held is zero; one that the program doesn't
// have is an error.
func (p *Program) Load(from States) error {
	for name := range from {
		if p.b.state(name) == nil {
			return &ArgumentError{Op: "Load", Name: "state", Got: fmt.Sprintf("%q", name), Want: fmt.Sprintf("one of %q", p.StateNames())}
		}
	}
	for _, s := range p.b.states {
		in := Tensor{Shape: s.in.shape}
		in.setRaw(s.in.buf)
		t := from[s.name]
		if t == nil {
			in.Zero()
			continue
		}
		if !slices.Equal(t.Shape, in.Shape) {
			return &ShapeError{Op: "state " + s.name, Got: fmt.Sprint(t.Shape), Want: fmt.Sprint(in.Shape)}
		}
		if err := in.Copy(t); err != nil {
			return err
		}
	}
	return nil
}

// LastState returns a state's value after the last run, also of one that isn't carried. It is overwritten by the next
// run; nil if there is no such state.
func (p *Program) LastState(name string) *Tensor {
	if s := p.b.state(name); s != nil {
		return p.tensor(s.out)
	}
	return nil
}

// Store copies the states that are carried on out of the program, after a run.
func (p *Program) Store(to States) {
	for _, s := range p.b.states {
		if !s.carried || to == nil {
			continue
		}
		if t := to[s.name]; t == nil || !slices.Equal(t.Shape, s.out.shape) {
			to[s.name] = NewTensor(p.b.dtype, s.out.shape...)
		}
		out := Tensor{Shape: s.out.shape}
		out.setRaw(s.out.buf)
		if err := to[s.name].Copy(&out); err != nil {
			panic("graph: " + err.Error())
		}
	}
}
