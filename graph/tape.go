package graph

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// tapeGrain is how many nodes of the graph one instruction of the tape runs. Gorgonia takes time quadratic in the nodes
// to compile a tape, and half a microsecond and six allocations to run one; in runs of this length, a thousand steps of
// a cell written in graph ops (30,000 nodes) compile in a second instead of half a minute.
const tapeGrain = 16

// newTape compiles nodes, in the order in which they are to run, for Gorgonia's tape machine.
func newTape(order []*Node) (gorgonia.VM, error) {
	g := gorgonia.NewGraph()
	value := tensor.New(tensor.FromScalar(0.0))
	last := gorgonia.NewScalar(g, gorgonia.Float64, gorgonia.WithName("start"), gorgonia.WithValue(value))
	for i := 0; i < len(order); i += tapeGrain {
		var err error
		r := &tapeRun{id: uint32(i), nodes: order[i:min(i+tapeGrain, len(order))], value: value}
		if last, err = gorgonia.ApplyOp(r, last); err != nil {
			return nil, &OpError{Op: "Compile", Err: err}
		}
	}
	return gorgonia.NewTapeMachine(g), nil
}

// tapeRun is an op that runs consecutive nodes. Its value stands for "done".
type tapeRun struct {
	id    uint32
	nodes []*Node
	value gorgonia.Value
}

var _ gorgonia.Op = (*tapeRun)(nil)

func (r *tapeRun) Do(...gorgonia.Value) (gorgonia.Value, error) {
	for _, n := range r.nodes {
		if err := n.execute(); err != nil {
			return nil, err
		}
	}
	return r.value, nil
}

func (r *tapeRun) Arity() int    { return 1 }
func (r *tapeRun) Type() hm.Type { return hm.NewFnType(gorgonia.Float64, gorgonia.Float64) }
func (r *tapeRun) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return tensor.ScalarShape(), nil
}
func (r *tapeRun) ReturnsPtr() bool      { return true }
func (r *tapeRun) CallsExtern() bool     { return false }
func (r *tapeRun) OverwritesInput() int  { return -1 }
func (r *tapeRun) WriteHash(h hash.Hash) { fmt.Fprint(h, "run#", r.id) }
func (r *tapeRun) Hashcode() uint32      { return r.id }
func (r *tapeRun) String() string        { return fmt.Sprint("run#", r.id) }
