package graph

import (
	"fmt"
	"slices"

	"github.com/gobptt/bptt/internal/kernel"
)

// PointLoss returns the loss of one number y of the target, in the given column of its row, and fills slope with its
// derivatives with respect to x, the numbers of the output that speak of y. It is called by several goroutines at once.
type PointLoss func(column int, x []float64, y float64, slope []float64) float64

// PointwiseLoss returns the weighted mean over N rows of the mean of a function f over their columns, and the sum of
// the weights, for a target [N, ...] and weights [N]; nil: 1 each. If f takes one number of the output (numbers is 1),
// the output has the target's shape. If it takes more, the output is [N, numbers·F] for a target [N, F]: the first F
// columns hold the first of them, and so on. Rows of weight 0 may hold anything. Only the output has a gradient. name
// is that of the op in errors.
func (b *Builder) PointwiseLoss(name string, output, target, weight *Node, numbers int, f PointLoss) (cost, total *Node) {
	if !b.ok(name, output, target) || !b.floating(name, output, target) {
		return nil, nil
	}
	if numbers < 1 || f == nil {
		return b.fail(&ArgumentError{Op: name, Name: "PointLoss", Got: fmt.Sprintf("%d numbers, function given: %t", numbers, f != nil), Want: "a function of at least one number"}), nil
	}
	fits := len(target.shape) > 0 && slices.Equal(output.shape, target.shape)
	want := fmt.Sprint("the target's shape ", target.shape)
	if numbers > 1 {
		fits = len(target.shape) == 2 && len(output.shape) == 2 && output.shape[0] == target.shape[0]
		fits = fits && output.shape[1]%numbers == 0 && output.shape[1]/numbers == target.shape[1]
		want = fmt.Sprintf("[N, %d·F] for a target [N, F]", numbers)
	}
	if !fits {
		return b.fail(&ShapeError{Op: name, Got: fmt.Sprintf("output %v, target %v", output.shape, target.shape), Want: want}), nil
	}
	return pick(b.dtype, writePointwise[float32], writePointwise[float64])(b, name, output, target, weight, numbers, f)
}

type pointwise[F kernel.Float] struct {
	output, target *Node
	numbers, width int
	f              PointLoss
	x, slope       [][]float64 // by worker
}

func writePointwise[F kernel.Float](b *Builder, name string, output, target, weight *Node, numbers int, f PointLoss) (cost, total *Node) {
	rows := target.shape[0]
	p := &pointwise[F]{output: output, target: target, numbers: numbers, width: target.size() / rows, f: f}
	for range b.pool.Threads() {
		p.x, p.slope = append(p.x, make([]float64, numbers)), append(p.slope, make([]float64, numbers))
	}
	return writeLoss(b, name, &meanLoss[F]{rowLoss: p, rows: rows, weight: weight}, output, target)
}

func (p *pointwise[F]) loss(row, worker int) (l, count float64) {
	for j := range p.width {
		l += p.at(row, j, worker)
	}
	return l / float64(p.width), 1
}

// at calls the function for one number of the target. The worker's slope then holds the derivatives.
func (p *pointwise[F]) at(row, column, worker int) float64 {
	x := p.x[worker]
	from := data[F](p.output)[row*p.width*p.numbers+column:]
	for k := range x {
		x[k] = float64(from[k*p.width])
	}
	return p.f(column, x, float64(data[F](p.target)[row*p.width+column]), p.slope[worker])
}

func (p *pointwise[F]) gradient(dx []F, row, worker int, scale float64) {
	to := dx[row*p.width*p.numbers:][:p.width*p.numbers]
	if scale == 0 {
		clear(to)
		return
	}
	scale /= float64(p.width)
	for j := range p.width {
		p.at(row, j, worker)
		for k, s := range p.slope[worker] {
			to[k*p.width+j] = F(scale * s)
		}
	}
}
