package attention

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
)

// Mechanism is a way to read a memory.
type Mechanism interface {
	// Over prepares a memory [Tk*B, D] for reading. The mask [Tk*B] is 0 where a sequence has no time step, as a
	// builder's step mask; nil says that there are all. What depends on the memory alone is written here, once for
	// all queries.
	Over(b *graph.Builder, memory, mask *graph.Node) Reader
	// Params returns the parameters, always in the same order.
	Params() []graph.NamedParam
}

// Reader reads a memory. For queries [Tq*B, Dq] it returns contexts, [Tq*B, D], and the weights that the steps of the
// memory have in them, [B, heads, Tq, Tk]. The weights of masked steps are 0, whatever stands there, and those of the
// others add up to 1. Where all steps are masked, the context is 0 too. Make the weights an output of the builder to
// look at them.
type Reader func(b *graph.Builder, query *graph.Node) (context, weights *graph.Node)

// newReader returns a reader with one head, whose scores of queries are [B, 1, Tq, Tk].
func newReader(b *graph.Builder, memory, mask *graph.Node, scores func(b *graph.Builder, query *graph.Node) *graph.Node) Reader {
	mask = KeyMask(b, mask)
	return func(b *graph.Builder, query *graph.Node) (context, weights *graph.Node) {
		weights = b.MaskedSoftmax(scores(b, query), mask)
		return b.AttentionContext(weights, memory), weights
	}
}

// valid returns a memory with 0 at masked steps, so that nothing that stands there can spread.
func valid(b *graph.Builder, memory, mask *graph.Node) *graph.Node {
	if mask == nil {
		return memory
	}
	return b.Mask(memory, mask)
}

// KeyMask makes a mask of weights, [B, 1, 1, Tk], of one of steps, [Tk*B]: no query reads a masked step. It is nil
// for nil.
func KeyMask(b *graph.Builder, steps *graph.Node) *graph.Node {
	if steps == nil {
		return nil
	}
	batch := b.Window().B
	if b.Err() == nil && (len(steps.Shape()) != 1 || steps.Dim(0)%batch != 0) {
		b.Fail(&graph.ShapeError{Op: "KeyMask", Got: fmt.Sprint(steps.Shape()), Want: fmt.Sprintf("[Tk*B] with B = %d", batch)})
	}
	return b.Reshape(b.Transpose(b.Reshape(steps, -1, batch)), batch, 1, 1, -1)
}

// CausalMask is a mask of weights, [steps, steps]: the query at a step reads the steps up to it. The product with a
// KeyMask lets through what both do.
func CausalMask(b *graph.Builder, steps int) *graph.Node {
	if b.Err() != nil {
		return nil
	}
	const most = 1 << 14 // a gigabyte of mask
	if steps < 1 || steps > most {
		b.Fail(&graph.ArgumentError{Op: "CausalMask", Name: "steps", Got: fmt.Sprint(steps), Want: fmt.Sprintf("1 to %d", most)})
		return nil
	}
	mask := graph.NewTensor(b.DType(), steps, steps)
	for q := range steps {
		for k := range q + 1 {
			mask.SetAt(q*steps+k, 1)
		}
	}
	return b.Const(mask)
}
