package graph

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/internal/kernel"
)

// Contrastive returns the contrastive loss (Hadsell, Chopra and LeCun 2006) over all pairs of rows of x [N, F] with
// labels [N], the mean of
//
//	½·d²                 for two rows of one label, at Euclidean distance d
//	½·max(0, margin-d)²  for two of different labels
//
// and how many pairs it is the mean over, each seen from both of its rows. weight [N] weighs what a row sees; nil: 1
// each. A row of weight 0 is in no pair. Only x has a gradient.
func (b *Builder) Contrastive(x, label, weight *Node, margin float64) (cost, total *Node) {
	if !b.labelled("Contrastive", x, label, margin) {
		return nil, nil
	}
	return pick(b.dtype, writeContrastive[float32], writeContrastive[float64])(b, x, label, weight, margin)
}

// labelled checks the operands of losses of distances.
func (b *Builder) labelled(op string, x, label *Node, margin float64) bool {
	if !b.ok(op, x, label) || !b.floating(op, x) {
		return false
	}
	if len(x.shape) != 2 || !label.integer || len(label.shape) != 1 || label.shape[0] != x.shape[0] {
		b.fail(&ShapeError{Op: op, Got: fmt.Sprintf("%v, label %v", x.shape, label), Want: "[N, F] and label indices [N]"})
		return false
	}
	if !(margin >= 0) || !finite(margin) {
		b.fail(&ArgumentError{Op: op, Name: "margin", Got: fmt.Sprint(margin), Want: "a finite number, 0 or more"})
		return false
	}
	return true
}

// points are rows with labels.
type points[F kernel.Float] struct {
	x, label *Node
	width    int
	work     [][]float64 // a row, by worker
}

func newPoints[F kernel.Float](b *Builder, x, label *Node) points[F] {
	p := points[F]{x: x, label: label, width: x.shape[1]}
	for range b.pool.Threads() {
		p.work = append(p.work, make([]float64, p.width))
	}
	return p
}

func (p *points[F]) row(i int) []F { return data[F](p.x)[i*p.width:][:p.width] }

func (p *points[F]) same(i, j int) bool { return indices(p.label)[i] == indices(p.label)[j] }

// distance is the Euclidean one.
func (p *points[F]) distance(i, j int) float64 {
	sum, y := 0.0, p.row(j)
	for k, v := range p.row(i) {
		d := float64(v) - float64(y[k])
		sum += d * d
	}
	return math.Sqrt(sum)
}

// pull adds scale times the gradient of the distance between i and j, with respect to i, to sum. At distance 0, where
// it has none, it adds nothing.
func (p *points[F]) pull(sum []float64, i, j int, distance, scale float64) {
	if distance == 0 {
		return
	}
	y := p.row(j)
	for k, v := range p.row(i) {
		sum[k] += scale * (float64(v) - float64(y[k])) / distance
	}
}

type contrastive[F kernel.Float] struct {
	points[F]
	*meanLoss[F]
	margin float64
}

func writeContrastive[F kernel.Float](b *Builder, x, label, weight *Node, margin float64) (cost, total *Node) {
	c := &contrastive[F]{points: newPoints[F](b, x, label), margin: margin}
	c.meanLoss = &meanLoss[F]{rowLoss: c, rows: x.shape[0], weight: weight}
	return writeLoss(b, "Contrastive", c.meanLoss, x, label)
}

func (c *contrastive[F]) loss(i, _ int) (l, count float64) {
	for j := range c.rows {
		if j == i || c.weightOf(j) == 0 {
			continue
		}
		d := c.distance(i, j)
		if !c.same(i, j) {
			d = max(0, c.margin-d)
		}
		l += d * d / 2
		count++
	}
	return l, count
}

func (c *contrastive[F]) gradient(dx []F, i, worker int, scale float64) {
	sum := c.work[worker]
	clear(sum)
	for j := range c.rows {
		w := c.weightOf(j)
		if scale == 0 || j == i || w == 0 {
			continue
		}
		d := c.distance(i, j)
		slope := d
		if !c.same(i, j) {
			slope = -max(0, c.margin-d)
		}
		c.pull(sum, i, j, d, (scale+c.unit*w)*slope) // the pair counts in both rows
	}
	for k, v := range sum {
		dx[i*c.width+k] = F(v)
	}
}
