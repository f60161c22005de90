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
		out := Tensor{Shape: s.out.shape}
		out.setRaw(s.out.buf)
		to.set(s.name, &out)
	}
}

// StateBytes is the memory of the states that are carried from window to window.
func (p *Program) StateBytes() int64 {
	n := 0
	for _, s := range p.b.states {
		if s.carried {
			n += s.in.size()
		}
	}
	if p.b.dtype == Float64 {
		return int64(8 * n)
	}
	return int64(4 * n)
}

// LoadSeeds sets the gradients of the cost with respect to the outgoing states that are carried on, those of StateSeed,
// to what StoreGradients of the next window has left, and to zeros where it has left nothing.
func (p *Program) LoadSeeds(from States) error {
	for _, s := range p.b.states {
		seed := p.StateSeed(s.name)
		if seed == nil {
			return &ArgumentError{Op: "LoadSeeds", Name: "program", Got: "without gradients of states", Want: "one compiled with Gradients.States"}
		}
		g := from[s.name]
		if g == nil || !s.carried {
			seed.Zero()
			continue
		}
		if !slices.Equal(g.Shape, seed.Shape) {
			return &ShapeError{Op: "state " + s.name, Got: fmt.Sprint(g.Shape), Want: fmt.Sprint(seed.Shape)}
		}
		if err := seed.Copy(g); err != nil {
			return err
		}
	}
	return nil
}

// StoreGradients copies the gradients with respect to the incoming states that are carried, after a backward pass.
func (p *Program) StoreGradients(to States) {
	for _, s := range p.b.states {
		if s.carried {
			to.set(s.name, p.StateGradient(s.name))
		}
	}
}

// set copies a tensor into the map, into the memory that is there if it fits.
func (s States) set(name string, t *Tensor) {
	if old := s[name]; old == nil || old.DType() != t.DType() || !slices.Equal(old.Shape, t.Shape) {
		s[name] = NewTensor(t.DType(), t.Shape...)
	}
	if err := s[name].Copy(t); err != nil {
		panic("graph: " + err.Error())
	}
}

// Clone returns a copy that shares no memory.
func (s States) Clone() States {
	c := make(States, len(s))
	for name, t := range s {
		c.set(name, t)
	}
	return c
}

// Clear sets the states to zero of the sequences b of the batch for which ends[b] is true. A nil ends means none. Where
// all end the map is emptied, for the next batch may have another number of sequences.
func (s States) Clear(ends []bool) {
	if len(ends) > 0 && !slices.Contains(ends, false) {
		clear(s)
		return
	}
	for _, t := range s {
		for b, ended := range ends {
			if !ended || b >= t.Shape[0] {
				continue
			}
			width := t.Len() / t.Shape[0]
			for i := b * width; i < (b+1)*width; i++ {
				t.SetAt(i, 0)
			}
		}
	}
}
