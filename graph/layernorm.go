package graph

import (
	"fmt"
	"math"
	"slices"

	"github.com/gobptt/bptt/internal/kernel"
)

// LayerNorm returns gain ⊙ (x - mean)/√(variance + eps) + shift over the last axis of x [..., F], with gain and shift
// [F] (Ba, Kiros and Hinton 2016; the variance is the biased one, as PyTorch's).
func (b *Builder) LayerNorm(x, gain, shift *Node, eps float64) *Node {
	if !b.ok("LayerNorm", x, gain, shift) || !b.floating("LayerNorm", x, gain, shift) {
		return nil
	}
	width := x.Dim(-1)
	if len(x.shape) == 0 || !slices.Equal(gain.shape, []int{width}) || !slices.Equal(shift.shape, []int{width}) {
		return b.fail(&ShapeError{Op: "LayerNorm", Got: fmt.Sprintf("input %v, gain %v, shift %v", x.shape, gain.shape, shift.shape), Want: "gain and shift as wide as the input"})
	}
	if !(eps >= 0) {
		return b.fail(&ArgumentError{Op: "LayerNorm", Name: "eps", Got: fmt.Sprint(eps), Want: "0 or more"})
	}
	normal := b.node("LayerNorm normalize", x.shape, pick(b.dtype, normalizeRun[float32](eps), normalizeRun[float64](eps)), x)
	if normal == nil {
		return nil
	}
	normal.grad = func(n, g *Node) []*term {
		run := pick(b.dtype, normalizeBack[float32](eps), normalizeBack[float64](eps))
		return []*term{whole(b.node("LayerNorm backward", x.shape, run, x, n, g))}
	}
	return b.Add(b.Mul(normal, gain), shift)
}

// moments returns the mean of a row and 1/√(variance + eps).
func moments[F kernel.Float](row []F, eps float64) (mean, scale float64) {
	for _, v := range row {
		mean += float64(v)
	}
	mean /= float64(len(row))
	variance := 0.0
	for _, v := range row {
		d := float64(v) - mean
		variance += d * d
	}
	return mean, 1 / math.Sqrt(variance/float64(len(row))+eps)
}

func normalizeRun[F kernel.Float](eps float64) func(*Node) error {
	return func(n *Node) error {
		width := n.Dim(-1)
		y := data[F](n)
		for at := 0; at < len(y); at += width {
			row := data[F](n.in[0])[at:][:width]
			mean, scale := moments(row, eps)
			for k, v := range row {
				y[at+k] = F((float64(v) - mean) * scale)
			}
		}
		return nil
	}
}

// normalizeBack: dx = scale·(g - mean(g) - y·mean(g⊙y)).
func normalizeBack[F kernel.Float](eps float64) func(*Node) error {
	return func(n *Node) error {
		width := n.Dim(-1)
		dx, x, y, g := data[F](n), data[F](n.in[0]), data[F](n.in[1]), data[F](n.in[2])
		for at := 0; at < len(dx); at += width {
			_, scale := moments(x[at:][:width], eps)
			var meanG, meanGY float64
			for k := at; k < at+width; k++ {
				meanG += float64(g[k])
				meanGY += float64(g[k]) * float64(y[k])
			}
			meanG, meanGY = meanG/float64(width), meanGY/float64(width)
			for k := at; k < at+width; k++ {
				dx[k] = F(scale * (float64(g[k]) - meanG - float64(y[k])*meanGY))
			}
		}
		return nil
	}
}
