package graph

import (
	"fmt"
	"slices"

	"github.com/gobptt/bptt/internal/kernel"
)

// Recurrence is a cell in fused form: the engine does every matrix product, once for the whole window where it can, and
// the cell supplies the row-wise arithmetic of one time step, forward and backward.
//
// The state s has States vectors of width H, of which the first, h, is the output. A step takes the pre-activations
// a_t = x_t·W + b of Gates blocks of width H, and the recurrent product u_t = h_{t-1}·Uᵀ, likewise.
type Recurrence struct {
	Name   string
	Gates  int // at most 4
	States int // 1 or 2
	Keep   int // blocks of width H that Forward leaves for Backward, besides gates and states; at most 1

	// Apart says that u_t must reach the cell apart from a_t, with the recurrence's bias added (a GRU's reset gate
	// multiplies a part of it). Else the cell gets a_t + u_t in the memory of a_t, and there is no second bias.
	Apart bool
	// Activations says what Forward leaves in A and in Next, for recordings; it may be nil.
	Activations []Gate
	// Direct says that Backward leaves the gradient that reaches h_{t-1} by other ways than u_t.
	Direct bool

	F32 Arithmetic[float32]
	F64 Arithmetic[float64]
}

// Arithmetic is a cell's row-wise part in one precision.
type Arithmetic[F kernel.Float] struct {
	Forward, Backward func(r *Row[F])
}

// Row is what the arithmetic works on: some of the units of one sequence at one time step. All slices have one length.
type Row[F kernel.Float] struct {
	// A holds the pre-activations by gate. Forward may overwrite them with what Backward needs; Backward overwrites
	// that with the gradients with respect to a_t.
	A [4][]F
	// U holds the recurrent products by gate if they come apart. Forward may overwrite them; Backward leaves the
	// gradients with respect to u_t.
	U [4][]F
	// Prev and Next are the states before and after the step. Forward writes Next.
	Prev, Next [2][]F
	// Keep passes values from Forward to Backward.
	Keep []F
	// D holds, when Backward begins, the gradients with respect to the states after the step; when it ends, D[1] is
	// the gradient with respect to the second state before it, and D[0] the direct part, if any, of that of h_{t-1}.
	D [2][]F
}

// Recur writes a fused recurrence: T forward nodes, and T backward nodes when it is differentiated.
//
// a [T*B, Gates*H] are the input's pre-activations. If they come straight from Linear or Gather, the recurrence works in their
// memory, and no other op may use them; else it works in a copy. u [Gates*H, H] is the recurrent weight (PyTorch's
// weight_hh), bias [Gates*H] its bias, or nil, only allowed if the products come apart. s0 are the states [B, H] that
// come in. With reverse the sequence is read from its end. It returns h of all steps [T*B, H], and the states after the
// last step read. At the steps that the builder's step mask excludes, the states stay and h is 0 in the output.
func (b *Builder) Recur(r Recurrence, reverse bool, a, u, bias *Node, s0 []*Node) (y *Node, last []*Node) {
	in := []*Node{a, u}
	if bias != nil {
		in = append(in, bias)
	}
	in = append(in, s0...)
	b.fused = append(b.fused, s0...)
	if b.mask != nil {
		in = append(in, b.mask)
	}
	last = make([]*Node, max(0, min(r.States, 2)))
	if !b.ok(r.Name, in...) || !b.floating(r.Name, in...) {
		return nil, last
	}
	if err := r.check(b.dtype); err != nil {
		return b.fail(err), last
	}
	w, h := b.window, u.Dim(1)
	good := slices.Equal(a.shape, []int{w.T * w.B, r.Gates * h}) && slices.Equal(u.shape, []int{r.Gates * h, h}) && len(s0) == r.States
	good = good && (bias == nil || r.Apart && slices.Equal(bias.shape, []int{r.Gates * h}))
	for _, s := range s0 {
		good = good && slices.Equal(s.shape, []int{w.B, h})
	}
	if !good {
		b.fail(&ShapeError{Op: r.Name,
			Got:  fmt.Sprintf("pre-activations %v, weight %v, bias %v and %d states", a.shape, u.shape, bias.Shape(), len(s0)),
			Want: fmt.Sprintf("[%d, %d·H], [%d·H, H] and %d states [%d, H]", w.T*w.B, r.Gates, r.Gates, r.States, w.B)})
		return nil, last
	}
	// The backward passes of Linear and Gather read neither their own results nor anything else that would be overwritten.
	if used := slices.ContainsFunc(b.nodes[a.id:], func(n *Node) bool { return slices.Contains(n.in, a) }); used || a.op != "Linear" && a.op != "Gather" {
		if a = b.copied(r.Name+" pre-activations", a); a == nil {
			return nil, last
		}
		in[0] = a
	}
	y, last = pick(b.dtype, recur[float32], recur[float64])(b, r, pick[any](b.dtype, r.F32, r.F64), reverse, a, in, s0, bias != nil)
	if b.mask != nil {
		y = b.Mask(y, b.mask)
	}
	return y, last
}

// check finds fields that no recurrence can have.
func (r *Recurrence) check(d DType) error {
	wrong := func(name string, got, low, high int) error {
		return &ArgumentError{Op: r.Name, Name: name, Got: fmt.Sprint(got), Want: fmt.Sprintf("%d to %d", low, high)}
	}
	switch {
	case r.Gates < 1 || r.Gates > 4:
		return wrong("Gates", r.Gates, 1, 4)
	case r.States < 1 || r.States > 2:
		return wrong("States", r.States, 1, 2)
	case r.Keep < 0 || r.Keep > 1:
		return wrong("Keep", r.Keep, 0, 1)
	case d == Float32 && (r.F32.Forward == nil || r.F32.Backward == nil), d == Float64 && (r.F64.Forward == nil || r.F64.Backward == nil):
		return &ArgumentError{Op: r.Name, Name: "arithmetic in " + d.String(), Got: "nil", Want: "Forward and Backward"}
	}
	for g, a := range r.Activations {
		if !a.Next && g >= r.Gates {
			return &ArgumentError{Op: r.Name, Name: "activation " + a.Name, Got: fmt.Sprintf("number %d, of a gate", g), Want: fmt.Sprintf("below the %d gates", r.Gates)}
		}
	}
	return nil
}

// recurrence holds what the nodes of one fused recurrence share. The states of the steps lie one after the other, the
// first step's incoming state at the end where the steps begin, so that "all outputs" and "all previous states" are
// each one block of memory.
type recurrence[F kernel.Float] struct {
	Recurrence
	cell    Arithmetic[F]
	b       *Builder
	reverse bool
	T, B, H int
	division
	lanes    lanes
	record   *recorder // nil unless the recurrence is observed
	a, u     *Node
	s0       []*Node
	mask     *Node            // of the steps of each sequence, [T*B]; nil: all are valid
	bias     []F              // nil if there is none
	states   [][]F            // [T+1, B, H] each
	keep     []F              // [T, B, Keep*H]
	products []F              // u_t, [T, B, Gates*H], if they come apart
	weight   kernel.Packed[F] // uᵀ, a block [H, H] for each gate
	back     kernel.Packed[F] // u, [Gates*H, H]
	d        [2][]F           // gradient with respect to the states after the step at hand, [B, H]
	rows     []Row[F]         // one a worker
	copies   [2][]F           // of the activations and of the products, if Backward mustn't overwrite them
	gy       *Node            // gradient with respect to all outputs, nil if they have none
	gLast    []*Node          // gradient with respect to the last states, nil where there is none
}

func recur[F kernel.Float](b *Builder, r Recurrence, cell any, reverse bool, a *Node, in, s0 []*Node, biased bool) (*Node, []*Node) {
	w := b.window
	h := in[1].shape[1]
	rec := &recurrence[F]{Recurrence: r, cell: cell.(Arithmetic[F]), b: b, reverse: reverse, T: w.T, B: w.B, H: h, a: a, u: in[1], s0: s0, mask: b.mask}
	rec.states = make([][]F, r.States)
	for i := range rec.states {
		rec.states[i] = memory[F](b, (w.T+1)*w.B*h)
		rec.d[i] = memory[F](b, w.B*h)
	}
	rec.keep = memory[F](b, w.T*w.B*r.Keep*h)
	if r.Apart {
		rec.products = memory[F](b, w.T*w.B*r.Gates*h)
	}
	if biased {
		rec.bias = memory[F](b, r.Gates*h)
	}
	b.bytes += bytesOf[F](kernel.PackedLen[F](w.B, h, h, r.Gates) + kernel.PackedLen[F](w.B, r.Gates*h, h, 1))
	rec.gLast = make([]*Node, r.States)
	rec.division = divide[F](w.B, h, r.Gates, rec.back.Align(), b.pool.Threads())
	rec.lanes = lanes{b.pool, rec.chunks}
	rec.rows = make([]Row[F], b.pool.Threads())
	if b.observe {
		rec.observe(s0[0])
	}
	a.pin, a.taken = true, true
	last := make([]*Node, r.States)

	shape := []int{w.B, h}
	s := rec.node("enter", shape, rec.state(0, rec.start()), rec.enter, in...)
	if s == nil {
		return nil, last
	}
	s.grad = rec.enterGrad
	for k := range w.T {
		t := k
		if reverse {
			t = w.T - 1 - k
		}
		step := &forwardStep[F]{rec, t}
		s = rec.node(fmt.Sprintf("step %d", t), shape, rec.state(0, rec.after(t)), step.run, s)
		if s == nil {
			return nil, last
		}
		rec.separable(s, step)
		s.also = func() (computed []any) {
			for i := range r.States {
				computed = append(computed, rec.state(i, rec.after(t)))
			}
			return computed
		}
		s.grad = func(n, g *Node) []*term { return []*term{whole(rec.backNode(t, g))} }
	}
	s.combine = rec.startBack

	all := rec.states[0][w.B*h:]
	if reverse {
		all = rec.states[0][:w.T*w.B*h]
	}
	nothing := func(*Node) error { return nil }
	y := rec.node("outputs", []int{w.T * w.B, h}, all, nothing, s)
	if y == nil {
		return nil, last
	}
	y.grad = func(n, g *Node) []*term {
		rec.gy = g
		return []*term{partial(nil, g)}
	}
	for i := range last {
		last[i] = rec.node(fmt.Sprintf("last state %d", i), shape, rec.state(i, rec.finish()), nothing, s)
		if last[i] == nil {
			return nil, last
		}
		last[i].grad = func(n, g *Node) []*term {
			rec.gLast[i] = g
			return []*term{partial(nil, g)}
		}
	}
	return y, last
}

// node writes a node whose value lies in the recurrence's own memory.
func (rec *recurrence[F]) node(op string, shape []int, buf []F, run func(*Node) error, in ...*Node) *Node {
	n := rec.b.node(rec.Name+" "+op, shape, run, in...)
	if n != nil {
		n.pin, n.buf = true, buf
	}
	return n
}

// before and after are the positions of a step's states in the states' memory; start and finish those of the window's.
func (rec *recurrence[F]) before(t int) int {
	if rec.reverse {
		return t + 1
	}
	return t
}

func (rec *recurrence[F]) after(t int) int {
	if rec.reverse {
		return t
	}
	return t + 1
}

func (rec *recurrence[F]) start() int {
	if rec.reverse {
		return rec.T
	}
	return 0
}

func (rec *recurrence[F]) finish() int { return rec.T - rec.start() }

// state returns state i at a position.
func (rec *recurrence[F]) state(i, position int) []F {
	return rec.states[i][position*rec.B*rec.H:][:rec.B*rec.H]
}

// previous returns the h that each step began with, [T*B, H].
func (rec *recurrence[F]) previous() []F {
	if rec.reverse {
		return rec.states[0][rec.B*rec.H:]
	}
	return rec.states[0][:rec.T*rec.B*rec.H]
}

// activations returns the block of a step in an array of width gates, [B, Gates*H].
func (rec *recurrence[F]) activations(array []F, t int) []F {
	n := rec.B * rec.Gates * rec.H
	return array[t*n:][:n]
}

// enter packs the weight and takes the bias and the incoming states.
func (rec *recurrence[F]) enter(n *Node) error {
	h := rec.H
	if rec.bias != nil {
		copy(rec.bias, data[F](n.in[2]))
	}
	rec.weight.Pack(rec.b.pool, true, rec.B, h, h, rec.Gates, data[F](rec.u), h)
	if rec.record != nil {
		for _, bins := range rec.record.bins {
			clear(bins)
		}
	}
	for i, s := range rec.s0 {
		copy(rec.state(i, rec.start()), data[F](s))
	}
	return nil
}

// forwardStep computes one time step.
type forwardStep[F kernel.Float] struct {
	*recurrence[F]
	t int
}

func (s *forwardStep[F]) run(*Node) error {
	s.b.pool.Run(s.chunks, s)
	return nil
}

func (s *forwardStep[F]) Chunk(chunk, worker int) {
	h, width := s.H, s.Gates*s.H
	p := s.piece(chunk, s.B, h, s.weight.Align())
	prev := s.state(0, s.before(s.t))[p.row*h:]
	sum := s.activations(data[F](s.a), s.t)
	if s.Apart {
		sum = s.activations(s.products, s.t)
	}
	u := sum[p.row*width:]
	switch {
	case s.bias != nil:
		s.weight.MulAdd(p.rows, prev, h, s.bias, 0, u, width, p.from, p.to)
	case s.Apart:
		s.weight.Mul(p.rows, prev, h, 0, u, width, p.from, p.to)
	default:
		s.weight.Mul(p.rows, prev, h, 1, u, width, p.from, p.to)
	}
	row := &s.rows[worker]
	for i := p.row; i < p.row+p.rows; i++ {
		s.row(row, s.t, i, p.from, p.to)
		if !s.valid(s.t, i) {
			for k := range s.States {
				copy(row.Next[k], row.Prev[k])
			}
			continue
		}
		s.cell.Forward(row)
		if s.record != nil && i%sampleEvery == 0 {
			for g, gate := range s.Activations {
				values := row.Next[0]
				if !gate.Next {
					values = row.A[g]
				}
				count(s.record.bins[chunk][g*gateBins:][:gateBins], gate, values)
			}
		}
	}
}

// row points r at units from ≤ j < to of sequence i at step t.
func (rec *recurrence[F]) row(r *Row[F], t, i, from, to int) {
	h := rec.H
	gates := rec.activations(data[F](rec.a), t)[i*rec.Gates*h:]
	for g := range rec.Gates {
		r.A[g] = gates[g*h+from : g*h+to]
	}
	if rec.Apart {
		products := rec.activations(rec.products, t)[i*rec.Gates*h:]
		for g := range rec.Gates {
			r.U[g] = products[g*h+from : g*h+to]
		}
	}
	for s := range rec.States {
		r.Prev[s] = rec.state(s, rec.before(t))[i*h+from : i*h+to]
		r.Next[s] = rec.state(s, rec.after(t))[i*h+from : i*h+to]
	}
	if rec.Keep > 0 {
		r.Keep = rec.keep[(t*rec.B+i)*h:][from:to]
	}
}

// valid reports whether sequence i has a step t.
func (rec *recurrence[F]) valid(t, i int) bool {
	return rec.mask == nil || data[F](rec.mask)[t*rec.B+i] != 0
}

// separable tells the tape if a step's chunks only need what the same chunks of the step before it have computed.
func (rec *recurrence[F]) separable(n *Node, step kernel.Task) {
	if rec.bySequence {
		n.lanes, n.lane = &rec.lanes, step
	}
}
