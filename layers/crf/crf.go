package crf

import (
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// CRF is a linear-chain conditional random field over K tags. A sequence of tags y has the score
//
//	s(y) = start[y₁] + Σ_t x_t[y_t] + Σ_t transitions[y_{t-1}, y_t] + end[y_T]
//
// given emissions x [T*B, K], and its probability is e^s(y) divided by the sum of that over all sequences of tags.
// The window is the whole sequence: nothing is carried to the next. Where the builder has a step mask, the steps that
// it leaves make the sequence.
//
// The parameters are "start_transitions" [K], "end_transitions" [K] and "transitions" [K, K], from the row's tag to the
// column's, as in the package pytorch-crf. Set a score to -Inf to forbid a tag or a transition for good.
//
// As a layer, a CRF returns its input: it stands in a model so that its parameters are the model's.
type CRF struct {
	Start, End, Transitions *graph.Param
}

// New draws all scores from U(-0.1, 0.1), as pytorch-crf does.
func New(tags int, rng *rand.Rand) *CRF {
	draw := graph.Uniform(0.1)
	return &CRF{
		Start:       graph.NewParam(draw, rng, tags),
		End:         graph.NewParam(draw, rng, tags),
		Transitions: graph.NewParam(draw, rng, tags, tags),
	}
}

// Apply returns the emissions x.
func (c *CRF) Apply(_ *graph.Builder, x *graph.Node) *graph.Node { return x }

// Params returns start_transitions, end_transitions and transitions.
func (c *CRF) Params() []graph.NamedParam {
	return []graph.NamedParam{
		{Name: "start_transitions", Param: c.Start},
		{Name: "end_transitions", Param: c.End},
		{Name: "transitions", Param: c.Transitions},
	}
}

// NegativeLogLikelihood returns -log p(tags) of each sequence, [B], in nats, for emissions [T*B, K] and tags [T*B].
// Tags at masked steps are not looked at. A sequence without steps has 0.
func (c *CRF) NegativeLogLikelihood(b *graph.Builder, emissions, tags *graph.Node) *graph.Node {
	return b.CRF(emissions, b.Param(c.Transitions), b.Param(c.Start), b.Param(c.End), tags, b.StepMask())
}

// Unit is that of the cost.
func (*CRF) Unit() string { return "nats per step" }

// Cost is the loss for a trainer, with the tags in the input "target": the sum of the negative log-likelihoods,
// divided by the number of valid steps.
func (c *CRF) Cost(b *graph.Builder, emissions *graph.Node) *graph.Node {
	sum := b.Sum(c.NegativeLogLikelihood(b, emissions, b.Input(seqdata.Target)))
	w, mask := b.Window(), b.StepMask()
	if b.Err() != nil {
		return nil
	}
	if mask == nil {
		return b.Scale(sum, 1/float64(w.T*w.B))
	}
	ones := graph.NewTensor(b.DType(), w.T*w.B)
	for i := range ones.Len() {
		ones.SetAt(i, 1)
	}
	steps := b.Sum(b.Mask(b.Const(ones), mask))
	return b.Div(sum, b.Clamp(steps, 1, math.Inf(1)))
}
