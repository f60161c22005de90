package loss

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// CrossEntropy is the mean over all targets of -log softmax(logits)[target], in nats. The model's output is the logits
// [N, C], and the input "target" holds the classes' indices [N].
type CrossEntropy struct {
	Ignore       []int     // targets that don't count, such as the id of padding; nil means -100
	ClassWeights []float64 // how much a target counts, by class; nil means 1 each
	Smoothing    float64   // ε of label smoothing (Szegedy et al. 2016): ε/C of the target is spread over all classes
}

// Unit is that of the cost.
func (CrossEntropy) Unit() string { return "nats per target" }

// Cost writes the loss.
func (l CrossEntropy) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	target := b.Input(seqdata.Target)
	o := graph.CrossEntropyOptions{ClassWeights: l.ClassWeights, Smoothing: l.Smoothing}
	return told(b)(b.WeightedCrossEntropy(output, target, classWeights(b, target, l.Ignore), o))
}
