package main

import (
	"io"
	"math/rand/v2"

	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/bptt"
)

var _ bptt.Data = (*signals)(nil)

// signals gives windows of sequences in which a signal, 1 or -1, comes now and then, and 0 between. The answer at every
// time step is the sum of all signals so far, each of which fades slowly.
type signals struct {
	input, target []float32 // [steps, batch]
	steps, batch  int
	at            int
}

const (
	pause  = 100 // mean number of time steps between signals
	fading = 200 // time steps in which a signal fades to 1/e
)

func newSignals(steps, batch int, rng *rand.Rand) *signals {
	s := &signals{input: make([]float32, steps*batch), target: make([]float32, steps*batch), steps: steps, batch: batch}
	for i := range s.input {
		if i >= batch {
			s.target[i] = s.target[i-batch] * (1 - 1./fading)
		}
		if rng.IntN(pause) == 0 {
			s.input[i] = float32(2*rng.IntN(2) - 1)
			s.target[i] += s.input[i]
		}
	}
	return s
}

func (s *signals) Rewind() { s.at = 0 }

func (s *signals) Next(steps int) (*seqdata.Batch, error) {
	from, to := s.at*s.batch, min(s.at+steps, s.steps)*s.batch
	if from == to {
		return nil, io.EOF
	}
	s.at = to / s.batch
	shape := []int{(to - from) / s.batch, s.batch, 1}
	return &seqdata.Batch{T: shape[0], B: s.batch, Arrays: map[string]seqdata.Array{
		seqdata.Input:  {Shape: shape, Floats: s.input[from:to]},
		seqdata.Target: {Shape: shape, Floats: s.target[from:to]},
	}}, nil
}
