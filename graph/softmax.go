package graph

import (
	"math"

	"github.com/gobptt/bptt/internal/kernel"
)

// Softmax returns e^x / Σ e^x along an axis.
func (b *Builder) Softmax(x *Node, axis int) *Node {
	return b.normalized("Softmax", x, axis, func(l lane) func(*Node) error {
		return pick(b.dtype, softmaxRun[float32](l), softmaxRun[float64](l))
	}, func(l lane) func(*Node) error {
		return pick(b.dtype, softmaxBack[float32](l), softmaxBack[float64](l))
	})
}

// LogSoftmax returns x - log Σ e^x along an axis.
func (b *Builder) LogSoftmax(x *Node, axis int) *Node {
	return b.normalized("LogSoftmax", x, axis, func(l lane) func(*Node) error {
		return pick(b.dtype, logSoftmaxRun[float32](l), logSoftmaxRun[float64](l))
	}, func(l lane) func(*Node) error {
		return pick(b.dtype, logSoftmaxBack[float32](l), logSoftmaxBack[float64](l))
	})
}

func (b *Builder) normalized(op string, x *Node, axis int, run, back func(lane) func(*Node) error) *Node {
	if !b.ok(op, x) || !b.floating(op, x) {
		return nil
	}
	axis, ok := b.axis(op, x, axis)
	if !ok {
		return nil
	}
	l := newLane(x.shape, axis)
	n := b.node(op, x.shape, run(l), x)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term { return []*term{whole(b.node(op+" backward", n.shape, back(l), n, g))} }
	return n
}

// LogSumExp returns log Σ e^x along an axis, which is dropped.
func (b *Builder) LogSumExp(x *Node, axis int) *Node {
	if !b.ok("LogSumExp", x) || !b.floating("LogSumExp", x) {
		return nil
	}
	axis, ok := b.axis("LogSumExp", x, axis)
	if !ok {
		return nil
	}
	l := newLane(x.shape, axis)
	shape := append(append([]int{}, x.shape[:axis]...), x.shape[axis+1:]...)
	totals := make([]logSum, size(shape)) // the results before rounding, for the backward pass
	n := b.node("LogSumExp", shape, pick(b.dtype, logSumExpRun[float32](l, totals), logSumExpRun[float64](l, totals)), x)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term {
		run := pick(b.dtype, logSumExpBack[float32](l, totals), logSumExpBack[float64](l, totals))
		return []*term{whole(b.node("LogSumExp backward", x.shape, run, x, n, g))}
	}
	return n
}

// lane describes the runs of an array along one axis.
type lane struct{ outer, n, inner int }

func newLane(shape []int, axis int) lane {
	return lane{size(shape[:axis]), shape[axis], size(shape[axis+1:])}
}

// each calls f with the number of every run, its first element, and the step to the next.
func (l lane) each(f func(run, first, step int)) {
	for o := range l.outer {
		for i := range l.inner {
			f(o*l.inner+i, o*l.n*l.inner+i, l.inner)
		}
	}
}

// logSum is the logarithm of a sum, in two parts: added, they may lose the second.
type logSum struct{ top, rest float64 }

// less returns x - log Σ.
func (l logSum) less(x float64) float64 { return (x - l.top) - l.rest }

// logSumExp of one run. An empty sum, all elements -Inf, is -Inf.
func logSumExp[F kernel.Float](x []F, first, n, step int) logSum {
	top := math.Inf(-1)
	for k := range n {
		top = math.Max(top, float64(x[first+k*step])) // NaN if one is
	}
	if math.IsInf(top, 0) || math.IsNaN(top) {
		return logSum{top, 0}
	}
	sum := 0.0
	for k := range n {
		sum += math.Exp(float64(x[first+k*step]) - top)
	}
	return logSum{top, math.Log(sum)}
}

func softmaxRun[F kernel.Float](l lane) func(*Node) error {
	return func(n *Node) error {
		y, x := data[F](n), data[F](n.in[0])
		l.each(func(_, first, step int) {
			total := logSumExp(x, first, l.n, step)
			for k := range l.n {
				i := first + k*step
				y[i] = F(math.Exp(total.less(float64(x[i]))))
			}
		})
		return nil
	}
}

func softmaxBack[F kernel.Float](l lane) func(*Node) error {
	return func(n *Node) error {
		dx, y, g := data[F](n), data[F](n.in[0]), data[F](n.in[1])
		l.each(func(_, first, step int) {
			inner := 0.0
			for k := range l.n {
				i := first + k*step
				inner += float64(y[i]) * float64(g[i])
			}
			for k := range l.n {
				i := first + k*step
				dx[i] = F(float64(y[i]) * (float64(g[i]) - inner))
			}
		})
		return nil
	}
}

func logSoftmaxRun[F kernel.Float](l lane) func(*Node) error {
	return func(n *Node) error {
		y, x := data[F](n), data[F](n.in[0])
		l.each(func(_, first, step int) {
			total := logSumExp(x, first, l.n, step)
			for k := range l.n {
				y[first+k*step] = F(total.less(float64(x[first+k*step])))
			}
		})
		return nil
	}
}

func logSoftmaxBack[F kernel.Float](l lane) func(*Node) error {
	return func(n *Node) error {
		dx, y, g := data[F](n), data[F](n.in[0]), data[F](n.in[1])
		l.each(func(_, first, step int) {
			total := 0.0
			for k := range l.n {
				total += float64(g[first+k*step])
			}
			for k := range l.n {
				i := first + k*step
				dx[i] = F(float64(g[i]) - math.Exp(float64(y[i]))*total)
			}
		})
		return nil
	}
}

func logSumExpRun[F kernel.Float](l lane, totals []logSum) func(*Node) error {
	return func(n *Node) error {
		l.each(func(run, first, step int) {
			totals[run] = logSumExp(data[F](n.in[0]), first, l.n, step)
			data[F](n)[run] = F(totals[run].top + totals[run].rest)
		})
		return nil
	}
}

func logSumExpBack[F kernel.Float](l lane, totals []logSum) func(*Node) error {
	return func(n *Node) error {
		dx, x, g := data[F](n), data[F](n.in[0]), data[F](n.in[2])
		l.each(func(run, first, step int) {
			for k := range l.n {
				i := first + k*step
				dx[i] = g[run] * F(math.Exp(totals[run].less(float64(x[i]))))
			}
		})
		return nil
	}
}
