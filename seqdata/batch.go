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
	Mask   = "mask"   // [T, B], 0 where a sequence has no step: recurrent layers keep their state there, and no loss counts
	Weight = "weight" // [T, B], how much each target counts in the loss
)

// Array is a dense array, flattened row by row. Exactly one of Ints and Floats
// is set, and has as many elements as the product of Shape.
type Array struct {
	Shape  []int
	Ints   []int32
	Floats []float32
}

// complete reports whether the sizes are positive and their product is the number of elements.
func (a Array) complete() bool {
	// Division instead of a product, which could overflow.
	rest := len(a.Ints) + len(a.Floats)
	for _, size := range a.Shape {
		if size < 1 || rest%size != 0 {
			return false
		}
		rest /= size
	}
	return rest == 1
}

// Batch is T time steps of B sequences. It holds arrays by name: inputs,
// targets, and whatever else a model asks for, such as masks and lengths.
//
// Arrays with time are time-major, [T, B, …]: element [t, b] of a [T, B] array
// is at t*B+b. An array without time, such as lengths, is [B].
type Batch struct {
	T, B   int
	Arrays map[string]Array

	// Ends says of each of the B sequences whether it ends with this window: the next one begins another, from zero
	// states. nil means that none does.
	Ends []bool
}

// Clone returns a copy that shares no memory.
func (b *Batch) Clone() *Batch {
	c := &Batch{T: b.T, B: b.B, Arrays: make(map[string]Array, len(b.Arrays)), Ends: slices.Clone(b.Ends)}
	for name, a := range b.Arrays {
		c.Arrays[name] = Array{slices.Clone(a.Shape), slices.Clone(a.Ints), slices.Clone(a.Floats)}
	}
	return c
}

// Targets counts the targets that the loss is a mean over, and sums their weights: one for each time step of each
// sequence, without those that Mask excludes or that have a Weight of 0. If there are as many targets as sequences, or as
// steps of a sequence of another length, they count 1 each. What a loss knows besides, such as targets to ignore, is in
// the program's TargetWeight.
func (b *Batch) Targets() (count int, weight float64) {
	switch shape := b.Arrays[Target].Shape; {
	case len(shape) == 1 && b.T > 1:
		return b.B, float64(b.B)
	case len(shape) > 1 && shape[0] != b.T:
		return shape[0] * b.B, float64(shape[0] * b.B)
	}
	mask, weights := b.Arrays[Mask].Floats, b.Arrays[Weight].Floats
	if mask == nil && weights == nil {
		return b.T * b.B, float64(b.T * b.B)
	}
	for i := range b.T * b.B {
		w := 1.0
		if weights != nil {
			w = float64(weights[i])
		}
		if mask != nil && mask[i] == 0 {
			w = 0
		}
		if w != 0 {
			count++
			weight += w
		}
	}
	return count, weight
}

// Validate returns a *BatchError unless T and B are positive, the input is
// there and is [T, B, …], and every other array is [B] or [T', B, …], with any
// number of steps T' (a decoder's sequence has a length of its own), and has
// the elements that its shape says; Mask and Weight are [T, B] floats, no NaN
// in the one and nothing below 0 in the other, and there are as many Ends as
// sequences, or none.
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
	if n := len(b.Ends); n != 0 && n != b.B {
		return &BatchError{Array: "Ends", Got: fmt.Sprint(n, " values"), Want: fmt.Sprintf("none or %d", b.B)}
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
	case (name == Mask || name == Weight) && (a.Floats == nil || !slices.Equal(a.Shape, []int{b.T, b.B})):
		return wrong(shape(), fmt.Sprintf("[%d %d] floats: T, B", b.T, b.B))
	case a.Ints != nil && a.Floats != nil:
		return wrong("Ints and Floats", "one of them")
	}

	if !a.complete() {
		elements := len(a.Ints) + len(a.Floats)
		return wrong(fmt.Sprintf("%s and %d elements", shape(), elements), "positive sizes whose product is the number of elements")
	}

	// A weight may be NaN, as the mask may exclude it.
	if name == Mask || name == Weight {
		for i, v := range a.Floats {
			if name == Mask && v != v || name == Weight && v < 0 {
				return wrong(fmt.Sprintf("%v at step %d of sequence %d", v, i/b.B, i%b.B), "0 or more")
			}
		}
	}
	return nil
}
