package graph

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	"github.com/gobptt/bptt/internal/kernel"
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
		r := &tapeRun{id: uint32(i), spans: spansOf(order[i:min(i+tapeGrain, len(order))]), value: value}
		if last, err = gorgonia.ApplyOp(r, last); err != nil {
			return nil, &OpError{Op: "Compile", Err: err}
		}
	}
	return newMachine(g), nil
}

// tapeRun is an op that runs consecutive nodes. Its value stands for "done".
type tapeRun struct {
	id    uint32
	spans []span
	value gorgonia.Value
}

var _ gorgonia.Op = (*tapeRun)(nil)

func (r *tapeRun) Do(...gorgonia.Value) (gorgonia.Value, error) {
	for i := range r.spans {
		if err := r.spans[i].execute(); err != nil {
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

// lanes are parallel courses through consecutive nodes: what a node does in a lane needs of the node before it only what
// that one has done in the same lane. So the threads meet once after several nodes, not after every one.
type lanes struct {
	pool  *kernel.Pool
	count int
}

// span is a part of a tape: one node, or several that share their lanes.
type span []*Node

func spansOf(nodes []*Node) []span {
	var spans []span
	for i := 0; i < len(nodes); {
		end := i + 1
		for nodes[i].lanes != nil && end < len(nodes) && nodes[end].lanes == nodes[i].lanes {
			end++
		}
		spans = append(spans, nodes[i:end])
		i = end
	}
	return spans
}

func (s *span) execute() error {
	nodes := *s
	if l := nodes[0].lanes; l != nil && !nodes[0].b.watch {
		return nodes[0].guard(func() error {
			l.pool.Run(l.count, s)
			return nil
		})
	}
	for _, n := range nodes {
		if err := n.execute(); err != nil {
			return err
		}
	}
	return nil
}

// Chunk runs all nodes in one lane.
func (s *span) Chunk(lane, worker int) {
	for _, n := range *s {
		n.lane.Chunk(lane, worker)
	}
}
