package reservoir

import (
	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
	"github.com/gobptt/bptt/layers/cell"
)

var _ cell.Fused = (*Cell)(nil)

// Cell is a reservoir as a recurrent cell within a graph:
//
//	h' = (1 - α)·h + α·tanh(x·W_inᵀ + b + h·Wᵀ)
//
// Its weights are constants: it has no parameters. Gradients pass through it to the layers below and to earlier time
// steps. W is a dense matrix here. The state is h [B, Units]; the output is h'.
type Cell struct {
	leak                   float64
	input, bias, recurrent *graph.Tensor
}

// Cell returns a cell with the reservoir's weights, of which layers.NewRecurrent makes a layer. It doesn't share the
// reservoir's state.
func (r *Reservoir) Cell() *Cell {
	units := len(r.state)
	return &Cell{
		leak:      r.leak,
		input:     &graph.Tensor{Shape: []int{units, r.inputs}, F64: r.input},
		bias:      &graph.Tensor{Shape: []int{units}, F64: r.bias},
		recurrent: &graph.Tensor{Shape: []int{units, units}, F64: r.weights.dense()},
	}
}

// States describes h.
func (c *Cell) States() []cell.StateSpec {
	return []cell.StateSpec{{Name: "h", Width: c.bias.Len()}}
}

// Params returns none.
func (c *Cell) Params() []graph.NamedParam { return nil }

// Step writes one time step in graph ops.
func (c *Cell) Step(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State) {
	n := b.Tanh(b.Add(c.fromInput(b, x), b.Linear(s[0], constant(b, c.recurrent), nil)))
	h := b.Add(b.Scale(s[0], 1-c.leak), b.Scale(n, c.leak))
	b.ObserveGates(gates, n, h)
	return h, cell.State{h}
}

// Sequence writes a window as a fused recurrence.
func (c *Cell) Sequence(b *graph.Builder, x *graph.Node, s cell.State, reverse bool) (*graph.Node, cell.State) {
	recurrence := graph.Recurrence{
		Name: "Reservoir", Gates: 1, States: 1, Direct: true,
		Activations: gates,
		F32:         leakyTanh(float32(c.leak)),
		F64:         leakyTanh(c.leak),
	}
	return b.Recur(recurrence, reverse, c.fromInput(b, x), constant(b, c.recurrent), nil, s)
}

var gates = []graph.Gate{{Name: "candidate", Low: -1}, {Name: "h", Low: -1, Next: true}}

// fromInput writes x·W_inᵀ + b.
func (c *Cell) fromInput(b *graph.Builder, x *graph.Node) *graph.Node {
	return b.Linear(x, constant(b, c.input), constant(b, c.bias))
}

// constant writes a weight once for all steps of the window.
func constant(b *graph.Builder, t *graph.Tensor) *graph.Node {
	return b.Once(t, func() *graph.Node { return b.Const(t) })
}

func leakyTanh[F kernel.Float](leak F) graph.Arithmetic[F] {
	return graph.Arithmetic[F]{
		Forward: func(r *graph.Row[F]) {
			n, prev, next := r.A[0], r.Prev[0], r.Next[0]
			kernel.Tanh(n, n)
			for j, v := range n {
				next[j] = (1-leak)*prev[j] + leak*v
			}
		},
		Backward: func(r *graph.Row[F]) {
			a, d := r.A[0], r.D[0]
			for j, n := range a {
				a[j] = d[j] * leak * (1 - n*n)
				d[j] *= 1 - leak
			}
		},
	}
}
