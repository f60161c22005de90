package loss

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// Focal is the focal loss (Lin et al. 2017) over a softmax: the mean over all targets of -(1-p)^γ·log p, where p is
// softmax(logits)[target]. Targets that the model is sure of already count little in the gradient, which helps where
// one class is far more frequent than the others. Output and target are those of [CrossEntropy].
type Focal struct {
	Gamma        float64   // γ; 0 means 2
	Ignore       []int     // targets that don't count; nil means -100
	ClassWeights []float64 // how much a target counts, by class (the paper's α); nil means 1 each
}

// Cost writes the loss.
func (l Focal) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	target := b.Input(seqdata.Target)
	o := graph.CrossEntropyOptions{ClassWeights: l.ClassWeights, Focus: option(b, "Focal", "Gamma", l.Gamma, 2)}
	return told(b)(b.WeightedCrossEntropy(output, target, classWeights(b, target, l.Ignore), o))
}
