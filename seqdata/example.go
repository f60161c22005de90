package seqdata

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Example is one sequence, as arrays by name. [Input] is ids [T] or features [T, F, …], with a T of the sequence's own.
// Every other array is [T], [T, F, …] with the same T, or has the shape [], which is one number for the whole sequence.
type Example map[string]Array

// steps returns the number of time steps.
func (e Example) steps() int { return e[Input].Shape[0] }

// field is what all examples have in common in the arrays of one name.
type field struct {
	name   string
	floats bool
	timed  bool  // there is one for each time step
	shape  []int // of one time step
	width  int   // numbers of one time step
}

// check returns an error unless an example's array is complete and of the kind that the field is.
func (f *field) check(i int, e Example) error {
	a, ok := e[f.name]
	wrong := func(got, want string) error {
		return &ExampleError{Example: i, Array: f.name, Got: got, Want: want}
	}
	timed := len(a.Shape) > 0
	switch {
	case !ok:
		return wrong("no value", "one")
	case f.name == Mask:
		return wrong("a value", "none: it is made of the lengths")
	case a.Ints != nil && a.Floats != nil:
		return wrong("Ints and Floats", "one of them")
	case f.name == Input && !timed:
		return wrong("shape []", "[T] or [T, F]")
	case !a.complete():
		return wrong(fmt.Sprintf("shape %v and %d elements", a.Shape, len(a.Ints)+len(a.Floats)),
			"positive sizes whose product is the number of elements")
	case timed && a.Shape[0] != e.steps():
		return wrong(fmt.Sprintf("shape %v", a.Shape), fmt.Sprintf("[%d …], a number for each step of the input, or []", e.steps()))
	case f.name == Weight && (a.Floats == nil || len(a.Shape) != 1):
		return wrong(fmt.Sprintf("shape %v", a.Shape), "[T] floats")
	case timed != f.timed || timed && !slices.Equal(a.Shape[1:], f.shape):
		want := "[]"
		if f.timed {
			want = strings.Replace(fmt.Sprint(append([]int{0}, f.shape...)), "0", "T", 1)
		}
		return wrong(fmt.Sprintf("shape %v", a.Shape), want+", as in example 0")
	case f.floats && a.Floats == nil:
		return wrong("ints", "floats, as in example 0")
	case !f.floats && a.Ints == nil:
		return wrong("floats", "ints, as in example 0")
	}
	return nil
}

// fields checks all examples, and says what they have in common: the input first, the others by name.
func fields(examples []Example) ([]field, error) {
	names := slices.Sorted(maps.Keys(examples[0]))
	names = slices.DeleteFunc(names, func(name string) bool { return name == Input })
	var all []field
	for _, name := range append([]string{Input}, names...) {
		a := examples[0][name]
		f := field{name: name, floats: a.Floats != nil, timed: len(a.Shape) > 0, width: 1}
		if f.timed {
			f.shape = a.Shape[1:]
		}
		if err := f.check(0, examples[0]); err != nil {
			return nil, err
		}
		for _, size := range f.shape {
			f.width *= size
		}
		all = append(all, f)
	}
	for i, e := range examples {
		for j := range all {
			if err := all[j].check(i, e); err != nil {
				return nil, err
			}
		}
		if len(e) == len(all) {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(e)) {
			if _, ok := examples[0][name]; !ok {
				return nil, &ExampleError{Example: i, Array: name, Got: "a value", Want: "none, as in example 0"}
			}
		}
	}
	return all, nil
}
