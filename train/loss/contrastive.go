package loss

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// Contrastive is the contrastive loss (Hadsell, Chopra and LeCun 2006) of representations of whole sequences, such as
// final states: the mean over all pairs of sequences of the batch of
//
//	½·d²            for two of one class, whose representations have the Euclidean distance d
//	½·max(0, m-d)²  for two of different classes
//
// The model's output is [B, F], and the input "target" holds the sequences' classes [B].
type Contrastive struct {
	Margin float64 // m; 0 means 1
}

// Cost writes the loss.
func (l Contrastive) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	target := b.Input(seqdata.Target)
	return told(b)(b.Contrastive(output, target, rowWeights(b, target.Dim(0)), option(b, "Contrastive", "Margin", l.Margin, 1)))
}
