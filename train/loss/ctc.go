package loss

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// Names of the arrays that CTC may find in a batch.
const (
	InputLengths  = "input_lengths"  // [B] ids, the number of each sequence's time steps
	TargetLengths = "target_lengths" // [B] ids, the number of each sequence's labels
)

// CTC is connectionist temporal classification (Graves et al. 2006): the negative log-likelihood, in nats, of a
// sequence of labels that is shorter than the sequence of time steps and not aligned with it. It is PyTorch's CTCLoss
// of the output's log-softmax.
//
// The model's output is the logits [T*B, C], and the whole sequences must be in one window. The input "target" holds
// the labels, an array [L, B] of a batch; a sequence with fewer labels than L has the input [TargetLengths]. One with
// fewer steps than T has the input [InputLengths], or a step mask. A sequence with neither steps nor labels doesn't
// count.
//
// The cost is the mean over the sequences of each one's loss divided by its number of labels. A sequence that has too
// few steps for its labels (each label takes one, and one more if it repeats the label before it) has the loss +Inf.
//
// A model is compiled anew for every other L, so pad the labels of a corpus to a few lengths.
type CTC struct {
	Blank        int  // the class that stands for no label
	Sum          bool // the cost is the sum of the sequences' losses
	ZeroInfinity bool // a loss that is +Inf counts as 0, and so does its gradient
}

// Unit is that of the cost.
func (l CTC) Unit() string {
	if l.Sum {
		return "nats in all"
	}
	return "nats per label"
}

// Cost writes the loss.
func (l CTC) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	target, w := b.Input(seqdata.Target), b.Window()
	mask := b.StepMask()
	if b.HasInput(InputLengths) {
		lengths := b.LengthMask(b.Input(InputLengths), w.T)
		if mask != nil {
			lengths = b.Mask(lengths, mask)
		}
		mask = lengths
	}
	var labels *graph.Node
	if b.HasInput(TargetLengths) {
		labels = b.LengthMask(b.Input(TargetLengths), target.Dim(0)/w.B)
	}
	return told(b)(b.CTC(output, target, mask, labels, graph.CTCOptions(l)))
}
