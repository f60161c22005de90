package cell

import "github.com/gobptt/bptt/graph"

// Activations that many cells have, for recordings.
var (
	candidate = graph.Gate{Name: "candidate", Low: -1}
	boundedH  = graph.Gate{Name: "h", Low: -1, Next: true}
)

// blend writes g ⊙ x + (1 - g) ⊙ y.
func blend(b *graph.Builder, g, x, y *graph.Node) *graph.Node {
	return b.Add(y, b.Mul(g, b.Sub(x, y)))
}
