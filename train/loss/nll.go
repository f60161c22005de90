package loss

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// NLL is the mean over all targets of -output[target], for an output of logarithms of probabilities [N, C]. The input
// "target" holds the classes' indices [N].
type NLL struct {
	Ignore       []int     // targets that don't count; nil means -100
	ClassWeights []float64 // how much a target counts, by class; nil means 1 each
}

// Unit is that of the cost.
func (NLL) Unit() string { return "nats per target" }

// Cost writes the loss.
func (l NLL) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	target := b.Input(seqdata.Target)
	return told(b)(b.NLL(output, target, classWeights(b, target, l.Ignore), l.ClassWeights))
}
