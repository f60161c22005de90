package graph

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// gorgoniaOp is a node's op as Gorgonia sees it. Gorgonia's own ops are not used: several of them are silently wrong for large
// extents or reused registers, and all of them allocate in every run.
type gorgoniaOp struct{ n *Node }

var _ gorgonia.SDOp = (*gorgoniaOp)(nil)

func (o *gorgoniaOp) Arity() int { return len(o.n.in) }

func (o *gorgoniaOp) Type() hm.Type {
	types := make([]hm.Type, 0, len(o.n.in)+1)
	for _, in := range o.n.in {
		types = append(types, in.gtype())
	}
	return hm.NewFnType(append(types, o.n.gtype())...)
}

func (n *Node) gtype() hm.Type {
	dt := n.b.dtype.gorgonia()
	if n.integer {
		dt = tensor.Int32
	}
	if len(n.shape) == 0 {
		return dt
	}
	return gorgonia.TensorType{Dims: len(n.shape), Of: dt}
}

func (o *gorgoniaOp) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return tensor.Shape(o.n.shape).Clone(), nil
}

// Do runs the op if someone gives Program.Graph to a machine of his own; a Program runs nodes by way of its tape. The values passed are the inputs' own buffers, which the op knows already.
func (o *gorgoniaOp) Do(...gorgonia.Value) (gorgonia.Value, error) {
	if err := o.n.execute(); err != nil {
		return nil, err
	}
	return wrap(o.n.shape, o.n.buf), nil
}

// execute computes a node.
func (n *Node) execute() error {
	if n.run == nil {
		return nil // a leaf
	}
	return n.guard(func() error {
		if err := n.run(n); err != nil {
			return &OpError{Layer: n.layer, Op: n.op, Err: err}
		}
		if n.b.watch {
			return n.checkFinite()
		}
		return nil
	})
}

// guard calls f, which computes n, and makes a panic an error.
func (n *Node) guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &OpError{Layer: n.layer, Op: n.op, Err: fmt.Errorf("%v", r)}
		}
		if err != nil {
			n.b.failed = err
		}
	}()
	return f()
}

func (n *Node) checkFinite() error {
	computed := []any{n.buf}
	if n.also != nil {
		computed = append(computed, n.also()...)
	}
	for _, buf := range computed {
		t := Tensor{}
		t.setRaw(buf)
		for i := range t.Len() {
			if v := t.At(i); !finite(v) {
				return n.nonFinite(v)
			}
		}
	}
	return nil
}

// nonFinite is the error for a node that has computed v.
func (n *Node) nonFinite(v float64) *NonFiniteError {
	e := &NonFiniteError{Layer: n.layer, Op: n.op, Value: v, Backward: n.backward}
	if n.step > 0 {
		e.Op += fmt.Sprintf(" step %d", n.step-1)
	}
	for _, in := range n.in {
		if in.run != nil || in.integer {
			continue
		}
		t := Tensor{}
		t.setRaw(in.buf)
		for i := range t.Len() {
			if v := t.At(i); !finite(v) {
				e.From = fmt.Sprintf("%s holds %v in %s", in.source(), v, in.at(i))
				return e
			}
		}
	}
	return e
}

// source is what a leaf is, for messages.
func (n *Node) source() string {
	for name, in := range n.b.inputs {
		if in == n {
			return fmt.Sprintf("the array %q", name)
		}
	}
	for _, s := range n.b.states {
		if s.in == n {
			return "the state " + s.name + " before the window"
		}
	}
	if n.b.isParam(n) {
		for _, p := range n.b.named {
			if n.b.params[p.Param] == n {
				return fmt.Sprintf("its parameter %s of shape %v", p.Name, n.shape)
			}
		}
		return fmt.Sprint("its parameter of shape ", n.shape)
	}
	return "its operand " + n.op
}

// at says where in a leaf the i-th element is.
func (n *Node) at(i int) string {
	if len(n.shape) == 0 || n.b.isParam(n) {
		return fmt.Sprint("element ", i)
	}
	rows := n.shape[0]
	return n.b.row(i/(n.size()/rows), rows)
}

// ReturnsPtr and OverwritesInput keep Gorgonia's register allocator away from the op's memory.
func (o *gorgoniaOp) ReturnsPtr() bool     { return true }
func (o *gorgoniaOp) CallsExtern() bool    { return false }
func (o *gorgoniaOp) OverwritesInput() int { return -1 }

// Gorgonia merges nodes whose hashes, op hash codes and child counts agree. The id is unique in the graph.
func (o *gorgoniaOp) WriteHash(h hash.Hash) { fmt.Fprintf(h, "%s#%d", o.n.op, o.n.id) }
func (o *gorgoniaOp) Hashcode() uint32      { return uint32(o.n.id) }
func (o *gorgoniaOp) String() string        { return fmt.Sprintf("%s#%d", o.n.op, o.n.id) }

// wrap presents a buffer to Gorgonia.
func wrap(shape []int, buf any) gorgonia.Value {
	if len(shape) == 0 {
		shape = []int{1} // a tensor of one element, in place of a scalar, keeps the memory shared
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(buf))
}
