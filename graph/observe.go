package graph

import (
	"fmt"
	"math"
	"slices"

	"github.com/gobptt/bptt/internal/kernel"
)

// Recording is what a program with Options.Observe saw of one recurrence in its last run.
type Recording struct {
	// State is the name of the recurrence's h, with the layers' path: "1.h_l0".
	State string
	// Reverse says that it reads the window from its end.
	Reverse bool
	// Norms are ‖∂cost/∂h_t‖ for every time step t of the window, over all sequences: how much a change of h_t would
	// change the cost, at once and by way of later steps, those of later windows included if the backward pass began
	// from their gradient. nil before the first backward pass.
	Norms []float64
	// Gates are the activations of a sample of the sequences, over all valid steps, "h" itself among them where it is
	// bounded; none if the cell doesn't say what they are, by Recurrence.Activations or by ObserveGates.
	Gates []GateRecording
}

// GateRecording is the distribution of a gate's activations.
type GateRecording struct {
	Name     string
	From, To float64 // the range of the activation: 0 to 1 for a sigmoid, -1 to 1 for a tangent
	Bins     []int   // counts in equal parts of the range
	// Low and High are the shares that are saturated: in the lowest and the highest tenth of the range (Karpathy,
	// Johnson and Li 2015).
	Low, High float64
}

// Gate describes the activations of a gate, for Recording: of a fused recurrence, what Forward leaves in A[g].
type Gate struct {
	Name string
	Low  float64 // the activation is between Low and 1
	Next bool    // of a fused recurrence: it is what Forward leaves in Next[0], h itself, in place of A[g]
}

const (
	gateBins    = 20
	sampleEvery = 8 // sequences of which one is counted
)

// observed is a recurrence that is observed: a fused one by itself, an unrolled one by the nodes of its states.
type observed struct {
	state *stateNode // that it begins with, nil: none of the builder's
	step  bool       // one of EachStep
	gates []*gateNode
	read  func() Recording
}

// gateNode is a node that holds activations of a gate of an unrolled cell.
type gateNode struct {
	Gate
	n         *Node
	mask      *Node // where it is 0, a row doesn't count; nil: all do
	from      int   // where in the mask the first row is
	histogram *Node // the counts, [gateBins]
}

// Recordings returns what was seen in the last run, in the order in which the recurrences were written; none without
// Options.Observe.
func (p *Program) Recordings() []Recording {
	var all []Recording
	steps := map[string]int{} // where in all the recurrences are that EachStep has written
	for _, o := range p.b.observed {
		r := o.read()
		if o.state != nil {
			r.State, r.Reverse = o.state.name, !o.state.carried
		}
		if i, ok := steps[r.State]; ok && o.step {
			all[i].add(r)
			continue
		}
		if o.step {
			steps[r.State] = len(all)
		}
		all = append(all, r)
	}
	return all
}

// add appends what was seen of further steps.
func (r *Recording) add(more Recording) {
	r.Norms = append(r.Norms, more.Norms...)
	for g := range min(len(r.Gates), len(more.Gates)) {
		addBins(&r.Gates[g], more.Gates[g].Bins)
	}
}

// ObserveSteps records the norms of the gradients of an unrolled cell's states after each time step, if the program is to
// observe; steps[t] is the state after step t, and first the state before the first one. The recording also counts the
// gates that ObserveGates was given since first was written.
func (b *Builder) ObserveSteps(first *Node, steps []*Node) {
	all := append([]*Node{first}, steps...)
	if !b.ok("ObserveSteps", all...) || !b.floating("ObserveSteps", all...) || !b.observe {
		return
	}
	for _, n := range steps {
		n.watched = true
	}
	since := slices.IndexFunc(b.gates, func(g *gateNode) bool { return g.n.id > first.id })
	if since < 0 {
		since = len(b.gates)
	}
	gates := slices.Clone(b.gates[since:])
	b.gates = b.gates[:since] // of a cell that this one is a part of
	b.observed = append(b.observed, observed{b.stateOf(first), b.Stepping(), gates, func() Recording {
		r := Recording{Norms: make([]float64, len(steps))}
		for t, n := range steps {
			if g := n.gradient; g != nil {
				r.Norms[t] = norm(g.buf)
			}
		}
		for _, g := range gates {
			i := slices.IndexFunc(r.Gates, func(r GateRecording) bool { return r.Name == g.Name })
			if i < 0 {
				i, r.Gates = len(r.Gates), append(r.Gates, g.recording())
			}
			addBins(&r.Gates[i], indices(g.histogram))
		}
		return r
	}})
}

// ObserveGates counts activations of a cell that is written in graph ops, if the program is to observe: n[i] holds those
// of gates[i], [B, H] in a time step, or [T*B, H] of all steps. They belong to the recurrence that the next ObserveSteps is
// about. Steps that the step mask excludes don't count.
func (b *Builder) ObserveGates(gates []Gate, n ...*Node) {
	if !b.ok("ObserveGates", n...) || !b.floating("ObserveGates", n...) {
		return
	}
	if len(gates) != len(n) {
		b.fail(&ArgumentError{Op: "ObserveGates", Name: "gates", Got: fmt.Sprint(len(gates)), Want: fmt.Sprintf("one for each of the %d nodes", len(n))})
		return
	}
	if !b.observe {
		return
	}
	for i, gate := range gates {
		g := &gateNode{Gate: gate, n: n[i]}
		switch w := b.window; {
		case b.mask == nil:
		case n[i].Dim(0) == w.T*w.B:
			g.mask = b.mask
		case n[i].Dim(0) == w.B && b.step > 0 && b.step <= w.T:
			g.mask, g.from = b.mask, (b.step-1)*w.B
		}
		b.gates = append(b.gates, g)
	}
}

// writeHistograms writes the nodes that count the gates of unrolled cells. They come after all others, so that those have
// the numbers, and random masks, that they have in a program that doesn't observe.
func (b *Builder) writeHistograms() {
	for _, o := range b.observed {
		for _, g := range o.gates {
			in := []*Node{g.n}
			if g.mask != nil {
				in = append(in, g.mask)
			}
			g.histogram = b.newIndices("histogram of "+g.Name, []int{gateBins}, pick(b.dtype, histogramRun[float32], histogramRun[float64])(g), in...)
		}
	}
}

func histogramRun[F kernel.Float](g *gateNode) func(*Node) error {
	rows := max(1, g.n.Dim(0))
	width := g.n.size() / rows
	return func(n *Node) error {
		clear(indices(n))
		for i := range rows {
			if sequence := i % n.b.window.B; sequence%sampleEvery == 0 && (g.mask == nil || data[F](g.mask)[g.from+i] != 0) {
				count(indices(n), g.Gate, data[F](g.n)[i*width:][:width])
			}
		}
		return nil
	}
}

// stateOf returns the state that a recurrence begins with: its node, or one that is chosen from it, as a learned state is.
func (b *Builder) stateOf(n *Node) *stateNode {
	for _, s := range b.states {
		if n == s.in || n == s.out || slices.Contains(n.in, s.in) || s.out != nil && slices.Contains(n.in, s.out) {
			return s
		}
	}
	return nil
}

func norm(buf any) float64 {
	if f, ok := buf.([]float64); ok {
		return math.Sqrt(kernel.SumSquares(f))
	}
	return math.Sqrt(kernel.SumSquares(buf.([]float32)))
}

// recorder is what a fused recurrence counts as it runs, in each chunk by itself.
type recorder struct {
	squares []float64 // of the gradients with respect to h, by step and chunk
	bins    [][]int   // by chunk, of all gates
	chunks  int
}

// observe begins the recording of a fused recurrence.
func (rec *recurrence[F]) observe(first *Node) {
	r := &recorder{squares: make([]float64, rec.T*rec.chunks), bins: make([][]int, rec.chunks), chunks: rec.chunks}
	for i := range r.bins {
		r.bins[i] = make([]int, len(rec.Activations)*gateBins)
	}
	rec.record = r
	read := func() Recording { return r.read(rec.T, rec.Activations) }
	rec.b.observed = append(rec.b.observed, observed{rec.b.stateOf(first), rec.b.Stepping(), nil, read})
}

func (r *recorder) read(steps int, gates []Gate) Recording {
	out := Recording{Norms: make([]float64, steps)}
	for t := range steps {
		sum := 0.0
		for _, s := range r.squares[t*r.chunks:][:r.chunks] {
			sum += s
		}
		out.Norms[t] = math.Sqrt(sum)
	}
	for g, gate := range gates {
		rec := gate.recording()
		for _, chunk := range r.bins {
			addBins(&rec, chunk[g*gateBins:][:gateBins])
		}
		out.Gates = append(out.Gates, rec)
	}
	return out
}

// recording is one without any activations.
func (g Gate) recording() GateRecording {
	return GateRecording{Name: g.Name, From: g.Low, To: 1, Bins: make([]int, gateBins)}
}

// addBins counts further activations.
func addBins[N int | int32](g *GateRecording, bins []N) {
	total := 0
	for i, n := range bins {
		g.Bins[i] += int(n)
		total += g.Bins[i]
	}
	share := func(bins []int) float64 {
		sum := 0
		for _, n := range bins {
			sum += n
		}
		return float64(sum) / float64(max(total, 1))
	}
	const tenth = gateBins / 10
	g.Low, g.High = share(g.Bins[:tenth]), share(g.Bins[gateBins-tenth:])
}

// JoinRecordings joins what programs of the same model have seen of consecutive windows, the earliest first: the norms of
// all time steps, and the activations of all windows together.
func JoinRecordings(windows ...[]Recording) []Recording {
	if len(windows) == 0 {
		return nil
	}
	joined := slices.Clone(windows[0])
	for i := range joined {
		r := &joined[i]
		r.Norms, r.Gates = slices.Clone(r.Norms), slices.Clone(r.Gates)
		for g := range r.Gates {
			r.Gates[g].Bins = slices.Clone(r.Gates[g].Bins)
		}
	}
	for _, w := range windows[1:] {
		for i := range min(len(w), len(joined)) {
			joined[i].add(w[i])
		}
	}
	return joined
}

// count adds a row's activations to the bins of a chunk.
func count[N int | int32, F kernel.Float](bins []N, gate Gate, a []F) {
	scale := F(gateBins / (1 - gate.Low))
	for _, v := range a {
		if k := int((v - F(gate.Low)) * scale); k >= 0 && k < gateBins {
			bins[k]++
		} else if k == gateBins { // the activation is 1
			bins[k-1]++
		}
	}
}
