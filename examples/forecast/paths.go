package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// stepper runs a network one time step at a time, for several sequences side by side.
type stepper struct {
	program *graph.Program
	input   []float32
	states  graph.States
}

func newStepper(n *network, sequences int) (*stepper, error) {
	b := graph.NewBuilder(graph.Window{T: 1, B: sequences}, graph.Options{Threads: 1})
	b.Output("forecast", n.Apply(b, b.Floats(seqdata.Input, sequences, 1)))
	p, err := b.Forward(nil)
	if err != nil {
		return nil, err
	}
	return &stepper{p, make([]float32, sequences), graph.States{}}, nil
}

// next reads the present values of the sequences and returns the mean and the standard deviation of the next value of
// each.
func (s *stepper) next(values ...float64) (means, deviations []float64, err error) {
	for i := range s.input {
		s.input[i] = float32(values[i])
	}
	if err := s.program.SetFloats(seqdata.Input, s.input); err != nil {
		return nil, nil, err
	}
	if err := s.program.Load(s.states); err != nil {
		return nil, nil, err
	}
	if err := s.program.Run(0); err != nil {
		return nil, nil, err
	}
	s.program.Store(s.states)
	out := s.program.Output("forecast").Floats()
	for i := range s.input {
		means, deviations = append(means, out[2*i]), append(deviations, math.Exp(out[2*i+1]/2))
	}
	return means, deviations, nil
}

// begin sets the states of all sequences to that of the one sequence.
func (s *stepper) begin(one graph.States) {
	clear(s.states)
	for name, t := range one {
		all := graph.NewTensor(t.DType(), len(s.input), t.Len())
		for i := range all.Len() {
			all.SetAt(i, t.At(i%t.Len()))
		}
		s.states[name] = all
	}
}

// paths draws what may follow. The first value is from the normal distribution that is given, each further one from that
// which the network gives when it has read the one before; from is its state before it. The result is
// [steps][sequences].
func (s *stepper) paths(from graph.States, mean, deviation float64, steps int, rng *rand.Rand) ([][]float64, error) {
	s.begin(from)
	n := len(s.input)
	means, deviations := slices.Repeat([]float64{mean}, n), slices.Repeat([]float64{deviation}, n)
	var all [][]float64
	for range steps {
		if len(all) > 0 {
			var err error
			if means, deviations, err = s.next(all[len(all)-1]...); err != nil {
				return nil, err
			}
		}
		values := make([]float64, n)
		for i := range values {
			values[i] = means[i] + deviations[i]*rng.NormFloat64()
			if !(math.Abs(values[i]) < 1e6) { // in standard deviations
				return nil, fmt.Errorf("after %d steps of its own, the network leaves the range of the series; try a lower -lr", len(all)+1)
			}
		}
		all = append(all, values)
	}
	return all, nil
}
