package loss

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// SampledSoftmax is a linear output layer and its cross-entropy for many classes, trained on a sample of them (Bengio
// and Senécal 2008; Jean et al. 2015): in training, the softmax is over a row's target and Samples classes drawn in
// every run, so that its products don't grow with the number of classes. In evaluation and in use it is the whole
// softmax.
//
// It is the last layer of the model and the trainer's Loss, both:
//
//	output := loss.NewSampledSoftmax(hidden, classes, 500, rng)
//	t := train.Trainer{Model: layers.Sequential{embedding, lstm, output}, Loss: output, …}
//
// The input "target" holds the classes' indices [N].
type SampledSoftmax struct {
	Weight, Bias *graph.Param // [classes, in] and [classes]
	Samples      int          // drawn in every run, with replacement; at least 1
	// Frequencies of the classes, all above 0, in proportion to which they are drawn; nil: all are equally likely.
	// Whatever they are, the cost is right in the limit of many samples; the better they agree with the data, the fewer
	// it takes.
	Frequencies []float64
	Ignore      []int // targets that don't count; nil means -100
}

// NewSampledSoftmax draws weight and bias from U(-1/√in, 1/√in), as those of a linear layer.
func NewSampledSoftmax(in, classes, samples int, rng *rand.Rand) *SampledSoftmax {
	bound := 1 / math.Sqrt(float64(in))
	return &SampledSoftmax{
		Weight:  graph.NewParam(graph.Uniform(bound), rng, classes, in),
		Bias:    graph.NewParam(graph.Uniform(bound), rng, classes),
		Samples: samples,
	}
}

// Apply returns the logits [N, classes] of x [N, in]. In training it returns x, from which Cost goes on.
func (l *SampledSoftmax) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	applied(b, l, x)
	if b.Window().Train {
		return x
	}
	return b.Linear(x, b.Param(l.Weight), b.Param(l.Bias))
}

// Params returns weight and bias.
func (l *SampledSoftmax) Params() []graph.NamedParam {
	return []graph.NamedParam{{Name: "weight", Param: l.Weight}, {Name: "bias", Param: l.Bias}}
}

// Unit is that of the cost.
func (*SampledSoftmax) Unit() string { return "nats per target" }

// Cost writes the loss of what Apply has returned.
func (l *SampledSoftmax) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	if !wasApplied(b, l, "SampledSoftmax") {
		return nil
	}
	if !b.Window().Train {
		return CrossEntropy{Ignore: l.Ignore}.Cost(b, output)
	}
	target := b.Input(seqdata.Target)
	weight := classWeights(b, target, l.Ignore)
	return told(b)(b.SampledSoftmax(output, target, weight, b.Param(l.Weight), b.Param(l.Bias), l.Samples, l.Frequencies))
}

// layerKey is the key under which a builder remembers that a loss was applied as a layer.
type layerKey struct{ layer any }

func applied(b *graph.Builder, layer any, x *graph.Node) {
	b.Once(layerKey{layer}, func() *graph.Node { return x })
}

// wasApplied reports whether the layer is in the model; else its parameters would be no part of it, and stay as they
// are.
func wasApplied(b *graph.Builder, layer any, name string) bool {
	was := true
	b.Once(layerKey{layer}, func() *graph.Node {
		was = false
		b.Fail(&graph.ArgumentError{Op: name, Name: "model", Got: "without this layer", Want: fmt.Sprintf("the %s as its last layer", name)})
		return nil
	})
	return was
}
