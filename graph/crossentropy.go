package graph

import (
	"fmt"

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
	return pick(b.dtype, writeCrossEntropy[float32], writeCrossEntropy[float64])(b, logits, target)
}

// crossEntropy is what the forward and the backward node share. The forward pass leaves softmax(logits) where the
// backward pass makes the gradient of it, (softmax - onehot)·g/N, unless it is to run more than once.
type crossEntropy[F kernel.Float] struct {
	logits, target *Node
	classes        int
	softmax        []F       // [N, C] if there is a backward pass, else a row for each worker
	losses         []float64 // by row
}

func writeCrossEntropy[F kernel.Float](b *Builder, logits, target *Node) *Node {
	ce := &crossEntropy[F]{logits: logits, target: target, classes: logits.shape[1], losses: make([]float64, logits.shape[0])}
	ce.softmax = make([]F, b.pool.Threads()*ce.classes)
	n := b.node("CrossEntropy", []int{}, ce.run, logits, target)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term {
		ce.softmax = memory[F](b, len(ce.losses)*ce.classes)
		back := &crossEntropyBack[F]{crossEntropy: ce, g: g, gradient: ce.softmax}
		if b.want.Repeat {
			back.gradient = memory[F](b, len(ce.softmax))
		}
		d := b.node("CrossEntropy backward", logits.shape, back.run, target, g, n)
		if d != nil {
			d.pin, d.buf = true, back.gradient
		}
		return []*term{whole(d), nil}
	}
	return n
}

func (ce *crossEntropy[F]) run(n *Node) error {
	for i, k := range indices(ce.target) {
		if k < 0 || int(k) >= ce.classes {
			return &IndexError{Op: n.op, Position: i, Index: int(k), Limit: ce.classes}
		}
	}
	n.b.pool.Run(ce.chunks(), ce)
	sum := 0.0
	for _, l := range ce.losses {
		sum += l
	}
	data[F](n)[0] = F(sum / float64(len(ce.losses)))
	return nil
}

// chunks is how many parts the rows are cut into.
func (ce *crossEntropy[F]) chunks() int { return min(len(ce.losses), 2*ce.logits.b.pool.Threads()) }

// Chunk computes the losses of some of the rows.
func (ce *crossEntropy[F]) Chunk(chunk, worker int) {
	x, target := data[F](ce.logits), indices(ce.target)
	from, to := kernel.Split(len(target), 1, chunk, ce.chunks())
	for i := from; i < to; i++ {
		at := i
		if len(ce.softmax) < len(x) {
			at = worker
		}
		row := x[i*ce.classes:][:ce.classes]
		ce.losses[i] = kernel.SoftmaxRow(ce.softmax[at*ce.classes:][:ce.classes], row) - float64(row[target[i]])
	}
}

type crossEntropyBack[F kernel.Float] struct {
	*crossEntropy[F]
	g        *Node
	gradient []F // [N, C]
}

func (ce *crossEntropyBack[F]) run(n *Node) error {
	n.b.pool.Run(ce.chunks(), ce)
	return nil
}

func (ce *crossEntropyBack[F]) Chunk(chunk, _ int) {
	target := indices(ce.target)
	scale := data[F](ce.g)[0] / F(len(target))
	from, to := kernel.Split(len(target), 1, chunk, ce.chunks())
	for i := from; i < to; i++ {
		row := ce.gradient[i*ce.classes:][:ce.classes]
		if ce.logits.b.want.Repeat {
			copy(row, ce.softmax[i*ce.classes:])
		}
		kernel.Scale(scale, row)
		row[target[i]] -= scale
	}
}
