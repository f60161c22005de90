package graph

import (
	"fmt"
	"math"
	"slices"

	"github.com/gobptt/bptt/internal/kernel"
)

// CTCOptions are variants of connectionist temporal classification. The zero value is PyTorch's default.
type CTCOptions struct {
	Blank        int  // the class that stands for no label
	Sum          bool // the cost is the sum of the sequences' losses
	ZeroInfinity bool // a sequence with too few time steps for its labels has the loss 0, not +Inf, and the gradient 0
}

// CTC is connectionist temporal classification (Graves et al. 2006): the negative log-likelihood, in nats, of each
// sequence's labels under all alignments with its time steps. A time step emits one label or the blank; repeats of a
// label without a blank between them are one.
//
// logits are [T*B, C], of which the op takes the log-softmax itself; target holds the labels, indices [L*B] with label
// l of sequence b at l*B+b. mask [T*B] is 0 where a sequence has no time step, targetMask [L*B] where it has no label;
// either may be nil: all are there. A sequence with neither steps nor labels doesn't count. The cost is the mean over
// the sequences of the loss divided by the number of labels, and total is the number of sequences, or 1 with Sum.
//
// The loss and the gradient come from the forward-backward algorithm in logarithms and float64. A label that is out of
// range or the blank is an error of the run.
func (b *Builder) CTC(logits, target, mask, targetMask *Node, o CTCOptions) (cost, total *Node) {
	in := []*Node{logits, target}
	for _, m := range []*Node{mask, targetMask} {
		if m != nil {
			in = append(in, m)
		}
	}
	if !b.ok("CTC", in...) || !b.floating("CTC", append(in[:1:1], in[2:]...)...) {
		return nil, nil
	}
	w := b.window
	good := len(logits.shape) == 2 && logits.shape[0] == w.T*w.B && target.integer && len(target.shape) == 1
	good = good && target.shape[0]%w.B == 0 && (mask == nil || slices.Equal(mask.shape, logits.shape[:1]))
	good = good && (targetMask == nil || slices.Equal(targetMask.shape, target.shape))
	if !good {
		return b.fail(&ShapeError{Op: "CTC",
			Got:  fmt.Sprintf("logits %v, target %v, mask %v, target mask %v", logits.shape, target, mask.Shape(), targetMask.Shape()),
			Want: fmt.Sprintf("[T*B, C], indices [L*B], [T*B] and [L*B], with T = %d and B = %d", w.T, w.B)}), nil
	}
	if o.Blank < 0 || o.Blank >= logits.shape[1] {
		return b.fail(&ArgumentError{Op: "CTC", Name: "Blank", Got: fmt.Sprint(o.Blank), Want: fmt.Sprintf("0 to %d", logits.shape[1]-1)}), nil
	}
	if states := 2*(target.shape[0]/w.B) + 1; w.T*w.B > maxElements/states {
		return b.fail(&ShapeError{Op: "CTC", Got: fmt.Sprintf("%d time steps and %d labels", w.T, states/2), Want: "fewer: every pair of them takes memory"}), nil
	}
	return pick(b.dtype, writeCTC[float32], writeCTC[float64])(b, in, mask, targetMask, o)
}

type ctc[F kernel.Float] struct {
	logits, target   *Node
	mask, targetMask *Node
	batch, classes   int
	o                CTCOptions
	lattices         []ctcLattice // by sequence
	work             []ctcWork[F] // by worker
}

// ctcLattice is a sequence, as the forward pass leaves it for the backward pass. Its states are its labels with blanks
// before, between and after them.
type ctcLattice struct {
	times  []int     // the rows of logits that are the sequence's time steps
	states []int     // their classes
	norm   []logSum  // of the logits, by time
	alpha  []float64 // [times, states], log probability of all alignments up to a time that end in a state
	total  float64   // log probability of all alignments
}

type ctcWork[F kernel.Float] struct {
	softmax    []F       // a row
	beta, next []float64 // by state
	terms      []float64 // [3, states]
	tops       []float64
}

func writeCTC[F kernel.Float](b *Builder, in []*Node, mask, targetMask *Node, o CTCOptions) (cost, total *Node) {
	w := b.window
	c := &ctc[F]{logits: in[0], target: in[1], mask: mask, targetMask: targetMask, batch: w.B, classes: in[0].shape[1], o: o}
	states := 2*(c.target.shape[0]/w.B) + 1
	c.lattices = make([]ctcLattice, w.B)
	for i := range c.lattices {
		c.lattices[i] = ctcLattice{
			times: make([]int, 0, w.T), states: make([]int, 0, states),
			norm: make([]logSum, w.T), alpha: memory[float64](b, w.T*states),
		}
	}
	c.work = make([]ctcWork[F], b.pool.Threads())
	for i := range c.work {
		c.work[i] = ctcWork[F]{
			softmax: make([]F, c.classes), beta: make([]float64, states), next: make([]float64, states),
			terms: make([]float64, 3*states), tops: make([]float64, states),
		}
	}
	return writeLoss(b, "CTC", &meanLoss[F]{rowLoss: c, rows: w.B, sum: o.Sum, check: c.check}, in...)
}

func held[F kernel.Float](mask *Node, i int) bool { return mask == nil || data[F](mask)[i] != 0 }

func (c *ctc[F]) check() error {
	for i, k := range indices(c.target) {
		switch {
		case !held[F](c.targetMask, i):
		case k < 0 || int(k) >= c.classes:
			return fmt.Errorf("label %d of sequence %d: %w", i/c.batch, i%c.batch, &IndexError{Op: "CTC", Position: i, Index: int(k), Limit: c.classes})
		case int(k) == c.o.Blank:
			return &ArgumentError{Op: "target", Name: fmt.Sprintf("label %d of sequence %d", i/c.batch, i%c.batch), Got: fmt.Sprintf("the blank, %d", k), Want: "a label"}
		}
	}
	return nil
}

// lattice lays out a sequence.
func (c *ctc[F]) lattice(b int) *ctcLattice {
	m := &c.lattices[b]
	m.times, m.states = m.times[:0], append(m.states[:0], c.o.Blank)
	for i := b; i < c.logits.shape[0]; i += c.batch {
		if held[F](c.mask, i) {
			m.times = append(m.times, i)
		}
	}
	target := indices(c.target)
	for i := b; i < len(target); i += c.batch {
		if held[F](c.targetMask, i) {
			m.states = append(m.states, int(target[i]), c.o.Blank)
		}
	}
	return m
}

func (m *ctcLattice) labels() int { return len(m.states) / 2 }

// skips reports whether state s may follow state s-2: a label that differs from the one before.
func (m *ctcLattice) skips(s int) bool {
	return s%2 == 1 && s >= 3 && m.states[s] != m.states[s-2]
}

// emit adds the log probability of each state's class at time t.
func (c *ctc[F]) emit(m *ctcLattice, t int, states []float64) {
	row, norm := data[F](c.logits)[m.times[t]*c.classes:][:c.classes], m.norm[t]
	for s, k := range m.states {
		states[s] += norm.less(float64(row[k]))
	}
}

// add computes dst = log(e^x + e^y + e^z) for the terms x, y and z of each state.
func (w *ctcWork[F]) add(dst []float64) {
	n := len(dst)
	x, y, z := w.terms[:n], w.terms[n:][:n], w.terms[2*n:][:n]
	for s := range dst {
		top := max(x[s], y[s], z[s])
		w.tops[s] = top
		if math.IsInf(top, -1) {
			top = 0
		}
		x[s], y[s], z[s] = x[s]-top, y[s]-top, z[s]-top
	}
	kernel.Exp(w.terms[:3*n], w.terms[:3*n])
	for s := range dst {
		dst[s] = w.tops[s] + math.Log(x[s]+y[s]+z[s])
	}
}

// forward fills the lattice.
func (c *ctc[F]) forward(m *ctcLattice, w *ctcWork[F]) {
	n := len(m.states)
	x, y, z := w.terms[:n], w.terms[n:][:n], w.terms[2*n:][:n]
	inf := math.Inf(-1)
	for t, row := range m.times {
		top, rest := kernel.SoftmaxRow(w.softmax, data[F](c.logits)[row*c.classes:][:c.classes])
		m.norm[t] = logSum{float64(top), rest}
		alpha := m.alpha[t*n:][:n]
		if t == 0 {
			for s := range alpha {
				alpha[s] = inf
			}
			clear(alpha[:min(n, 2)]) // begins with the blank or the first label
		} else {
			last := m.alpha[(t-1)*n:][:n]
			for s := range last {
				x[s], y[s], z[s] = last[s], inf, inf
				if s > 0 {
					y[s] = last[s-1]
				}
				if m.skips(s) {
					z[s] = last[s-2]
				}
			}
			w.add(alpha)
		}
		c.emit(m, t, alpha)
	}
	m.total = inf // if there are no steps
	if len(m.times) > 0 {
		end := m.alpha[(len(m.times)-1)*n:][:n]
		m.total = logAdd(end[max(n-2, 0):])
	}
}

// logAdd returns log Σ e^x for one or two numbers.
func logAdd(x []float64) float64 {
	top := slices.Max(x)
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v - top)
	}
	if math.IsInf(top, -1) {
		return top
	}
	return top + math.Log(sum)
}

func (c *ctc[F]) loss(b, worker int) (l, count float64) {
	m := c.lattice(b)
	if m.labels() == 0 && len(m.times) == 0 {
		return 0, 0
	}
	c.forward(m, &c.work[worker])
	switch l = -m.total; {
	case math.IsInf(l, 1) && c.o.ZeroInfinity:
		return 0, 1
	case c.o.Sum:
		return l, 1
	}
	return l / float64(max(m.labels(), 1)), 1
}

func (c *ctc[F]) gradient(dx []F, b, worker int, scale float64) {
	for i := b; i < c.logits.shape[0]; i += c.batch {
		clear(dx[i*c.classes:][:c.classes])
	}
	m := &c.lattices[b]
	if !c.o.Sum {
		scale /= float64(max(m.labels(), 1))
	}
	if math.IsInf(m.total, -1) {
		if c.o.ZeroInfinity {
			return
		}
		scale = math.NaN() // there is no direction in which it becomes possible
	}
	if scale != 0 {
		c.backward(m, &c.work[worker], dx, scale)
	}
}

// backward writes the gradient: the softmax less the share of all alignments that emit a class at a time.
func (c *ctc[F]) backward(m *ctcLattice, w *ctcWork[F], dx []F, scale float64) {
	n := len(m.states)
	x, y, z := w.terms[:n], w.terms[n:][:n], w.terms[2*n:][:n]
	inf := math.Inf(-1)
	beta, next := w.beta[:n], w.next[:n] // log probability of all that comes after time t from a state
	last := len(m.times) - 1
	for t := last; t >= 0; t-- {
		beta, next = next, beta
		if t == last {
			for s := range beta {
				beta[s] = inf
			}
			clear(beta[max(n-2, 0):])
		} else {
			for s := range next {
				x[s], y[s], z[s] = next[s], inf, inf
				if s+1 < n {
					y[s] = next[s+1]
				}
				if s+2 < n && m.skips(s+2) {
					z[s] = next[s+2]
				}
			}
			w.add(beta)
		}
		share := w.terms[:n]
		for s, v := range m.alpha[t*n:][:n] {
			share[s] = v + beta[s] - m.total
		}
		kernel.Exp(share, share)

		row := dx[m.times[t]*c.classes:][:c.classes]
		kernel.SoftmaxRow(row, data[F](c.logits)[m.times[t]*c.classes:][:c.classes])
		kernel.Scale(F(scale), row)
		blank := 0.0
		for s, k := range m.states {
			if s%2 == 0 {
				blank += share[s]
			} else {
				row[k] -= F(scale * share[s])
			}
		}
		row[c.o.Blank] -= F(scale * blank)
		c.emit(m, t, beta)
	}
}
