package graph

import (
	"fmt"
	"math/rand/v2"

	"github.com/gobptt/bptt/internal/kernel"
)

// Bernoulli draws in every run, for each element, 1 with the probability that p holds there, else 0. What is drawn is a
// function of the run's seed, as for DropoutMask; unlike there, the probabilities may be an input that changes from run
// to run. One outside of [0, 1] is an error of the run. There is no gradient.
func (b *Builder) Bernoulli(p *Node) *Node {
	if !b.ok("Bernoulli", p) || !b.floating("Bernoulli", p) {
		return nil
	}
	return b.node("Bernoulli", p.shape, pick(b.dtype, bernoulliRun[float32], bernoulliRun[float64]), p)
}

func bernoulliRun[F kernel.Float](n *Node) error {
	rng := rand.NewPCG(n.b.noise, uint64(n.id))
	y := data[F](n)
	for i, p := range data[F](n.in[0]) {
		if !(p >= 0 && p <= 1) {
			return &ArgumentError{Op: n.op, Name: fmt.Sprint("probability ", i), Got: fmt.Sprint(p), Want: "0 ≤ p ≤ 1"}
		}
		y[i] = 0
		if unit(rng) < float64(p) {
			y[i] = 1
		}
	}
	return nil
}

// Categorical draws in every run, for each row of logits [N, C], an index from softmax(logits): indices [N]. What is
// drawn is a function of the run's seed, as for DropoutMask. A row that has no softmax, such as one with a NaN, gives 0.
// There is no gradient.
func (b *Builder) Categorical(logits *Node) *Node {
	if !b.ok("Categorical", logits) || !b.floating("Categorical", logits) {
		return nil
	}
	if len(logits.shape) != 2 {
		return b.fail(&ShapeError{Op: "Categorical", Got: fmt.Sprint(logits.shape), Want: "logits [N, C]"})
	}
	return b.newIndices("Categorical", logits.shape[:1], pick(b.dtype, categoricalRun[float32], categoricalRun[float64])(logits.shape[1]), logits)
}

func categoricalRun[F kernel.Float](classes int) func(*Node) error {
	p := make([]F, classes)
	return func(n *Node) error {
		rng := rand.NewPCG(n.b.noise, uint64(n.id))
		for i := range indices(n) {
			kernel.SoftmaxRow(p, data[F](n.in[0])[i*classes:][:classes])
			indices(n)[i] = pickClass(p, unit(rng))
		}
		return nil
	}
}

// pickClass returns the class in whose part of the unit interval u lies. What rounding leaves over belongs to the last
// class that has a probability.
func pickClass[F kernel.Float](p []F, u float64) int32 {
	last := 0
	for k, v := range p {
		if !(v > 0) {
			continue
		}
		last = k
		if u -= float64(v); u < 0 {
			break
		}
	}
	return int32(last)
}

// unit draws from [0, 1).
func unit(rng *rand.PCG) float64 { return float64(rng.Uint64()>>11) / (1 << 53) }
