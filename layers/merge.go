package layers

import "github.com/gobptt/bptt/graph"

// Merge says what becomes of the two outputs [T*B, H] of a bidirectional layer.
type Merge int

const (
	MergeConcat  Merge = iota // [forward, backward], [T*B, 2H]
	MergeSum                  // forward + backward
	MergeMean                 // (forward + backward)/2
	MergeProduct              // forward ⊙ backward
)

// join merges the outputs of a layer's directions. That of a single one stays as it is.
func (m Merge) join(b *graph.Builder, ys []*graph.Node) *graph.Node {
	if len(ys) == 1 {
		return ys[0]
	}
	switch {
	case m == MergeConcat:
		return b.Concat(1, ys...)
	case !sameShape(b, "merge", ys[0], ys[1]):
		return nil
	case m == MergeProduct:
		return b.Mul(ys[0], ys[1])
	case m == MergeMean:
		return b.Scale(b.Add(ys[0], ys[1]), 0.5)
	}
	return b.Add(ys[0], ys[1])
}
