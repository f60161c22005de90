package graph

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/internal/kernel"
)

// CrossEntropy returns the mean over N rows of -log softmax(logits)[target], in nats, for logits [N, C] and targets [N].
// A target out of range is an error of the run.
func (b *Builder) CrossEntropy(logits, target *Node) *Node {
	if !b.ok("CrossEntropy", logits, target) || !b.floating("CrossEntropy", logits) {
		return nil
	}
	if len(logits.shape) != 2 || !target.integer || len(target.shape) != 1 || target.shape[0] != logits.shape[0] {
		return b.fail(&ShapeError{Op: "CrossEntropy", Got: fmt.Sprintf("logits %v, target %v", logits.shape, target.shape), Want: "logits [N, C] and target indices [N]"})
	}
	total := make([]float64, logits.shape[0]) // log Σ e^logit of each row
	n := b.node("CrossEntropy", []int{}, pick(b.dtype, crossEntropyRun[float32](total), crossEntropyRun[float64](total)), logits, target)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term {
		run := pick(b.dtype, crossEntropyBack[float32](total), crossEntropyBack[float64](total))
		return []*term{whole(b.node("CrossEntropy backward", logits.shape, run, logits, target, g, n)), nil}
	}
	return n
}

func crossEntropyRun[F kernel.Float](total []float64) func(*Node) error {
	return func(n *Node) error {
		x, target := data[F](n.in[0]), indices(n.in[1])
		classes := n.in[0].shape[1]
		sum := 0.0
		for i, k := range target {
			if k < 0 || int(k) >= classes {
				return &IndexError{Op: "CrossEntropy", Position: i, Index: int(k), Limit: classes}
			}
			total[i] = logSumExp(x, i*classes, classes, 1)
			sum += total[i] - float64(x[i*classes+int(k)])
		}
		data[F](n)[0] = F(sum / float64(len(target)))
		return nil
	}
}

func crossEntropyBack[F kernel.Float](total []float64) func(*Node) error {
	return func(n *Node) error {
		dx, x, target := data[F](n), data[F](n.in[0]), indices(n.in[1])
		classes := n.shape[1]
		scale := float64(data[F](n.in[2])[0]) / float64(len(target))
		for i, k := range target {
			row := dx[i*classes:][:classes]
			for j := range row {
				row[j] = F(scale * math.Exp(float64(x[i*classes+j])-total[i]))
			}
			row[k] -= F(scale)
		}
		return nil
	}
}
