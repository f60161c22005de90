package graph

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"github.com/gobptt/bptt/internal/kernel"
)

// term is one summand of a node's gradient. A plain one is a node of the graph. Others, such as xᵀ·g for a weight that
// every time step uses, are added into the sum where it lies and never stored by themselves: T uses of a weight cost
// one gradient buffer, and T slices of a sequence cost one pass over it.
type term struct {
	node *Node   // a plain term, or nil
	in   []*Node // what add reads
	add  func(sum *Node, first bool)
}

// whole is a plain term.
func whole(g *Node) *term {
	if g == nil {
		return nil
	}
	return &term{node: g, in: []*Node{g}, add: pick(g.b.dtype, addWhole[float32], addWhole[float64])(g)}
}

func addWhole[F kernel.Float](g *Node) func(sum *Node, first bool) {
	return func(sum *Node, first bool) {
		if first {
			copy(data[F](sum), data[F](g))
			return
		}
		s := data[F](sum)
		kernel.Add(s, s, data[F](g))
	}
}

// partial is a term made of the nodes in; add adds it to sum, or overwrites sum if it is the first.
func partial(add func(sum *Node, first bool), in ...*Node) *term { return &term{in: in, add: add} }

// sum writes the gradient of node n from its terms.
func (b *Builder) sum(n *Node, terms []*term) *Node {
	if n.combine != nil {
		return n.combine(terms)
	}
	if len(terms) == 1 && terms[0].node != nil {
		return terms[0].node
	}
	var in []*Node
	for _, t := range terms {
		in = append(in, t.in...)
	}
	s := b.node("gradient of "+n.op, n.shape, func(s *Node) error {
		for i, t := range terms {
			t.add(s, i == 0 && !(s.adds && b.adding))
		}
		return nil
	}, in...)
	if s != nil {
		s.layer, s.step, s.adds = n.layer, n.step, b.isParam(n)
	}
	return s
}

// isParam reports whether a node is a parameter's leaf, whose gradient nothing else reads.
func (b *Builder) isParam(n *Node) bool {
	for _, leaf := range b.params {
		if leaf == n {
			return true
		}
	}
	return false
}

// DiffWRT says which inputs receive a gradient. Gorgonia asks before the backward pass, when it looks for the nodes
// between the wanted leaves and the cost, and again after SymDiff, when it collects the inputs' gradients. In between,
// SymDiff keeps the terms of a node that is used more than once to itself until the last use, and hands Gorgonia the
// finished sum: Gorgonia would write a chain of additions that allocate in every run.
func (o *gorgoniaOp) DiffWRT(int) []bool { return o.n.flows }

// SymDiff writes the backward nodes of one op.
func (o *gorgoniaOp) SymDiff(_ gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	n := o.n
	b := n.b
	out := make(gorgonia.Nodes, len(n.in))
	b.path, b.step = []string{n.layer}, n.step
	if n.layer == "" {
		b.path = nil
	}
	terms := n.grad(n, b.byGorg[grad])
	for i, in := range n.in {
		if !n.flows[i] || !in.active {
			n.flows[i] = false
			continue
		}
		if terms[i] == nil {
			if b.err == nil {
				panic(fmt.Sprintf("graph: %s has no gradient for operand %d", n.op, i))
			}
			return nil, b.err
		}
		in.pending = append(in.pending, terms[i])
		in.left--
		if in.left > 0 {
			n.flows[i] = false
			continue
		}
		s := b.sum(in, in.pending)
		if b.err != nil {
			return nil, b.err
		}
		in.pending = nil
		if in.watched {
			in.gradient, s.root().pin = s, true
		}
		out[i] = s.gnode
	}
	return out, nil
}

// activate marks the nodes on a path from a wanted leaf to one of the ends, and counts their uses on such paths.
func (b *Builder) activate(wanted, ends []*Node) {
	reached := map[*Node]bool{}
	for _, n := range wanted {
		reached[n] = true
	}
	for _, n := range b.nodes {
		for i, in := range n.in {
			n.flows[i] = n.grad != nil && !in.integer && !slices.Contains(n.fixed, i) && reached[in]
			if n.flows[i] {
				reached[n] = true
			}
		}
	}
	for _, n := range ends {
		n.active = reached[n]
	}
	for i := len(b.nodes) - 1; i >= 0; i-- {
		n := b.nodes[i]
		if !n.active {
			continue
		}
		for j, in := range n.in {
			if n.flows[j] {
				in.active = true
				in.left++
			}
		}
	}
}

// wants reports whether input i of a node needs its gradient.
func (n *Node) wants(i int) bool { return n.flows[i] && n.in[i].active }

// backpropagate lets Gorgonia write the backward pass from the ends, each with the node that holds its own gradient,
// to the wanted leaves. It returns the gradient of each wanted leaf, nil where it has no part in the ends.
func (b *Builder) backpropagate(wanted, ends, seeds []*Node) ([]*Node, error) {
	var outs, gouts, wrt gorgonia.Nodes
	for i, e := range ends {
		if e.active {
			outs, gouts = append(outs, e.gnode), append(gouts, seeds[i].gnode)
		}
	}
	var reachedLeaves []int
	for i, w := range wanted {
		if w.active {
			wrt = append(wrt, w.gnode)
			reachedLeaves = append(reachedLeaves, i)
		}
	}
	grads := make([]*Node, len(wanted))
	if len(wrt) == 0 {
		return grads, nil
	}
	got, err := gorgonia.Backpropagate(outs, gouts, wrt)
	if b.err != nil {
		return nil, b.err
	}
	if err != nil {
		return nil, &OpError{Op: "Backpropagate", Err: err}
	}
	for i, g := range got {
		grads[reachedLeaves[i]] = b.byGorg[g]
	}
	return grads, nil
}
