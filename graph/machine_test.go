package graph

import "testing"

// TestMachine: this version of Gorgonia has what its machine needs to run on the caller's thread.
func TestMachine(t *testing.T) {
	b := NewBuilder(Window{T: 1, B: 1}, Options{})
	b.Output("y", b.Tanh(b.Floats("x", 3)))
	p, err := b.Forward(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := p.forth.(*machine); !ok {
		t.Errorf("programs run on a %T, whose every run wakes another thread", p.forth)
	}
}
