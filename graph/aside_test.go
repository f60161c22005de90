package graph

import (
	"errors"
	"testing"
)

// TestAside: inputs have other names within it and their own after it, also those that are declared there, and the weight of
// the targets stays.
func TestAside(t *testing.T) {
	b := NewBuilder(smallWindow, Options{})
	x, y := b.Floats("x", 2), b.Floats("y", 2)
	b.SetTargetWeight(b.Const(vec(3)))
	b.Aside(map[string]string{"x": "y", "y": "x", "z": "x"}, func() {
		if b.Input("x") != y || b.Input("y") != x || b.Input("z") != x {
			t.Error("the names don't stand for one another")
		}
		b.Floats("new", 2)
		b.SetTargetWeight(b.Const(vec(5)))
	})
	if b.Input("x") != x || b.Input("y") != y || b.HasInput("z") || !b.HasInput("new") {
		t.Error("the names aren't as before")
	}
	p, err := b.Forward(b.Sum(x))
	if err != nil {
		t.Fatal(err)
	}
	run(t, p, 0)
	if w, _ := p.TargetWeight(); w != 3 {
		t.Errorf("weight %v, want 3", w)
	}

	for _, misuse := range []func(b *Builder){
		func(b *Builder) { b.Aside(map[string]string{"x": "none"}, func() { t.Error("called") }) },
		func(b *Builder) { b.Aside(nil, nil) },
	} {
		b := NewBuilder(smallWindow, Options{})
		b.Floats("x", 2)
		misuse(b)
		var e *ArgumentError
		if !errors.As(b.Err(), &e) || !b.HasInput("x") {
			t.Errorf("got %v", b.Err())
		}
	}
}
