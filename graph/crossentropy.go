package graph

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/internal/kernel"
)

// CrossEntropyOptions are variants of the cross-entropy. The zero value is the plain one.
type CrossEntropyOptions struct {
	// ClassWeights has a weight for each class; nil: 1 each. A target counts as much as its class.
	ClassWeights []float64
	// Smoothing ε replaces the target by 1-ε of it and ε/C of each of the C classes (Szegedy et al. 2016). With weights
	// of classes, each class's part counts as much as the class, as in PyTorch. 0 ≤ ε ≤ 1.
	Smoothing float64
	// Focus γ multiplies a row's loss by (1-p)^γ, where p is the target's probability: the focal loss, in which rows
	// that are right already count little (Lin et al. 2017). 0 or more; not with Smoothing.
	Focus float64
}

// CrossEntropy returns the mean over N rows of -log softmax(logits)[target], in nats, for logits [N, C] and targets
// [N]. A target out of range is an error of the run.
func (b *Builder) CrossEntropy(logits, target *Node) *Node {
	cost, _ := b.WeightedCrossEntropy(logits, target, nil, CrossEntropyOptions{})
	return cost
}

// WeightedCrossEntropy returns the weighted mean over N rows of -log softmax(logits)[target], in nats, and the sum of
// the weights, for logits [N, C], targets [N] and weights [N]; nil: 1 each. A row's weight is multiplied by its
// class's. Rows of weight 0 need no target. Another target out of range is an error of the run.
func (b *Builder) WeightedCrossEntropy(logits, target, weight *Node, o CrossEntropyOptions) (cost, total *Node) {
	const op = "CrossEntropy"
	c, ok := b.newClassTargets(op, logits, target, o.ClassWeights)
	if !ok {
		return nil, nil
	}
	if !(o.Smoothing >= 0 && o.Smoothing <= 1) {
		return b.fail(&ArgumentError{Op: op, Name: "Smoothing", Got: fmt.Sprint(o.Smoothing), Want: "0 to 1"}), nil
	}
	if !(o.Focus >= 0) || !finite(o.Focus) || o.Focus > 0 && o.Smoothing > 0 {
		return b.fail(&ArgumentError{Op: op, Name: "Focus", Got: fmt.Sprint(o.Focus), Want: "0 or more, and 0 with Smoothing"}), nil
	}
	return pick(b.dtype, writeCrossEntropy[float32], writeCrossEntropy[float64])(b, c, logits, weight, o)
}

// crossEntropy leaves softmax(logits) where the backward pass makes the gradient of it, (softmax - onehot)·scale,
// unless it is to run more than once.
type crossEntropy[F kernel.Float] struct {
	classTargets
	logits    *Node
	smoothing float64
	focus     float64
	sum       float64   // of the classes' weights
	softmax   []F       // [N, C] if there is a backward pass, else a row for each worker
	nll       []float64 // by row, for Focus
}

func writeCrossEntropy[F kernel.Float](b *Builder, c classTargets, logits, weight *Node, o CrossEntropyOptions) (cost, total *Node) {
	ce := &crossEntropy[F]{classTargets: c, logits: logits, smoothing: o.Smoothing, focus: o.Focus, sum: float64(c.classes)}
	if c.weights != nil {
		ce.sum = kernel.Sum(c.weights)
	}
	ce.softmax = make([]F, b.pool.Threads()*c.classes)
	rows := logits.shape[0]
	if ce.focus > 0 {
		ce.nll = make([]float64, rows)
	}
	l := &meanLoss[F]{rowLoss: ce, rows: rows, weight: weight}
	l.check = func() error { return l.checkTargets("CrossEntropy", &ce.classTargets) }
	l.differentiated = func() []F {
		ce.softmax = memory[F](b, rows*c.classes)
		if b.want.Repeat {
			return memory[F](b, len(ce.softmax))
		}
		return ce.softmax
	}
	return writeLoss(b, "CrossEntropy", l, logits, c.target)
}

func (ce *crossEntropy[F]) loss(i, worker int) (l, count float64) {
	x := data[F](ce.logits)
	at := i
	if len(ce.softmax) < len(x) {
		at = worker
	}
	row := x[i*ce.classes:][:ce.classes]
	top, logSum := kernel.SoftmaxRow(ce.softmax[at*ce.classes:][:ce.classes], row)
	k, weight := ce.of(i)
	nll := (float64(top) - float64(row[k])) + logSum // in this order: top and row[k] may be large and almost equal
	l = weight * nll
	switch {
	case ce.smoothing > 0:
		all := ce.sum * logSum
		for j, v := range row {
			all += ce.classWeight(j) * (float64(top) - float64(v))
		}
		l = (1-ce.smoothing)*l + ce.smoothing*all/float64(ce.classes)
	case ce.focus > 0:
		ce.nll[i] = nll
		l *= math.Pow(-math.Expm1(-nll), ce.focus)
	}
	return l, weight
}

func (ce *crossEntropy[F]) classWeight(k int) float64 {
	if ce.weights == nil {
		return 1
	}
	return ce.weights[k]
}

func (ce *crossEntropy[F]) gradient(dx []F, i, _ int, scale float64) {
	row := dx[i*ce.classes:][:ce.classes]
	if scale == 0 {
		clear(row)
		return
	}
	if softmax := ce.softmax[i*ce.classes:][:ce.classes]; &row[0] != &softmax[0] {
		copy(row, softmax)
	}
	k, weight := ce.of(i)
	onTarget := scale * weight // the weight of the target's part
	if ce.focus > 0 {
		onTarget *= ce.focusSlope(ce.nll[i])
	}
	if ce.smoothing == 0 {
		kernel.Scale(F(onTarget), row)
		row[k] -= F(onTarget)
		return
	}
	onTarget *= 1 - ce.smoothing
	onEach := scale * ce.smoothing / float64(ce.classes)
	kernel.Scale(F(onTarget+onEach*ce.sum), row)
	for j := range row {
		row[j] -= F(onEach * ce.classWeight(j))
	}
	row[k] -= F(onTarget)
}

// focusSlope is the derivative of (1-p)^γ·l with respect to l, where p = e^-l.
func (ce *crossEntropy[F]) focusSlope(l float64) float64 {
	p, q := math.Exp(-l), -math.Expm1(-l)
	if q <= 0 { // p is 1: all is 0, but for a γ below 1 the formula has 0·∞
		return 0
	}
	return math.Pow(q, ce.focus) + ce.focus*math.Pow(q, ce.focus-1)*p*l
}
