package graph

import (
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
	// Gates are the activations of a sample of the sequences, over all steps, "h" itself among them where it is bounded; none
	// for an unrolled cell.
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

// Gate describes what a fused recurrence's Forward leaves in A[g], for Recording.
type Gate struct {
	Name string
	Low  float64 // the activation is between Low and 1
	Next bool    // it is what Forward leaves in Next[0], h itself, in place of A[g]
}

const (
	gateBins    = 20
	sampleEvery = 8 // sequences of which one is counted
)

// observed is a recurrence that is observed: a fused one by itself, an unrolled one by the nodes of its states.
type observed struct {
	state *stateNode // that it begins with, nil: none of the builder's
	step  bool       // one of EachStep
	read  func() Recording
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
		r.Gates[g].add(more.Gates[g].Bins)
	}
}

// ObserveSteps records the norms of the gradients of an unrolled cell's states after each time step, if the program is to
// observe; steps[t] is the state after step t, and first the state before the first one.
func (b *Builder) ObserveSteps(first *Node, steps []*Node) {
	all := append([]*Node{first}, steps...)
	if !b.ok("ObserveSteps", all...) || !b.floating("ObserveSteps", all...) || !b.observe {
		return
	}
	for _, n := range steps {
		n.watched = true
	}
	b.observed = append(b.observed, observed{b.stateOf(first), b.Stepping(), func() Recording {
		norms := make([]float64, len(steps))
		for t, n := range steps {
			if g := n.gradient; g != nil {
				norms[t] = norm(g.buf)
			}
		}
		return Recording{Norms: norms}
	}})
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
	rec.b.observed = append(rec.b.observed, observed{rec.b.stateOf(first), rec.b.Stepping(), read})
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
		rec := GateRecording{Name: gate.Name, From: gate.Low, To: 1, Bins: make([]int, gateBins)}
		for _, chunk := range r.bins {
			rec.add(chunk[g*gateBins:][:gateBins])
		}
		out.Gates = append(out.Gates, rec)
	}
	return out
}

// add counts further activations.
func (g *GateRecording) add(bins []int) {
	total := 0
	for i, n := range bins {
		g.Bins[i] += n
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
func count[F kernel.Float](bins []int, gate Gate, a []F) {
	scale := F(gateBins / (1 - gate.Low))
	for _, v := range a {
		if k := int((v - F(gate.Low)) * scale); k >= 0 && k < gateBins {
			bins[k]++
		} else if k == gateBins { // the activation is 1
			bins[k-1]++
		}
	}
}
