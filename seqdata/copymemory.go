package seqdata

import (
	"math/rand/v2"
	"slices"
)

// Numbers of [CopyMemory].
const (
	copyLength  = 10 // symbols to remember
	copySymbols = 8  // that there are; their ids are 1 to 8, and that of the blank is 0
	copySignal  = 9  // id that asks for the answer
)

// CopyMemory is the copy memory task (Hochreiter and Schmidhuber 1997, as
// Arjovsky et al. 2016 pose it). A sequence has delay+20 steps: 10 symbols,
// delay-1 blanks, a signal, and 10 blanks. The answer is blank until the signal
// was given, and repeats the symbols in the last 10 steps.
//
// Input and Target are ids [delay+20, batch]: 0 is the blank, 1 to 8 are the
// symbols, and 9, in the input only, is the signal. Whoever knows the form but
// not the symbols has a mean cross-entropy of 10·log 8/(delay+20).
func CopyMemory(delay, batch int, rng *rand.Rand) (*Task, error) {
	t, err := newTask("CopyMemory", "delay", delay, 1, 2*copyLength, batch, 1, rng)
	if err != nil {
		return nil, err
	}
	input, target := make([]int32, t.steps*batch), make([]int32, t.steps*batch)
	symbols, answer := copyLength*batch, (t.steps-copyLength)*batch
	t.draw = func(rng *rand.Rand) map[string]Array {
		clear(input)
		clear(target)
		for i := range symbols {
			s := 1 + rng.Int32N(copySymbols)
			input[i], target[answer+i] = s, s
		}
		for b := range batch {
			input[answer-batch+b] = copySignal
		}
		shape := []int{t.steps, batch}
		return map[string]Array{Input: {Shape: shape, Ints: input}, Target: {Shape: slices.Clone(shape), Ints: target}}
	}
	return t, nil
}
