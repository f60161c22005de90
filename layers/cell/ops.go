package cell

import "github.com/gobptt/bptt/graph"

// blend writes g ⊙ x + (1 - g) ⊙ y.
func blend(b *graph.Builder, g, x, y *graph.Node) *graph.Node {
	return b.Add(y, b.Mul(g, b.Sub(x, y)))
}
