package graph

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/gobptt/bptt/internal/kernel"
)

// Window is what a program is compiled for: T time steps of B sequences, in training or in evaluation.
type Window struct {
	T, B  int
	Train bool // dropout and the like are active
}

// Options of a Builder. The zero value is the common case.
type Options struct {
	DType   DType // precision; the default is Float32
	Threads int   // that an op may use at once; 0: as many as runtime.GOMAXPROCS. Results don't depend on it.
	Observe bool  // record how the gradient flows through time, see Program.Recordings
}

// Builder writes the nodes of one window. Errors are sticky: after the first, every method does nothing and returns
// nil, and Err and Compile report it.
type Builder struct {
	window   Window
	dtype    DType
	pool     *kernel.Pool
	g        *gorgonia.ExprGraph
	nodes    []*Node // in the order written, which is topological
	byGorg   map[*gorgonia.Node]*Node
	path     []string
	err      error
	inputs   map[string]*Node
	params   map[*Param]*Node
	outputs  []output
	states   []*stateNode
	once     map[any]*Node
	fused    []*Node // states that fused recurrences begin with
	observe  bool
	observed []observed
	gates    []*gateNode // that no recurrence in observed has yet
	costs    []*Node     // added to the cost that is differentiated
	mask     *Node       // of the time steps, [T*B]; nil: all are valid
	stepping stepping
	step     int // the time step that is being written, counted from 1; 0: no particular one
	bytes    int // memory that ops hold besides what plan gives them

	compiled bool
	want     Gradients
	backward bool         // the nodes written now belong to the backward pass
	weight   float64      // of the cost in the backward pass. Here, as a Program in a cycle of pointers would never be collected.
	noise    uint64       // seed of this run's random masks
	adding   bool         // this run is a BackwardAdd
	watch    bool         // check every result for NaN and Inf
	named    []NamedParam // what parameters are called, while watch is set
	failed   error        // what an op returned in this run

	weighed *Node // the sum of the targets' weights; nil: not known
}

type output struct {
	name string
	node *Node
}

// stateNode is one carried state: the leaf it comes in by and the node it goes out by.
type stateNode struct {
	name    string
	in, out *Node
	carried bool // into the next window
	open    bool // begun by State, and not set yet
	step    int  // of EachStep in which it was begun last; 0: none
}

// maxThreads is more than any machine of today has use for.
const maxThreads = 1 << 10

// NewBuilder starts a graph.
func NewBuilder(w Window, o Options) *Builder {
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	o.Threads = min(o.Threads, maxThreads)
	b := &Builder{
		window: w, dtype: o.DType, pool: kernel.NewPool(o.Threads), observe: o.Observe,
		g:      gorgonia.NewGraph(),
		byGorg: map[*gorgonia.Node]*Node{},
		inputs: map[string]*Node{},
		params: map[*Param]*Node{},
		once:   map[any]*Node{},
	}
	if want := checkShape([]int{w.T, w.B}); want != "" {
		b.fail(&ArgumentError{Op: "NewBuilder", Name: "window", Got: fmt.Sprintf("T=%d B=%d", w.T, w.B), Want: want})
	}
	return b
}

// Window returns what the graph is built for.
func (b *Builder) Window() Window { return b.window }

// DType returns the precision of the graph.
func (b *Builder) DType() DType { return b.dtype }

// Err returns the first error.
func (b *Builder) Err() error { return b.err }

// Fail records an error of a layer's own, if it is the first.
func (b *Builder) Fail(err error) { b.fail(err) }

func (b *Builder) fail(err error) *Node {
	if b.err == nil {
		switch e := err.(type) { // copied: a parameter's error is shared by all builders that meet it
		case *ShapeError:
			located := *e
			located.Layer = b.layer()
			err = &located
		case *ArgumentError:
			located := *e
			located.Layer = b.layer()
			err = &located
		}
		b.err = err
	}
	return nil
}

// Enter names the layer that writes the nodes until the matching Leave. Nested names join with dots; they prefix the
// names of states and stand in error messages.
func (b *Builder) Enter(name string) { b.path = append(b.path, name) }

// Leave ends the layer begun by the last Enter.
func (b *Builder) Leave() {
	if len(b.path) == 0 {
		b.fail(&ArgumentError{Op: "Leave", Name: "layer", Got: "none", Want: "one begun by Enter"})
		return
	}
	b.path = b.path[:len(b.path)-1]
}

// AtStep calls write, and notes that the nodes that it writes compute time step t, for messages such as that of
// Program.FirstNonFinite.
func (b *Builder) AtStep(t int, write func()) {
	if write == nil {
		b.fail(&ArgumentError{Op: "AtStep", Name: "write", Got: "nil", Want: "a function"})
		return
	}
	before := b.step
	if before == 0 { // else the step of EachStep, of which this window is a part
		b.step = t + 1
	}
	write()
	b.step = before
}

func (b *Builder) layer() string { return strings.Join(b.path, ".") }

// ok reports whether an op may be written: no error so far, and operands that belong to this builder.
func (b *Builder) ok(op string, in ...*Node) bool {
	if b.err != nil {
		return false
	}
	if b.compiled && !b.backward {
		b.fail(&ArgumentError{Op: op, Name: "builder", Got: "compiled already", Want: "a new one"})
		return false
	}
	for i, n := range in {
		if n == nil || n.b != b {
			b.fail(&ArgumentError{Op: op, Name: fmt.Sprintf("operand %d", i), Got: "no node of this builder", Want: "one"})
			return false
		}
		if n.taken {
			b.fail(&ArgumentError{Op: op, Name: fmt.Sprintf("operand %d", i), Got: "the pre-activations of a recurrence, which it overwrites", Want: "another node"})
			return false
		}
	}
	return true
}

// Node is one value of the graph.
type Node struct {
	b     *Builder
	id    int // position in the builder's nodes
	op    string
	layer string
	step  int // the time step that it belongs to, counted from 1; 0: no particular one
	shape []int
	in    []*Node
	gnode *gorgonia.Node

	// buf is the memory of the value, []float32, []float64 or, for indices, []int32.
	buf    any
	base   *Node        // whose memory this node's value is part of; nil: its own
	pin    bool         // the memory is not from the shared plan
	lanes  *lanes       // that lane works in; nil: the node is one piece of work
	lane   kernel.Task  // what run does, cut into lanes
	also   func() []any // further memory that the op computes, where a search for NaN looks; nil: none
	taken  bool         // a recurrence has taken the memory over
	lookup bool         // a Gather that hands on all of its gradient

	run  func(n *Node) error      // computes buf from the inputs' bufs
	grad func(n, g *Node) []*term // the gradient's terms, one an input, nil where there is none

	fixed    []int  // inputs that have no gradient, by their nature
	integer  bool   // holds indices: no gradient
	backward bool   // belongs to the backward pass
	flows    []bool // which inputs Gorgonia hands a gradient to, see gradient.go
	adds     bool   // a BackwardAdd adds to the value that is there
	watched  bool   // its gradient is kept
	gradient *Node  // of a watched node
	active   bool   // lies between a wanted leaf and the cost
	pending  []*term
	left     int                       // active uses whose gradient term is still to come
	combine  func(terms []*term) *Node // sums the gradient terms; nil: addition
}

// Shape returns the node's shape. The caller must not change it.
func (n *Node) Shape() []int {
	if n == nil {
		return nil
	}
	return n.shape
}

// Dim returns the size of one axis; negative axes count from the end. It is 0 where there is no such axis.
func (n *Node) Dim(axis int) int {
	if n == nil {
		return 0
	}
	if axis < 0 {
		axis += len(n.shape)
	}
	if axis < 0 || axis >= len(n.shape) {
		return 0
	}
	return n.shape[axis]
}

func (n *Node) String() string { return fmt.Sprintf("%s%v", place(n.layer, n.op), n.shape) }

func (n *Node) size() int { return size(n.shape) }

// root is the node that owns the memory.
func (n *Node) root() *Node {
	for n.base != nil {
		n = n.base
	}
	return n
}

// data returns a node's elements.
func data[F kernel.Float](n *Node) []F { return n.buf.([]F) }

// memory returns n elements for an op to hold.
func memory[F kernel.Float](b *Builder, n int) []F {
	b.bytes += bytesOf[F](n)
	return make([]F, n)
}

func bytesOf[F kernel.Float](n int) int {
	var f F
	return n * int(unsafe.Sizeof(f))
}

func indices(n *Node) []int32 { return n.buf.([]int32) }

// pick returns the variant for a precision.
func pick[A any](d DType, f32, f64 A) A {
	if d == Float64 {
		return f64
	}
	return f32
}

// node writes an op. The shape must be known to be good; in are its inputs.
func (b *Builder) node(op string, shape []int, run func(n *Node) error, in ...*Node) *Node {
	if want := checkShape(shape); want != "" {
		return b.fail(&ShapeError{Op: op, Got: fmt.Sprint("result ", shape), Want: want})
	}
	return b.write(&Node{op: op, shape: slices.Clone(shape), in: slices.Clone(in), run: run})
}

// indexNode writes an op whose result is indices.
func (b *Builder) indexNode(op string, shape []int, run func(n *Node) error, in ...*Node) *Node {
	return b.write(&Node{op: op, shape: slices.Clone(shape), in: slices.Clone(in), run: run, integer: true})
}

// newIndices writes an op whose result is indices, in memory of its own: the plan gives out that of values.
func (b *Builder) newIndices(op string, shape []int, run func(n *Node) error, in ...*Node) *Node {
	n := b.indexNode(op, shape, run, in...)
	if n != nil {
		n.pin, n.buf = true, make([]int32, n.size())
	}
	return n
}

func (b *Builder) write(n *Node) *Node {
	n.b, n.id, n.layer, n.step, n.backward = b, len(b.nodes), b.layer(), b.step, b.backward
	n.flows = make([]bool, len(n.in))
	kids := make([]*gorgonia.Node, len(n.in))
	for i, m := range n.in {
		kids[i] = m.gnode
	}
	gn, err := gorgonia.ApplyOp(&gorgoniaOp{n}, kids...)
	if err != nil {
		return b.fail(&OpError{Layer: n.layer, Op: n.op, Err: err})
	}
	return b.add(n, gn)
}

func (b *Builder) add(n *Node, gn *gorgonia.Node) *Node {
	if b.byGorg[gn] != nil {
		panic("graph: Gorgonia merged two nodes")
	}
	n.gnode = gn
	b.nodes = append(b.nodes, n)
	b.byGorg[gn] = n
	return n
}

// leaf writes an input of the graph.
func (b *Builder) leaf(op string, dt tensor.Dtype, shape []int, buf any) *Node {
	n := &Node{b: b, id: len(b.nodes), op: op, layer: b.layer(), shape: slices.Clone(shape), pin: true, buf: buf, backward: b.backward}
	n.integer = dt == tensor.Int32
	gn := gorgonia.NewTensor(b.g, dt, len(shape), gorgonia.WithShape(shape...),
		gorgonia.WithName(fmt.Sprintf("%s#%d", op, n.id)), gorgonia.WithValue(wrap(shape, buf)))
	return b.add(n, gn)
}

// Floats writes an input of floating-point data; fill it with Program.SetFloats.
func (b *Builder) Floats(name string, shape ...int) *Node {
	return b.input(name, b.dtype.gorgonia(), b.dtype.make, shape)
}

// Ints writes an input of indices; fill it with Program.SetInts.
func (b *Builder) Ints(name string, shape ...int) *Node {
	return b.input(name, tensor.Int32, func(n int) any { return make([]int32, n) }, shape)
}

func (b *Builder) input(name string, dt tensor.Dtype, alloc func(int) any, shape []int) *Node {
	if !b.ok("input " + name) {
		return nil
	}
	want := checkShape(shape)
	if len(shape) == 0 {
		want = "at least one axis"
	}
	if want != "" {
		return b.fail(&ShapeError{Op: "input " + name, Got: fmt.Sprint(shape), Want: want})
	}
	if b.inputs[name] != nil {
		return b.fail(&ArgumentError{Op: "input", Name: "name", Got: fmt.Sprintf("%q again", name), Want: "a new one"})
	}
	n := b.leaf(name, dt, shape, alloc(size(shape)))
	b.inputs[name] = n
	return n
}

// Input returns the input that was declared under a name, for models that read more than one.
func (b *Builder) Input(name string) *Node {
	if !b.ok("Input") {
		return nil
	}
	n := b.inputs[name]
	if n == nil {
		return b.fail(&ArgumentError{Op: "Input", Name: "name", Got: fmt.Sprintf("%q", name), Want: "a declared input"})
	}
	return n
}

// HasInput reports whether an input was declared under a name.
func (b *Builder) HasInput(name string) bool { return b.inputs[name] != nil }

// Const writes a tensor whose value never changes.
func (b *Builder) Const(t *Tensor) *Node {
	if !b.ok("Const") {
		return nil
	}
	if t == nil {
		return b.fail(&ArgumentError{Op: "Const", Name: "tensor", Got: "nil", Want: "a tensor"})
	}
	if want := checkShape(t.Shape); want != "" || size(t.Shape) != t.Len() {
		return b.fail(&ShapeError{Op: "Const", Got: fmt.Sprintf("shape %v with %d values", t.Shape, t.Len()), Want: "as many values as the shape has"})
	}
	c := NewTensor(b.dtype, t.Shape...)
	if err := c.Copy(t); err != nil {
		return b.fail(err)
	}
	return b.leaf("Const", b.dtype.gorgonia(), t.Shape, c.raw())
}

// Param writes a parameter. Using one twice gives the same node.
func (b *Builder) Param(p *Param) *Node {
	if !b.ok("Param") {
		return nil
	}
	if n := b.params[p]; n != nil {
		return n
	}
	if p == nil {
		return b.fail(&ArgumentError{Op: "Param", Name: "parameter", Got: "nil", Want: "a parameter"})
	}
	if p.err != nil {
		return b.fail(p.err)
	}
	if p.DType() != b.dtype {
		return b.fail(&ArgumentError{Op: "Param", Name: "precision", Got: p.DType().String(), Want: b.dtype.String()})
	}
	n := b.leaf("Param", b.dtype.gorgonia(), p.Shape(), p.Value.raw())
	b.params[p] = n
	return n
}

// Once returns what write wrote when it was first called for this key: a node that a layer or a cell needs only once in
// the window, however many steps use it, such as a dropout mask that stays the same over time. The key is comparable and
// the caller's own, such as a pointer to the layer.
func (b *Builder) Once(key any, write func() *Node) *Node {
	if n, ok := b.once[key]; ok || b.err != nil {
		return n
	}
	n := write()
	b.once[key] = n
	return n
}

// AddCost adds a scalar to the cost that the gradients are of, such as an auxiliary loss or a penalty on activations.
// Program.Cost doesn't report it.
func (b *Builder) AddCost(n *Node) {
	if !b.ok("AddCost", n) || !b.floating("AddCost", n) {
		return
	}
	if size(n.shape) != 1 {
		b.fail(&ShapeError{Op: "AddCost", Got: fmt.Sprintf("a cost of shape %v", n.shape), Want: "a scalar"})
		return
	}
	b.costs = append(b.costs, b.Reshape(n))
}

// Aside calls write for a cost beside the model's own, such as one that AddCost is for. Meanwhile the input that names
// gives for a name is found under that name, and SetTargetWeight has no effect.
func (b *Builder) Aside(names map[string]string, write func()) {
	if !b.ok("Aside") {
		return
	}
	if write == nil {
		b.fail(&ArgumentError{Op: "Aside", Name: "write", Got: "nil", Want: "a function"})
		return
	}
	before, weighed := maps.Clone(b.inputs), b.weighed
	for name, declared := range names {
		if before[declared] == nil {
			b.fail(&ArgumentError{Op: "Aside", Name: "input", Got: fmt.Sprintf("%q", declared), Want: "a declared one"})
			return
		}
		b.inputs[name] = before[declared]
	}
	write()
	for name := range names {
		if b.inputs[name] = before[name]; before[name] == nil {
			delete(b.inputs, name)
		}
	}
	b.weighed = weighed
}

// SetTargetWeight says what the cost is a mean over: the scalar node holds the sum of the targets' weights. With it,
// windows of one sequence combine to the mean over all their targets: see Program.TargetWeight.
func (b *Builder) SetTargetWeight(weight *Node) {
	if !b.ok("SetTargetWeight", weight) || !b.floating("SetTargetWeight", weight) {
		return
	}
	if size(weight.shape) != 1 {
		b.fail(&ShapeError{Op: "SetTargetWeight", Got: fmt.Sprint(weight.shape), Want: "a scalar"})
		return
	}
	b.weighed = b.copied("target weight", weight)
}

// SetStepMask says which time steps of the window are valid from here on: mask [T*B] is 0 where a sequence of the batch
// has none, as past its end. Where it is 0, recurrent layers keep their state and give 0, so that a padded
// sequence has the results of one that isn't: PyTorch's pack_padded_sequence, and holes as well.
func (b *Builder) SetStepMask(mask *Node) {
	if !b.ok("SetStepMask", mask) || !b.floating("SetStepMask", mask) {
		return
	}
	if n := b.window.T * b.window.B; !slices.Equal(mask.shape, []int{n}) {
		b.fail(&ShapeError{Op: "SetStepMask", Got: fmt.Sprint(mask.shape), Want: fmt.Sprintf("[T*B] = [%d]", n)})
		return
	}
	mask.root().pin = true // recurrences read it as long as the program runs
	b.mask = mask
}

// ClearStepMask makes all time steps valid again.
func (b *Builder) ClearStepMask() { b.mask = nil }

// StepMask returns the mask that SetStepMask has set, or nil if all time steps are valid.
func (b *Builder) StepMask() *Node { return b.mask }

// State writes the carried state that comes into the window, [B, width]: zeros at first, then what SetState left.
// The name is prefixed with the layers' path.
func (b *Builder) State(name string, width int) *Node {
	if !b.ok("State") {
		return nil
	}
	if width < 1 {
		return b.fail(&ArgumentError{Op: "State", Name: "width", Got: fmt.Sprint(width), Want: "at least 1"})
	}
	name = b.stateName(name)
	shape := []int{b.window.B, width}
	if s := b.state(name); s != nil {
		return b.stateAgain(s, shape)
	}
	if want := checkShape(shape); want != "" {
		return b.fail(&ShapeError{Op: "State", Got: fmt.Sprint(shape), Want: want})
	}
	n := b.leaf("state "+name, b.dtype.gorgonia(), shape, b.dtype.make(size(shape)))
	b.states = append(b.states, &stateNode{name: name, in: n, open: true, step: b.stepping.now})
	return n
}

// SetState says which node is the carried state's value after the window.
func (b *Builder) SetState(name string, n *Node) { b.setState("SetState", name, n, true) }

// SetLastState is SetState for a state that isn't carried on: that of a layer that reads the window from its end, and
// so must begin the next one anew.
func (b *Builder) SetLastState(name string, n *Node) {
	if b.ok("SetLastState", n) && b.Stepping() {
		b.fail(&ArgumentError{Op: "SetLastState", Name: "window", Got: "a step of EachStep", Want: "all time steps, to read them from their end"})
	}
	b.setState("SetLastState", name, n, false)
}

func (b *Builder) setState(op, name string, n *Node, carried bool) {
	if !b.ok(op, n) || !b.floating(op, n) {
		return
	}
	s := b.state(b.stateName(name))
	switch {
	case s == nil || !s.open:
		b.fail(&ArgumentError{Op: op, Name: "name", Got: fmt.Sprintf("%q", name), Want: "a state that State began and that isn't set yet"})
	case !slices.Equal(n.shape, s.in.shape):
		b.fail(&ShapeError{Op: op + " " + name, Got: fmt.Sprint(n.shape), Want: fmt.Sprint(s.in.shape)})
	default:
		s.out, s.carried, s.open = n, carried, false
		if !b.Stepping() {
			s.out = b.copied("state out", n)
		}
	}
}

func (b *Builder) stateName(name string) string {
	if len(b.path) == 0 {
		return name
	}
	return b.layer() + "." + name
}

func (b *Builder) state(name string) *stateNode {
	for _, s := range b.states {
		if s.name == name {
			return s
		}
	}
	return nil
}

// Output makes a node readable after a run, by Program.Output.
func (b *Builder) Output(name string, n *Node) {
	if !b.ok("Output", n) || !b.floating("Output", n) {
		return
	}
	if slices.ContainsFunc(b.outputs, func(o output) bool { return o.name == name }) {
		b.fail(&ArgumentError{Op: "Output", Name: "name", Got: fmt.Sprintf("%q again", name), Want: "a new one"})
		return
	}
	b.outputs = append(b.outputs, output{name, b.copied("output "+name, n)})
}

// copied writes a copy of a node into memory of its own, which nothing else in the run writes to.
func (b *Builder) copied(op string, n *Node) *Node {
	c := b.node(op, n.shape, pick(b.dtype, copyRun[float32], copyRun[float64]), n)
	if c == nil {
		return nil
	}
	c.pin = true
	c.grad = func(c, g *Node) []*term { return []*term{whole(g)} }
	return c
}

func copyRun[F kernel.Float](n *Node) error {
	copy(data[F](n), data[F](n.in[0]))
	return nil
}
