package seqdata

import (
	"fmt"
	"maps"
	"slices"
)

// Names of the arrays that most batches have.
const (
	Input  = "input"  // what a network is given, [T, B] ids or [T, B, F] features
	Target = "target" // what it should answer
)

// Array is a dense array, flattened row by row. Exactly one of Ints and Floats
// is set, and has as many elements as the product of Shape.
type Array struct {
	Shape  []int
	Ints   []int32
	Floats []float32
}

// Batch is T time steps of B sequences. It holds arrays by name: inputs,
// targets, and whatever else a model asks for, such as masks and lengths.
//
// Arrays with time are time-major, [T, B, …]: element [t, b] of a [T, B] array
// is at t*B+b. An array without time, such as lengths, is [B].
type Batch struct {
	T, B   int
	Arrays map[string]Array
}

// Validate returns a *BatchError unless T and B are positive, the input is
// there and is [T, B, …], and every other array is [B] or [T', B, …], with any
// number of steps T' (a decoder's sequence has a length of its own), and has
// the elements that its shape says.
func (b *Batch) Validate() error {
	if b == nil {
		return &BatchError{Got: "no value (it is nil)", Want: "arrays"}
	}
	if b.T < 1 || b.B < 1 {
		return &BatchError{Got: fmt.Sprintf("T=%d, B=%d", b.T, b.B), Want: "both at least 1"}
	}
	if _, ok := b.Arrays[Input]; !ok {
		return &BatchError{Got: "no input", Want: fmt.Sprintf("an array named %q", Input)}
	}
	for name, a := range b.Arrays {
		if b.validateArray(name, a) != nil {
			return b.firstWrong()
		}
	}
	return nil
}

// firstWrong returns the error of the first array, by name, that has one. The
// order costs memory, which a batch without errors should not.
func (b *Batch) firstWrong() error {
	for _, name := range slices.Sorted(maps.Keys(b.Arrays)) {
		if err := b.validateArray(name, b.Arrays[name]); err != nil {
			return err
		}
	}
	return nil
}

func (b *Batch) validateArray(name string, a Array) error {
	wrong := func(got, want string) error {
		return &BatchError{Array: name, Got: got, Want: want}
	}
	shape := func() string { return fmt.Sprintf("shape %v", a.Shape) }
	switch {
	case name == Input && (len(a.Shape) < 2 || a.Shape[0] != b.T || a.Shape[1] != b.B):
		return wrong(shape(), fmt.Sprintf("[%d %d …]: T, B", b.T, b.B))
	case len(a.Shape) == 0,
		len(a.Shape) == 1 && a.Shape[0] != b.B,
		len(a.Shape) >= 2 && a.Shape[1] != b.B:
		return wrong(shape(), fmt.Sprintf("[%d] or [steps %d …]: B", b.B, b.B))
	case a.Ints != nil && a.Floats != nil:
		return wrong("Ints and Floats", "one of them")
	}

	// Division instead of a product, which could overflow.
	elements := len(a.Ints) + len(a.Floats)
	rest := elements
	for _, size := range a.Shape {
		if size < 1 || rest%size != 0 {
			rest = 0
			break
		}
		rest /= size
	}
	if rest != 1 {
		return wrong(fmt.Sprintf("%s and %d elements", shape(), elements), "positive sizes whose product is the number of elements")
	}
	return nil
}
