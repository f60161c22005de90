package bptt

import (
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
)

// Online strategies compute the gradient forward in time: they carry the influence of the parameters on the state,
// M_t = ∂s_t/∂θ, from step to step, and keep nothing of the past besides. A step's part of the gradient is
//
//	∂L_t/∂θ + ∂L_t/∂s_{t-1} · M_{t-1}    and then    M_t = I_t + J_t·M_{t-1}
//
// where the first term, I_t = ∂s_t/∂θ and J_t = ∂s_t/∂s_{t-1} are those of one time step alone. The programs are compiled
// windows of one step, so any model and any cell will do; s is all states of all layers together. A row of I and J comes
// from a backward pass of one step. The influence lives on through updates of the parameters.

// online is what such a strategy carries.
type online struct {
	program *graph.Program
	states  []string // the carried states
	width   int      // of them together, S
	batch   int      // B
	params  []*graph.Param
	count   int // elements of the parameters, P

	influence
	before         graph.States // of the step at hand
	noise          uint64       // its seed
	seed, gradient []float64    // [B, S]
	row            []float64    // [P]
}

// influence is M, exact or not.
type influence interface {
	// apply adds g·M to sum [P], for the gradient g [B, S] with respect to the states.
	apply(sum, g []float64)
	// advance makes it that after the step whose forward pass the program has run.
	advance(o *online) error
	// clear forgets what a sequence's past was.
	clear(sequence int)
}

// online computes the gradient of some time steps. begin makes an influence of zero, or says how much memory it takes.
func (r *Run) online(op string, steps int, m mode, begin func(o *online) (influence, error)) (Result, error) {
	if steps < 1 {
		return Result{}, &graph.ArgumentError{Op: op, Name: "Window", Got: fmt.Sprint(steps), Want: "at least 1"}
	}
	var result Result
	var sum []float64
	var seen [][]graph.Recording
	for k := range steps {
		w, err := r.next(1)
		if err == io.EOF && k > 0 {
			break
		}
		if err != nil {
			return Result{}, err
		}
		p, err := r.Programs.get(w.batch, m, 0)
		if err != nil {
			return Result{}, err
		}
		o, ok := r.carried.(*online)
		if !ok || o.program != p {
			if o, err = newOnline(op, p, w, begin); err != nil {
				return Result{}, err
			}
			r.carried = o
		}
		o.before, o.noise = r.States.Clone(), w.seed
		if err := r.forward(w, m, 0); err != nil {
			return Result{}, err
		}
		if !finite(w.cost) { // there is no gradient, and the program holds the step where that began
			return Result{Loss: w.cost, Targets: result.Targets + w.targets, Weight: result.Weight + w.weight, Program: p}, nil
		}
		if sum == nil {
			sum = make([]float64, o.count)
		}
		// The step's own part, weighted as its targets are.
		p.SetCostWeight(w.weight)
		clear(o.seed)
		if err := o.back(); err != nil {
			return Result{}, err
		}
		seen = append(seen, p.Recordings())
		for i, g := range o.row {
			sum[i] += g
		}
		o.apply(sum, o.gradient)
		p.SetCostWeight(0)
		if err := o.advance(o); err != nil {
			return Result{}, err
		}
		for b, ended := range w.batch.Ends {
			if ended {
				o.clear(b)
			}
		}
		result.Loss += w.cost * w.weight
		result.Targets += w.targets
		result.Weight += w.weight
		result.Program = p
	}
	result.Loss *= shareOf(1, result.Weight)
	result.Recordings = graph.JoinRecordings(seen...)
	for _, seen := range result.Recordings {
		for t := range seen.Norms {
			seen.Norms[t] *= shareOf(1, result.Weight)
		}
	}
	for i := range sum {
		sum[i] *= shareOf(1, result.Weight)
	}
	for _, q := range r.carried.(*online).params {
		n := q.Grad.Len()
		if err := q.Grad.SetFloats(sum[:n]); err != nil {
			return Result{}, err
		}
		sum = sum[n:]
	}
	return result, nil
}

func newOnline(op string, p *graph.Program, w *window, begin func(o *online) (influence, error)) (*online, error) {
	carried := graph.States{}
	p.Store(carried)
	o := &online{program: p, batch: w.batch.B}
	for _, name := range p.StateNames() {
		s := carried[name]
		if s == nil {
			return nil, &graph.ArgumentError{Op: op, Name: "state " + name, Got: "one that isn't carried from window to window", Want: "layers that read forwards"}
		}
		o.states = append(o.states, name)
		o.width += s.Shape[1]
	}
	for _, q := range p.Params() {
		if !q.Frozen {
			o.params = append(o.params, q)
			o.count += q.Grad.Len()
		}
	}
	o.seed, o.gradient, o.row = make([]float64, o.batch*o.width), make([]float64, o.batch*o.width), make([]float64, o.count)
	var err error
	o.influence, err = begin(o)
	return o, err
}

// back runs the backward pass from the seed, and collects the gradients with respect to the incoming states and to the
// parameters.
func (o *online) back() error {
	o.eachState(func(name string, column, width int) {
		seed := o.program.StateSeed(name)
		for b := range o.batch {
			for i := range width {
				seed.SetAt(b*width+i, o.seed[b*o.width+column+i])
			}
		}
	})
	if err := o.program.Backward(); err != nil {
		return err
	}
	o.eachState(func(name string, column, width int) {
		g := o.program.StateGradient(name)
		for b := range o.batch {
			for i := range width {
				o.gradient[b*o.width+column+i] = g.At(b*width + i)
			}
		}
	})
	n := 0
	for _, q := range o.params {
		for i := range q.Grad.Len() {
			o.row[n] = q.Grad.At(i)
			n++
		}
	}
	return nil
}

// eachState calls f with the columns of each state in s.
func (o *online) eachState(f func(name string, column, width int)) {
	column := 0
	for _, name := range o.states {
		width := o.program.StateSeed(name).Shape[1]
		f(name, column, width)
		column += width
	}
}

// each runs the backward pass from every state of every sequence: f gets the rows of I and of J.
func (o *online) each(f func(b, i int, immediate, jacobian []float64)) error {
	for b := range o.batch {
		for i := range o.width {
			clear(o.seed)
			o.seed[b*o.width+i] = 1
			if err := o.back(); err != nil {
				return err
			}
			f(b, i, o.row, o.gradient[b*o.width:][:o.width])
		}
	}
	return nil
}

// influencing returns the elements, of all P, of the parameters that have an influence on the states: at random states, a
// derivative that isn't zero.
func (o *online) influencing() ([]int, error) {
	reaches := make([]bool, len(o.params))
	rng := rand.New(rand.NewPCG(1, 2))
	states := graph.States{}
	o.program.Store(states)
	o.program.SetCostWeight(0)
	for range 4 {
		for _, name := range o.states {
			s := states[name]
			for i := range s.Len() {
				s.SetAt(i, rng.NormFloat64())
			}
		}
		for i := range o.seed {
			o.seed[i] = rng.NormFloat64()
		}
		if err := o.program.Load(states); err != nil {
			return nil, err
		}
		if err := o.program.Forward(rng.Uint64()); err != nil {
			return nil, err
		}
		if err := o.back(); err != nil {
			return nil, err
		}
		n := 0
		for k, q := range o.params {
			for _, g := range o.row[n : n+q.Grad.Len()] {
				reaches[k] = reaches[k] || g != 0
			}
			n += q.Grad.Len()
		}
	}
	var elements []int
	n := 0
	for k, q := range o.params {
		for i := range q.Grad.Len() {
			if reaches[k] {
				elements = append(elements, n+i)
			}
		}
		n += q.Grad.Len()
	}
	return elements, nil
}

// defaultMemory is what an online strategy may take if nothing is said.
const defaultMemory = 1 << 30

// within checks a need of memory, that of a matrix of float64 numbers.
func within(op string, limit int64, rows, columns int) error {
	if limit == 0 {
		limit = defaultMemory
	}
	if need := 8 * float64(rows) * float64(columns); need > float64(limit) {
		return &MemoryError{Op: op, Given: limit, Need: int64(min(need, 1<<62))}
	}
	return nil
}
