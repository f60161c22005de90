package main

import (
	"math"

	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/track"
)

// cosines compares gradients that go back k2 steps with the full one, on the same sequences. They are those of the recurrent
// layer: the output layer sees the last step only, so nothing of its gradient is truncated.
func (g *gradflow) cosines(m layers.Sequential) (track.Line, error) {
	const k1 = 5 // time steps between updates
	var line track.Line
	length := g.length / k1 * k1
	data, err := newAdding(length, 8*g.batch, g.random(truncationNumbers))
	if err != nil {
		return line, err
	}
	pass := g.pass(m, data)
	// gradient is that of the sequences' last window, the one that has an answer.
	gradient := func(s train.Strategy) ([]float64, error) {
		pass.Rewind() // to the start of the same sequences
		for {
			r, err := s.Gradient(pass)
			if err != nil {
				return nil, err
			}
			if r.Weight == 0 {
				continue
			}
			var all []float64
			for _, p := range m[0].Params() {
				all = append(all, p.Grad.Floats()...)
			}
			return all, nil
		}
	}
	full, err := gradient(bptt.Full{Window: k1})
	if err != nil {
		return line, err
	}
	for k2 := k1; k2 <= length; k2 += k1 {
		part, err := gradient(bptt.Truncated{Window: k1, Reach: k2})
		if err != nil {
			return line, err
		}
		line.X, line.Y = append(line.X, float64(k2)), append(line.Y, cosine(part, full))
	}
	return line, nil
}

// cosine of the angle between two vectors.
func cosine(a, b []float64) float64 {
	ab, aa, bb := 0.0, 0.0, 0.0
	for i := range a {
		ab, aa, bb = ab+a[i]*b[i], aa+a[i]*a[i], bb+b[i]*b[i]
	}
	return ab / math.Sqrt(aa*bb)
}
