package seqdata

import "math/rand/v2"

// Adding is the adding problem (Hochreiter and Schmidhuber 1997, as Arjovsky et
// al. 2016 pose it). A sequence has two features: numbers from U(0, 1), and
// marks, which are 1 at one step of the first half and one of the second, else
// 0. The answer at the end is the sum of the two marked numbers.
//
// Input is [steps, batch, 2]. Target is one step, [1, batch, 1], for a model
// that gives the output of the last step only. Whoever always answers 1 has a
// mean squared error of 1/6.
func Adding(steps, batch int, rng *rand.Rand) (*Task, error) {
	t, err := newTask("Adding", "steps", steps, 2, 0, batch, 2, rng)
	if err != nil {
		return nil, err
	}
	input, target := make([]float32, steps*batch*2), make([]float32, batch)
	t.draw = func(rng *rand.Rand) map[string]Array {
		clear(input)
		for i := range steps * batch {
			input[2*i] = rng.Float32()
		}
		half := steps / 2
		for b := range batch {
			first, second := rng.IntN(half)*batch+b, (half+rng.IntN(steps-half))*batch+b
			input[2*first+1], input[2*second+1] = 1, 1
			target[b] = input[2*first] + input[2*second]
		}
		return map[string]Array{
			Input:  {Shape: []int{steps, batch, 2}, Floats: input},
			Target: {Shape: []int{1, batch, 1}, Floats: target},
		}
	}
	return t, nil
}
