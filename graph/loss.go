package graph

import (
	"fmt"
	"slices"

	"github.com/gobptt/bptt/internal/kernel"
)

// WeightedMean returns Σ wᵢ·xᵢ / Σ wᵢ over x [N] with weights [N], and Σ wᵢ, both scalars. Elements of weight 0 are not
// looked at. If there are no others, the mean is 0. weight may be nil: 1 each. It has no gradient.
func (b *Builder) WeightedMean(x, weight *Node) (mean, total *Node) {
	if !b.ok("WeightedMean", x) || !b.floating("WeightedMean", x) {
		return nil, nil
	}
	if len(x.shape) != 1 {
		return b.fail(&ShapeError{Op: "WeightedMean", Got: fmt.Sprint(x.shape), Want: "[N]"}), nil
	}
	return pick(b.dtype, writeWeightedMean[float32], writeWeightedMean[float64])(b, x, weight)
}

func writeWeightedMean[F kernel.Float](b *Builder, x, weight *Node) (mean, total *Node) {
	return writeLoss(b, "WeightedMean", &meanLoss[F]{rows: x.shape[0], weight: weight, rowLoss: element[F]{x}}, x)
}

// element is the row loss xᵢ.
type element[F kernel.Float] struct{ x *Node }

func (e element[F]) loss(i, _ int) (l, count float64) { return float64(data[F](e.x)[i]), 1 }

func (e element[F]) gradient(dx []F, i, _ int, scale float64) { dx[i] = F(scale) }

// meanLoss is a cost that is a mean over rows, such as the targets of time steps or the sequences of a batch:
//
//	cost = Σ wᵢ·lᵢ / Σ wᵢ·cᵢ
//
// where lᵢ is the row's loss, cᵢ what it counts, mostly 1, and wᵢ its weight. A row of weight 0 isn't looked at, so
// that it may hold anything. Where no row counts, the cost is 0. Sums are taken in float64, in the order of the rows.
type meanLoss[F kernel.Float] struct {
	rowLoss[F]
	rows   int
	weight *Node // [rows]; nil: 1 each
	sum    bool  // the cost isn't divided

	check func() error // of the operands' values; nil: nothing can be wrong
	// differentiated is called if there is to be a backward pass; nil: nothing is to be done. If it returns memory, the
	// backward pass writes to that, and doesn't read the first operand.
	differentiated func() []F

	b              *Builder
	losses, counts []float64 // by row, weighted
	total          float64   // Σ wᵢ·cᵢ
	unit           float64   // in the backward pass: the scale of a row of weight 1
}

// rowLoss is the arithmetic of a loss. Rows are computed in any order and at the same time.
type rowLoss[F kernel.Float] interface {
	// loss returns a row's loss and what it counts.
	loss(row, worker int) (l, count float64)
	// gradient writes the row's part of the first operand's gradient into dx, which is that of all rows: the gradient
	// of scale times the row's loss. Where scale is 0 it must be 0.
	gradient(dx []F, row, worker int, scale float64)
}

// writeLoss writes the cost and its total weight, both scalars. Of the operands, the first has a gradient.
func writeLoss[F kernel.Float](b *Builder, op string, l *meanLoss[F], in ...*Node) (cost, total *Node) {
	if !b.rowWeights(op, l.weight, l.rows) {
		return nil, nil
	}
	if l.weight != nil {
		in = append(slices.Clone(in), l.weight)
	}
	l.b, l.losses, l.counts = b, make([]float64, l.rows), make([]float64, l.rows)
	cost = b.node(op, []int{}, l.run, in...)
	if cost == nil {
		return nil, nil
	}
	for i := range in[1:] {
		cost.fixed = append(cost.fixed, i+1)
	}
	cost.grad = func(n, g *Node) []*term {
		back := &meanLossBack[F]{meanLoss: l, g: g}
		reads := append(slices.Clone(in), g, n)
		var memory []F
		if l.differentiated != nil {
			memory = l.differentiated()
		}
		if memory != nil {
			reads = reads[1:]
		}
		d := b.node(op+" backward", in[0].shape, back.run, reads...)
		if d != nil && memory != nil {
			d.pin, d.buf = true, memory
		}
		terms := make([]*term, len(in))
		terms[0] = whole(d)
		return terms
	}
	total = b.node(op+" weight", []int{}, func(n *Node) error {
		data[F](n)[0] = F(l.total)
		return nil
	}, cost)
	return cost, total
}

// rowWeights reports whether weights fit a number of rows, or are nil.
func (b *Builder) rowWeights(op string, weight *Node, rows int) bool {
	if weight == nil {
		return true
	}
	if !b.ok(op, weight) || !b.floating(op, weight) {
		return false
	}
	if !slices.Equal(weight.shape, []int{rows}) {
		b.fail(&ShapeError{Op: op, Got: fmt.Sprint("weight ", weight.shape), Want: fmt.Sprint([]int{rows})})
		return false
	}
	return true
}

func (l *meanLoss[F]) weightOf(row int) float64 {
	if l.weight == nil {
		return 1
	}
	return float64(data[F](l.weight)[row])
}

func (l *meanLoss[F]) run(n *Node) error {
	if l.check != nil {
		if err := l.check(); err != nil {
			return err
		}
	}
	n.b.pool.Run(l.chunks(), l)
	sum := 0.0
	l.total = 0
	for i, v := range l.losses {
		sum += v
		l.total += l.counts[i]
	}
	if l.sum {
		l.total = 1
	}
	if sum != 0 || l.total != 0 {
		sum /= l.total
	}
	data[F](n)[0] = F(sum)
	if n.b.watch && !finite(sum) {
		return l.nonFinite(n, sum)
	}
	return nil
}

// nonFinite is the error for a cost that isn't finite.
func (l *meanLoss[F]) nonFinite(n *Node, cost float64) error {
	e := n.nonFinite(cost)
	for i, v := range l.losses {
		if e.From == "" && !finite(v) {
			e.From = fmt.Sprintf("the loss of %s is %v", n.b.row(i, l.rows), v)
		}
	}
	return e
}

// chunks is how many parts the rows are cut into.
func (l *meanLoss[F]) chunks() int { return min(l.rows, 2*l.b.pool.Threads()) }

// Chunk computes some of the rows.
func (l *meanLoss[F]) Chunk(chunk, worker int) {
	from, to := kernel.Split(l.rows, 1, chunk, l.chunks())
	for i := from; i < to; i++ {
		w := l.weightOf(i)
		if w == 0 {
			l.losses[i], l.counts[i] = 0, 0
			continue
		}
		v, count := l.loss(i, worker)
		l.losses[i], l.counts[i] = w*v, w*count
	}
}

// meanLossBack is the backward pass of a meanLoss.
type meanLossBack[F kernel.Float] struct {
	*meanLoss[F]
	g  *Node
	dx []F
}

func (l *meanLossBack[F]) run(n *Node) error {
	l.unit, l.dx = 0, data[F](n)
	if l.total != 0 {
		l.unit = float64(data[F](l.g)[0]) / l.total
	}
	n.b.pool.Run(l.chunks(), l)
	return nil
}

func (l *meanLossBack[F]) Chunk(chunk, worker int) {
	from, to := kernel.Split(l.rows, 1, chunk, l.chunks())
	for i := from; i < to; i++ {
		scale := l.weightOf(i)
		if scale != 0 { // also if unit is NaN
			scale *= l.unit
		}
		l.gradient(l.dx, i, worker, scale)
	}
}

// classTargets are the targets of a loss: one of some classes for each row.
type classTargets struct {
	target  *Node
	classes int
	weights []float64 // of the classes; nil: 1 each
}

// newClassTargets checks the operands that losses of classes have: scores [N, C] and targets [N].
func (b *Builder) newClassTargets(op string, scores, target *Node, weights []float64) (classTargets, bool) {
	if !b.ok(op, scores, target) || !b.floating(op, scores) {
		return classTargets{}, false
	}
	if len(scores.shape) != 2 || !target.integer || len(target.shape) != 1 || target.shape[0] != scores.shape[0] {
		b.fail(&ShapeError{Op: op, Got: fmt.Sprintf("scores %v, target %v", scores.shape, target), Want: "scores [N, C] and target indices [N]"})
		return classTargets{}, false
	}
	c := classTargets{target, scores.shape[1], slices.Clone(weights)}
	if weights != nil && len(weights) != c.classes {
		b.fail(&ArgumentError{Op: op, Name: "class weights", Got: fmt.Sprint(len(weights), " numbers"), Want: fmt.Sprintf("none or one for each of %d classes", c.classes)})
		return classTargets{}, false
	}
	for k, w := range weights {
		if !(w >= 0) || !finite(w) {
			b.fail(&ArgumentError{Op: op, Name: "class weight", Got: fmt.Sprintf("%v for class %d", w, k), Want: "a finite number, 0 or more"})
			return classTargets{}, false
		}
	}
	return c, true
}

// of returns a row's target and the weight of that class.
func (c *classTargets) of(row int) (class int, weight float64) {
	k := indices(c.target)[row]
	if c.weights == nil {
		return int(k), 1
	}
	return int(k), c.weights[k]
}

// checkTargets returns an error for the first target that counts and isn't one of the classes.
func (l *meanLoss[F]) checkTargets(op string, c *classTargets) error {
	for i, k := range indices(c.target) {
		if (k < 0 || int(k) >= c.classes) && l.weightOf(i) != 0 {
			return l.b.indexError(op, i, l.rows, k, c.classes)
		}
	}
	return nil
}

// indexError is an IndexError that says which time step and sequence the i-th of n rows belongs to.
func (b *Builder) indexError(op string, i, n int, index int32, limit int) error {
	err := &IndexError{Op: op, Position: i, Index: int(index), Limit: limit}
	if n != b.window.B && n != b.window.T*b.window.B {
		return err
	}
	return fmt.Errorf("%s: %w", b.row(i, n), err)
}

// row is the time step and the sequence that the i-th of n rows belongs to, for messages.
func (b *Builder) row(i, n int) string {
	switch w := b.window; n {
	case w.B: // also of a window of one step, whose place in the sequence isn't known here
		return fmt.Sprintf("sequence %d", i)
	case w.T * w.B:
		return fmt.Sprintf("step %d of sequence %d", i/w.B, i%w.B)
	}
	return fmt.Sprintf("row %d", i)
}
