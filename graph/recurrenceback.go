package graph

import (
	"fmt"

	"github.com/gobptt/bptt/internal/kernel"
)

// startBack begins the backward chain when the gradients of the outputs and of the last states are known.
func (rec *recurrence[F]) startBack(terms []*term) *Node {
	in := []*Node{rec.u}
	for _, t := range terms {
		in = append(in, t.in...)
	}
	if rec.b.want.Repeat {
		rec.copies[0] = memory[F](rec.b, rec.a.size())
		rec.copies[1] = memory[F](rec.b, len(rec.products))
	}
	return rec.node("start backward", []int{rec.B, rec.H}, rec.d[0], func(*Node) error {
		rec.back.Pack(rec.b.pool, false, rec.B, rec.Gates*rec.H, rec.H, 1, data[F](rec.u), rec.H)
		for i := range rec.States {
			clear(rec.d[i])
			if g := rec.gLast[i]; g != nil {
				copy(rec.d[i], data[F](g))
			}
		}
		return nil
	}, in...)
}

// backNode writes the backward node of a step; g is the gradient with respect to its h, by way of the later steps.
func (rec *recurrence[F]) backNode(t int, g *Node) *Node {
	in := []*Node{g}
	if t == rec.first() && rec.gy != nil {
		in = append(in, rec.gy) // keeps its memory from being used again before the chain's end
	}
	step := &backwardStep[F]{rec, t}
	n := rec.node(fmt.Sprintf("step %d backward", t), []int{rec.B, rec.H}, rec.d[0], step.run, in...)
	if n != nil {
		n.also = func() []any { return []any{rec.activations(rec.gradients(), t)} }
		rec.separable(n, step)
	}
	return n
}

// first is the first step that the forward pass computes.
func (rec *recurrence[F]) first() int {
	if rec.reverse {
		return rec.T - 1
	}
	return 0
}

// backwardStep computes one time step backwards. It begins with the product
// that the step computed before it, t+1 in the forward direction, left to do: the gradient with respect to this step's h
// by way of that step's gates. So what one chunk needs of another is only ever what the last node computed, and the
// threads meet once a step.
type backwardStep[F kernel.Float] struct {
	*recurrence[F]
	t int
}

func (s *backwardStep[F]) run(*Node) error {
	s.b.pool.Run(s.chunks, s)
	return nil
}

func (s *backwardStep[F]) Chunk(chunk, worker int) {
	h := s.H
	p := s.piece(chunk, s.B, h, s.back.Align())
	if s.record != nil {
		s.record.squares[s.t*s.chunks+chunk] = 0
	}
	var gy []F // of this step's output, if its gradient isn't in d yet
	if s.gy != nil {
		gy = data[F](s.gy)[s.t*s.B*h:][:s.B*h]
	}
	if s.after(s.t) != s.finish() {
		if s.multiplyBack(s.later(s.t), gy, p) {
			gy = nil
		}
	}
	row := &s.rows[worker]
	for i := p.row; i < p.row+p.rows; i++ {
		s.row(row, s.t, i, p.from, p.to)
		if s.b.want.Repeat {
			s.copyRow(row, i, p)
		}
		for k := range s.States {
			row.D[k] = s.d[k][i*h+p.from : i*h+p.to]
		}
		if gy != nil && s.valid(s.t, i) {
			kernel.Add(row.D[0], row.D[0], gy[i*h:][p.from:p.to])
		}
		if s.record != nil {
			s.record.squares[s.t*s.chunks+chunk] += kernel.SumSquares(row.D[0])
		}
		switch {
		case !s.valid(s.t, i): // D passes on as it is
			for g := range s.Gates {
				clear(row.A[g])
				clear(row.U[g])
			}
		case !s.Direct && (s.mask != nil || s.b.want.Local):
			s.cell.Backward(row)
			clear(row.D[0])
		default:
			s.cell.Backward(row)
		}
	}
}

// copyRow makes row's activations and products copies, that the cell may overwrite.
func (s *backwardStep[F]) copyRow(row *Row[F], i int, p piece) {
	from := (s.t*s.B + i) * s.Gates * s.H
	for g := range s.Gates {
		at := from + g*s.H
		copied := s.copies[0][at+p.from : at+p.to]
		copy(copied, row.A[g])
		row.A[g] = copied
		if s.Apart {
			copied := s.copies[1][at+p.from : at+p.to]
			copy(copied, row.U[g])
			row.U[g] = copied
		}
	}
}

// multiplyBack turns the gradients of step t's gates into a part of that of the h before the step, in d[0]. If that
// doesn't hold another part of it already, it adds gy, if there is one, and reports that it has.
func (rec *recurrence[F]) multiplyBack(t int, gy []F, p piece) bool {
	h, width, at := rec.H, rec.Gates*rec.H, p.row*rec.H
	d, gates := rec.d[0][at:], rec.activations(rec.gradients(), t)[p.row*width:]
	switch {
	case rec.b.want.Local: // d holds all there is
		return false
	case rec.Direct || rec.mask != nil:
		rec.back.Mul(p.rows, gates, width, 1, d, h, p.from, p.to)
		return false
	case gy != nil:
		rec.back.MulAdd(p.rows, gates, width, gy[at:], h, d, h, p.from, p.to)
	default:
		rec.back.Mul(p.rows, gates, width, 0, d, h, p.from, p.to)
	}
	return true
}

// later is the step that the forward pass computes after step t.
func (rec *recurrence[F]) later(t int) int {
	if rec.reverse {
		return t - 1
	}
	return t + 1
}

// gradients returns, after the backward chain, the gradients with respect to the recurrent products, [T*B, Gates*H].
func (rec *recurrence[F]) gradients() []F {
	switch {
	case rec.Apart && rec.b.want.Repeat:
		return rec.copies[1]
	case rec.Apart:
		return rec.products
	case rec.b.want.Repeat:
		return rec.copies[0]
	}
	return data[F](rec.a)
}

// enterGrad gives the gradients of the recurrence's inputs from the whole window at once.
func (rec *recurrence[F]) enterGrad(n, g *Node) []*term {
	b, width, steps := rec.b, rec.Gates*rec.H, rec.T*rec.B
	terms := make([]*term, 0, len(n.in))

	var da *term
	if n.wants(0) {
		d := b.node(rec.Name+" input backward", rec.a.shape, func(*Node) error { return nil }, g)
		if d == nil {
			return make([]*term, len(n.in))
		}
		if b.want.Repeat { // where the backward steps have left it
			d.pin, d.buf = true, rec.copies[0]
		} else {
			d.base = rec.a
		}
		da = whole(d)
	}
	terms = append(terms, da)

	terms = append(terms, partial(func(sum *Node, first bool) {
		kernel.Gemm(b.pool, true, false, width, rec.H, steps, 1, rec.gradients(), width, rec.previous(), rec.H, betaOf[F](first), data[F](sum), rec.H)
	}, g))
	if rec.bias != nil {
		terms = append(terms, partial(func(sum *Node, first bool) {
			kernel.ColSums(b.pool, steps, width, rec.gradients(), width, betaOf[F](first), data[F](sum))
		}, g))
	}
	for i := range rec.States {
		terms = append(terms, partial(func(sum *Node, first bool) {
			if i == 0 {
				rec.multiplyBack(rec.first(), nil, piece{0, rec.B, 0, rec.H}) // which the first step left to do
			}
			s := data[F](sum)
			if first {
				clear(s)
			}
			kernel.Add(s, s, rec.d[i])
		}, g))
	}
	if rec.mask != nil {
		terms = append(terms, nil)
	}
	return terms
}

// betaOf is the factor of what lies in a sum before a term is added.
func betaOf[F kernel.Float](first bool) F {
	if first {
		return 0
	}
	return 1
}
