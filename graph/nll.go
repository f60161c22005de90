package graph

import "github.com/gobptt/bptt/internal/kernel"

// NLL returns the weighted mean over N rows of -logProbs[target], and the sum of the weights, for logarithms of
// probabilities [N, C], targets [N] and weights [N]; nil: 1 each. A row's is multiplied by that of its class, from
// classWeights; nil: 1 each. Rows of weight 0 need no target. Another target out of range is an error of the run.
func (b *Builder) NLL(logProbs, target, weight *Node, classWeights []float64) (cost, total *Node) {
	c, ok := b.newClassTargets("NLL", logProbs, target, classWeights)
	if !ok {
		return nil, nil
	}
	return pick(b.dtype, writeNLL[float32], writeNLL[float64])(b, c, logProbs, weight)
}

type nll[F kernel.Float] struct {
	classTargets
	logProbs *Node
}

func writeNLL[F kernel.Float](b *Builder, c classTargets, logProbs, weight *Node) (cost, total *Node) {
	x := &nll[F]{c, logProbs}
	l := &meanLoss[F]{rowLoss: x, rows: logProbs.shape[0], weight: weight}
	l.check = func() error { return l.checkTargets("NLL", &x.classTargets) }
	return writeLoss(b, "NLL", l, logProbs, c.target)
}

func (x *nll[F]) loss(i, _ int) (l, count float64) {
	k, weight := x.of(i)
	return -weight * float64(data[F](x.logProbs)[i*x.classes+k]), weight
}

func (x *nll[F]) gradient(dx []F, i, _ int, scale float64) {
	row := dx[i*x.classes:][:x.classes]
	clear(row)
	if scale != 0 {
		k, weight := x.of(i)
		row[k] = F(-scale * weight)
	}
}
