package loss

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// Triplet is the triplet loss of representations of whole sequences, such as final states, over the hardest triplets of
// the batch (Schroff et al. 2015; Hermans et al. 2017, "batch hard"): the mean over the sequences a of
//
//	max(0, d(a, p) - d(a, n) + m)
//
// where p is the sequence of a's class whose representation is farthest from a's, n the one of another class that is
// nearest, and d the Euclidean distance. A sequence without p or n doesn't count.
//
// The model's output is [B, F], and the input "target" holds the sequences' classes [B].
type Triplet struct {
	Margin float64 // m; 0 means 1
}

// Cost writes the loss.
func (l Triplet) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	target := b.Input(seqdata.Target)
	return told(b)(b.Triplet(output, target, rowWeights(b, target.Dim(0)), option(b, "Triplet", "Margin", l.Margin, 1)))
}
