package loss

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// AdaptiveSoftmax is an output layer and its cross-entropy for many classes that are numbered from the most frequent to
// the rarest (Grave et al. 2017). The frequent ones and clusters of the others share one softmax, the head; each
// cluster has one of its own, from a narrower projection of the input, which is computed only for the rows whose target
// is in it. It is an exact distribution, and the cost grows with few of the classes.
//
// It is the last layer of the model and the trainer's Loss, both:
//
//	output := loss.NewAdaptiveSoftmax(hidden, 50000, []int{2000, 10000}, rng)
//	t := train.Trainer{Model: layers.Sequential{embedding, lstm, output}, Loss: output, …}
//
// The input "target" holds the classes' indices [N]. Parameters have the names and shapes that they have in PyTorch's
// AdaptiveLogSoftmaxWithLoss.
type AdaptiveSoftmax struct {
	Head   *graph.Param      // [shortlist + clusters, in]
	Tails  [][2]*graph.Param // of each cluster: [width, in] and [its classes, width]
	Ignore []int             // targets that don't count; nil means -100
}

// NewAdaptiveSoftmax makes a head for the classes below the first cutoff and a cluster from each cutoff to the next,
// the last one to the number of classes. Each cluster's projection is a quarter as wide as the one before, and the
// first a quarter as wide as the input. Weights are drawn from U(-1/√width, 1/√width), as those of linear layers.
func NewAdaptiveSoftmax(in, classes int, cutoffs []int, rng *rand.Rand) *AdaptiveSoftmax {
	linear := func(in, out int) *graph.Param {
		return graph.NewParam(graph.Uniform(1/math.Sqrt(float64(in))), rng, out, in)
	}
	ends := append(append([]int{}, cutoffs...), classes)
	l := &AdaptiveSoftmax{Head: linear(in, ends[0]+len(cutoffs))}
	width := in
	for i := range cutoffs {
		width = max(width/4, 1)
		l.Tails = append(l.Tails, [2]*graph.Param{linear(in, width), linear(width, ends[i+1]-ends[i])})
	}
	return l
}

// Apply returns x [N, in], from which Cost goes on, if there is an input "target"; else, as in generation, the
// logarithms of all classes' probabilities [N, classes].
func (l *AdaptiveSoftmax) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	applied(b, l, x)
	if b.HasInput(seqdata.Target) {
		return x
	}
	head := b.LogSoftmax(b.Linear(x, b.Param(l.Head), nil), -1)
	short := head.Dim(-1) - len(l.Tails)
	all := []*graph.Node{b.Slice(head, 1, 0, short)}
	for i, t := range l.Tails {
		in := b.LogSoftmax(b.Linear(b.Linear(x, b.Param(t[0]), nil), b.Param(t[1]), nil), -1)
		all = append(all, b.Add(in, b.Slice(head, 1, short+i, short+i+1)))
	}
	return b.Concat(1, all...)
}

// Params returns the weights.
func (l *AdaptiveSoftmax) Params() []graph.NamedParam {
	params := []graph.NamedParam{{Name: "head.weight", Param: l.Head}}
	for i, t := range l.Tails {
		params = append(params,
			graph.NamedParam{Name: fmt.Sprintf("tail.%d.0.weight", i), Param: t[0]},
			graph.NamedParam{Name: fmt.Sprintf("tail.%d.1.weight", i), Param: t[1]})
	}
	return params
}

// Unit is that of the cost.
func (*AdaptiveSoftmax) Unit() string { return "nats per target" }

// Cost writes the loss of what Apply has returned.
func (l *AdaptiveSoftmax) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	if !wasApplied(b, l, "AdaptiveSoftmax") {
		return nil
	}
	target := b.Input(seqdata.Target)
	var tails []*graph.Node
	for _, t := range l.Tails {
		tails = append(tails, b.Param(t[0]), b.Param(t[1]))
	}
	return told(b)(b.AdaptiveSoftmax(output, target, classWeights(b, target, l.Ignore), b.Param(l.Head), tails))
}
