package loss

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// CrossEntropy is the mean over all T·B targets of -log softmax(logits)[target], in nats. The model's output is
// [T*B, classes], and the input "target" holds the classes' indices.
type CrossEntropy struct{}

// Cost writes the loss.
func (CrossEntropy) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	return b.CrossEntropy(output, b.Input(seqdata.Target))
}
