package graph

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"gorgonia.org/gorgonia"

	"github.com/gobptt/bptt/internal/kernel"
)

// Program is a compiled window: the forward pass, the backward pass if it was asked for, and the memory of both. A
// program belongs to one goroutine at a time.
type Program struct {
	b       *Builder
	forth   gorgonia.VM
	back    gorgonia.VM // nil without a backward pass
	cost    *Node
	total   *Node // the cost and what AddCost has added
	params  []boundParam
	inGrads map[string]*Node // gradients of the wanted inputs
	gOut    map[string]*Node // leaves: gradient of the cost with respect to the outgoing states
	gIn     map[string]*Node // gradient with respect to the incoming states
	size    int
}

// boundParam is a parameter and the nodes that use its memory.
type boundParam struct {
	p       *Param
	leaf    *Node
	grad    *Node // nil: the cost doesn't depend on it, or it is frozen
	version int
	kept    any // the gradient before a BackwardAdd, if that can't add to it
}

// keep saves the gradient before a backward pass, and add adds it to that pass's own.
func (bp *boundParam) keep() {
	switch g := bp.grad.buf.(type) {
	case []float32:
		kept, _ := bp.kept.([]float32)
		bp.kept = append(kept[:0], g...)
	case []float64:
		kept, _ := bp.kept.([]float64)
		bp.kept = append(kept[:0], g...)
	}
}

func (bp *boundParam) add() {
	switch g := bp.grad.buf.(type) {
	case []float32:
		kernel.Add(g, g, bp.kept.([]float32))
	case []float64:
		kernel.Add(g, g, bp.kept.([]float64))
	}
}

// Gradients says what Compile differentiates with respect to, besides the parameters. The zero value is the common
// case.
type Gradients struct {
	// Inputs are names of floating-point inputs; see Program.InputGradient.
	Inputs []string
	// States adds, to the cost, the inner product of the outgoing states with gradients given by Program.StateSeed,
	// and asks for the gradient with respect to the incoming states, Program.StateGradient. With it, the gradient of a
	// sequence of any length is found window by window, from the last to the first.
	States bool
	// Repeat lets Program.Backward be called any number of times after one Program.Forward, with other seeds. It takes
	// memory: what the forward pass has left isn't overwritten.
	Repeat bool
	// Local leaves out what reaches a fused recurrence's earlier steps through its recurrent weight. What is left stays
	// within a unit, such as the path through an LSTM's cell state: e-prop (Bellec et al. 2020). Compile fails if a
	// carried state isn't that of a fused recurrence.
	Local bool
}

// Forward compiles a program without a backward pass. The cost may be nil, else it is a scalar node.
func (b *Builder) Forward(cost *Node) (*Program, error) { return b.compile(cost, nil) }

// Compile compiles a program that computes a scalar cost and its gradients with respect to all parameters in use.
func (b *Builder) Compile(cost *Node, want Gradients) (*Program, error) {
	if cost == nil && b.err == nil {
		return nil, &ArgumentError{Op: "Compile", Name: "cost", Got: "nil", Want: "a scalar node"}
	}
	return b.compile(cost, &want)
}

// compiling is held while Gorgonia is at work: it counts hash collisions in global variables.
var compiling sync.Mutex

func (b *Builder) compile(cost *Node, want *Gradients) (*Program, error) {
	p := &Program{b: b, inGrads: map[string]*Node{}, gOut: map[string]*Node{}, gIn: map[string]*Node{}}
	if err := b.finish(p, cost); err != nil {
		return nil, err
	}
	for param, n := range b.params {
		p.params = append(p.params, boundParam{p: param, leaf: n, version: param.version})
	}
	// In the order written: a map's order would change the order of the backward nodes from run to run.
	slices.SortFunc(p.params, func(x, y boundParam) int { return x.leaf.id - y.leaf.id })

	compiling.Lock()
	defer compiling.Unlock()
	if want != nil {
		b.want, b.weight = *want, 1
		if err := p.differentiate(*want); err != nil {
			return nil, err
		}
	}
	order, err := p.order()
	if err != nil {
		return nil, err
	}
	for _, bp := range p.params {
		if bp.grad != nil {
			bp.grad.buf = bp.p.Grad.raw()
		}
	}
	p.size = b.bytes + plan(b.dtype, order, b.want.Repeat)
	cut := slices.IndexFunc(order, func(n *Node) bool { return n.backward })
	if cut < 0 {
		cut = len(order)
	}
	if p.forth, err = newTape(order[:cut]); err == nil && want != nil {
		p.back, err = newTape(order[cut:])
	}
	return p, err
}

// finish checks that the forward graph is whole.
func (b *Builder) finish(p *Program, cost *Node) error {
	if b.err == nil && b.compiled {
		return &ArgumentError{Op: "Compile", Name: "builder", Got: "compiled already", Want: "a new one for every program"}
	}
	for _, s := range b.states {
		if s.out == nil {
			b.fail(&ArgumentError{Op: "Compile", Name: "state " + s.name, Got: "begun by State but never set", Want: "a SetState"})
		}
	}
	if cost != nil && b.ok("Compile", cost) && b.floating("Compile", cost) {
		if size(cost.shape) != 1 {
			b.fail(&ShapeError{Op: "Compile", Got: fmt.Sprintf("a cost of shape %v", cost.shape), Want: "a scalar"})
		} else {
			p.cost = b.copied("cost", cost)
			p.total = p.cost
			for _, c := range b.costs {
				p.total = b.Add(p.total, c)
			}
		}
	}
	if b.err == nil && !slices.ContainsFunc(b.nodes, func(n *Node) bool { return n.gnode.Op() != nil }) {
		b.fail(&ArgumentError{Op: "Compile", Name: "graph", Got: "without ops", Want: "at least one"})
	}
	b.writeHistograms()
	b.compiled = b.err == nil
	return b.err
}

// differentiate writes the backward pass.
func (p *Program) differentiate(want Gradients) error {
	b := p.b
	var wanted []*Node
	var trained []*boundParam
	for i := range p.params {
		if bp := &p.params[i]; !bp.p.Frozen {
			trained, wanted = append(trained, bp), append(wanted, bp.leaf)
		}
	}
	for _, name := range want.Inputs {
		n := b.inputs[name]
		if n == nil || n.integer {
			return &ArgumentError{Op: "Compile", Name: "wanted input", Got: fmt.Sprintf("%q", name), Want: "a floating-point input"}
		}
		wanted = append(wanted, n)
	}
	ends := []*Node{p.total}
	if want.States {
		for _, s := range b.states {
			wanted = append(wanted, s.in)
			ends = append(ends, s.out)
		}
	}
	if want.Local {
		for _, s := range b.states {
			if !slices.Contains(b.fused, s.in) {
				return &ArgumentError{Op: "Compile", Name: "state " + s.name, Got: "not that of a fused recurrence", Want: "fused recurrences only, for Local gradients"}
			}
		}
	}
	b.activate(wanted, ends)

	b.backward = true
	b.path = nil
	seeds := p.seeds(ends, want.States)
	if b.err != nil {
		return b.err
	}
	grads, err := b.backpropagate(wanted, ends, seeds)
	if err != nil {
		return err
	}
	b.path, b.step = nil, 0 // of the op that was gone through last
	for i, bp := range trained {
		bp.grad = p.resultOf(grads[i], "parameter gradient")
	}
	grads = grads[len(trained):]
	for i, name := range want.Inputs {
		p.inGrads[name] = p.resultOf(grads[i], "input gradient")
	}
	grads = grads[len(want.Inputs):]
	for i, g := range grads {
		s := b.states[i]
		if g = p.resultOf(g, "state gradient"); g == nil { // the cost doesn't depend on it
			g = b.leaf("zero", b.dtype.gorgonia(), s.in.shape, b.dtype.make(s.in.size()))
		}
		p.gIn[s.name] = g
	}
	b.backward = false
	return b.err
}

// seeds writes the gradients that the backward pass starts from. Each depends on every result of the forward pass, so
// backward nodes run after all forward nodes that lead to one.
func (p *Program) seeds(ends []*Node, states bool) []*Node {
	b := p.b
	forward := slices.Clone(ends)
	for _, o := range b.outputs {
		forward = append(forward, o.node)
	}
	for _, s := range b.states {
		if !states {
			forward = append(forward, s.out)
		}
	}
	one := b.node("seed", p.total.shape, pick(b.dtype, seedRun[float32], seedRun[float64]), forward...)
	seeds := []*Node{one}
	if states {
		for _, s := range b.states {
			leaf := b.leaf("state seed "+s.name, b.dtype.gorgonia(), s.in.shape, b.dtype.make(s.in.size()))
			p.gOut[s.name] = leaf
			seeds = append(seeds, b.node("state seed", leaf.shape, pick(b.dtype, copyRun[float32], copyRun[float64]), leaf, one))
		}
	}
	return seeds
}

func seedRun[F kernel.Float](n *Node) error {
	data[F](n)[0] = F(n.b.weight)
	return nil
}

// resultOf makes a gradient readable after the run: it gives the node memory of its own, or writes a copy if the
// node's memory is shared with other values or serves another result already.
func (p *Program) resultOf(g *Node, op string) *Node {
	if g == nil {
		return nil
	}
	if g.base != nil || g.pin {
		g.adds = false
		g = p.b.node(op, g.shape, pick(p.b.dtype, copyRun[float32], copyRun[float64]), g)
		if g == nil {
			return nil
		}
	}
	g.pin = true
	return g
}

// order returns the graph's nodes in the order in which they run.
func (p *Program) order() ([]*Node, error) {
	sorted, err := gorgonia.Sort(p.b.g)
	if err != nil {
		return nil, &OpError{Op: "Compile", Err: err}
	}
	slices.Reverse(sorted) // Gorgonia's order is from the outputs to the inputs
	order := make([]*Node, len(sorted))
	for i, n := range sorted {
		order[i] = p.b.byGorg[n]
	}
	slices.SortStableFunc(order, func(x, y *Node) int { return phase(x) - phase(y) })
	return order, nil
}

// phase is 0 for the forward pass and 1 for the backward pass, which nothing of the forward pass needs.
func phase(n *Node) int {
	if n.backward {
		return 1
	}
	return 0
}

// Bytes is the memory that the program's values take, without the parameters.
func (p *Program) Bytes() int { return p.size }

// Graph returns the network as an explicit Gorgonia graph, forward and backward pass, to look at.
func (p *Program) Graph() *gorgonia.ExprGraph { return p.b.g }

// Nodes is the number of nodes of the graph.
func (p *Program) Nodes() int { return len(p.b.nodes) }

// Params returns the parameters that the program uses, in the order in which the model has written them.
func (p *Program) Params() []*Param {
	var params []*Param
	for _, bp := range p.params {
		params = append(params, bp.p)
	}
	return params
}

// Window returns what the program is compiled for.
func (p *Program) Window() Window { return p.b.window }

// Run computes the program once: Forward, and Backward if the program has a backward pass. The seed determines the random
// masks of this run; the same seed gives the same masks.
func (p *Program) Run(seed uint64) error {
	if err := p.Forward(seed); err != nil || p.back == nil {
		return err
	}
	return p.Backward()
}

// Forward runs the forward pass alone.
func (p *Program) Forward(seed uint64) error {
	p.b.noise = seed
	return p.run(p.forth)
}

// Backward runs the backward pass of the last Forward, once only unless the program was compiled with Gradients.Repeat.
// The parameters' gradients are overwritten, not added to; those that the cost doesn't depend on become zero.
func (p *Program) Backward() error {
	if p.back == nil {
		return &ArgumentError{Op: "Backward", Name: "program", Got: "without a backward pass", Want: "one made by Compile"}
	}
	for _, bp := range p.params {
		if bp.grad == nil && !bp.p.Frozen {
			bp.p.Grad.Zero()
		}
	}
	return p.run(p.back)
}

// BackwardAdd is Backward, but adds to what the parameters' gradients hold.
func (p *Program) BackwardAdd() error {
	if p.back == nil {
		return p.Backward()
	}
	for i := range p.params {
		if bp := &p.params[i]; bp.grad != nil && !bp.grad.adds {
			bp.keep()
		}
	}
	p.b.adding = true
	err := p.run(p.back)
	p.b.adding = false
	for i := range p.params {
		if bp := &p.params[i]; bp.grad != nil && !bp.grad.adds {
			bp.add()
		}
	}
	return err
}

// SetCostWeight sets the factor that the next backward passes multiply the cost by; it is 1 at first. Cost doesn't change,
// nor do the gradients that begin at StateSeed.
func (p *Program) SetCostWeight(w float64) { p.b.weight = w }

func (p *Program) run(machine gorgonia.VM) error {
	for _, bp := range p.params {
		if bp.version != bp.p.version {
			return &ArgumentError{Op: "Run", Name: "parameter", Got: "moved to other memory after Compile", Want: "SetDType and NewArena before Compile"}
		}
	}
	p.b.failed = nil
	machine.Reset()
	err := machine.RunAll()
	if p.b.failed != nil {
		return p.b.failed
	}
	return err
}

// FirstNonFinite runs the program again with the same seed and returns a *NonFiniteError for the first op whose result
// holds a NaN or an infinity, or nil if there is none. The error calls a parameter by its name if that is among params, such
// as the model's.
func (p *Program) FirstNonFinite(params ...NamedParam) error {
	p.b.watch, p.b.named = true, params
	err := p.Run(p.b.noise)
	p.b.watch, p.b.named = false, nil
	var nf *NonFiniteError
	if errors.As(err, &nf) {
		return nf
	}
	return err
}

// Cost returns the cost of the last run, NaN-safe; 0 for a program without one.
func (p *Program) Cost() float64 {
	if p.cost == nil {
		return 0
	}
	return at(p.cost.buf, 0)
}

// TargetWeight returns the sum of the targets' weights that the cost of the last run is the mean over, and whether the
// loss has told it (Builder.SetTargetWeight).
func (p *Program) TargetWeight() (weight float64, ok bool) {
	if p.b.weighed == nil {
		return 0, false
	}
	return at(p.b.weighed.buf, 0), true
}

func at(buf any, i int) float64 {
	if f, ok := buf.([]float64); ok {
		return f[i]
	}
	return float64(buf.([]float32)[i])
}

// SetFloats fills a floating-point input, rounding to the program's precision.
func (p *Program) SetFloats(name string, v []float32) error {
	n, err := p.input(name, false, len(v))
	if err != nil {
		return err
	}
	if dst, ok := n.buf.([]float32); ok {
		copy(dst, v)
		return nil
	}
	dst := n.buf.([]float64)
	for i, x := range v {
		dst[i] = float64(x)
	}
	return nil
}

// SetFloat64s fills a floating-point input from float64 values, rounding to the program's precision.
func (p *Program) SetFloat64s(name string, v []float64) error {
	n, err := p.input(name, false, len(v))
	if err != nil {
		return err
	}
	t := p.tensor(n)
	return t.SetFloats(v)
}

// SetInts fills an input of indices.
func (p *Program) SetInts(name string, v []int32) error {
	n, err := p.input(name, true, len(v))
	if err != nil {
		return err
	}
	copy(indices(n), v)
	return nil
}

func (p *Program) input(name string, integer bool, count int) (*Node, error) {
	n := p.b.inputs[name]
	switch {
	case n == nil:
		return nil, &ArgumentError{Op: "set input", Name: "name", Got: fmt.Sprintf("%q", name), Want: "an input of the program"}
	case n.integer != integer:
		kind := map[bool]string{true: "indices", false: "floating-point values"}
		return nil, &ArgumentError{Op: "input " + name, Name: "data", Got: kind[integer], Want: kind[n.integer]}
	case n.size() != count:
		return nil, &ShapeError{Op: "input " + name, Got: fmt.Sprintf("%d values", count), Want: fmt.Sprintf("%d for shape %v", n.size(), n.shape)}
	}
	return n, nil
}

// Output returns a value that was asked for with Builder.Output. It is overwritten by the next run; nil if there is no
// such output.
func (p *Program) Output(name string) *Tensor {
	for _, o := range p.b.outputs {
		if o.name == name {
			return p.tensor(o.node)
		}
	}
	return nil
}

// InputGradient returns the gradient of the cost with respect to an input named in Gradients.Inputs, nil if it wasn't
// or if the cost doesn't depend on it.
func (p *Program) InputGradient(name string) *Tensor { return p.tensor(p.inGrads[name]) }

// StateSeed returns the gradient of the cost with respect to an outgoing state, for the caller to fill: zeros until
// then. It is nil unless Gradients.States was set.
func (p *Program) StateSeed(name string) *Tensor { return p.tensor(p.gOut[name]) }

// StateGradient returns the gradient of the cost with respect to an incoming state, nil unless Gradients.States was set.
func (p *Program) StateGradient(name string) *Tensor { return p.tensor(p.gIn[name]) }

func (p *Program) tensor(n *Node) *Tensor {
	if n == nil {
		return nil
	}
	t := &Tensor{Shape: n.shape}
	t.setRaw(n.buf)
	return t
}
