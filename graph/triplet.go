package graph

import "github.com/gobptt/bptt/internal/kernel"

// Triplet returns the triplet loss over the hardest triplets of the batch (Schroff et al. 2015; Hermans et al. 2017,
// "batch hard"): the mean over rows a of x [N, F] with labels [N] of
//
//	max(0, d(a, p) - d(a, n) + margin)
//
// where p is the row of a's label that is farthest from a, n the row of another label that is nearest, and d the
// Euclidean distance; and the sum of the rows' weights. A row without p or n doesn't count. weight is [N]; nil: 1 each.
// A row of weight 0 is in no triplet. Only x has a gradient.
func (b *Builder) Triplet(x, label, weight *Node, margin float64) (cost, total *Node) {
	if !b.labelled("Triplet", x, label, margin) {
		return nil, nil
	}
	return pick(b.dtype, writeTriplet[float32], writeTriplet[float64])(b, x, label, weight, margin)
}

type triplet[F kernel.Float] struct {
	points[F]
	*meanLoss[F]
	margin float64
	hard   []hardest // by anchor
}

// hardest are the two rows that make the triplet of an anchor, if its loss isn't 0.
type hardest struct {
	active             bool
	positive, negative int
	far, near          float64 // their distances
}

func writeTriplet[F kernel.Float](b *Builder, x, label, weight *Node, margin float64) (cost, total *Node) {
	t := &triplet[F]{points: newPoints[F](b, x, label), margin: margin, hard: make([]hardest, x.shape[0])}
	t.meanLoss = &meanLoss[F]{rowLoss: t, rows: x.shape[0], weight: weight}
	return writeLoss(b, "Triplet", t.meanLoss, x, label)
}

func (t *triplet[F]) loss(a, _ int) (l, count float64) {
	h := hardest{positive: -1, negative: -1}
	for j := range t.rows {
		if j == a || t.weightOf(j) == 0 {
			continue
		}
		d := t.distance(a, j)
		switch {
		case t.same(a, j):
			if h.positive < 0 || d > h.far || d != d { // a NaN stays
				h.positive, h.far = j, d
			}
		case h.negative < 0 || d < h.near || d != d:
			h.negative, h.near = j, d
		}
	}
	if h.positive >= 0 && h.negative >= 0 {
		l, count = max(0, h.far-h.near+t.margin), 1
	}
	h.active = l != 0
	t.hard[a] = h
	return l, count
}

func (t *triplet[F]) gradient(dx []F, i, worker int, scale float64) {
	sum := t.work[worker]
	clear(sum)
	for a, h := range t.hard {
		w := t.unit * t.weightOf(a)
		if scale == 0 || w == 0 || !h.active {
			continue
		}
		switch i {
		case a:
			t.pull(sum, a, h.positive, h.far, w)
			t.pull(sum, a, h.negative, h.near, -w)
		case h.positive:
			t.pull(sum, i, a, h.far, w)
		case h.negative:
			t.pull(sum, i, a, h.near, -w)
		}
	}
	for k, v := range sum {
		dx[i*t.width+k] = F(v)
	}
}
