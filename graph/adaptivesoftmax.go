package graph

import (
	"fmt"
	"slices"
)

// AdaptiveSoftmax is the cross-entropy of a softmax over many classes, the frequent ones first, that computes the rare
// ones only where they are the target (Grave et al. 2017). It returns the weighted mean over N rows of -log p(target),
// in nats, and the sum of the weights, for x [N, H], targets [N] and weights [N]; nil: 1 each. Rows of weight 0 need no
// target. Another target out of range is an error of the run.
//
// The head [S+K, H] scores the first S classes and K clusters of the others; tails are two matrices for each cluster:
// [P, H], which makes x narrower, and [O, P] for the cluster's O classes, those that follow the cluster's before.
//
//	p(k) = softmax(x·headᵀ)[k]                                              k < S
//	p(k) = softmax(x·headᵀ)[S+c]·softmax((x·downᵀ)·upᵀ)[k - first of c]     k in cluster c
func (b *Builder) AdaptiveSoftmax(x, target, weight, head *Node, tails []*Node) (cost, total *Node) {
	const op = "AdaptiveSoftmax"
	if !b.ok(op, append([]*Node{x, target, head}, tails...)...) || !b.floating(op, append([]*Node{x, head}, tails...)...) {
		return nil, nil
	}
	clusters := len(tails) / 2
	good := len(x.shape) == 2 && target.integer && slices.Equal(target.shape, x.shape[:1])
	good = good && len(head.shape) == 2 && head.shape[1] == x.shape[1] && head.shape[0] > clusters && len(tails)%2 == 0
	for i := 0; good && i < len(tails); i += 2 {
		down, up := tails[i].shape, tails[i+1].shape
		good = len(down) == 2 && len(up) == 2 && down[1] == x.shape[1] && down[0] == up[1]
	}
	if !good {
		return b.fail(&ShapeError{Op: op,
			Got:  fmt.Sprintf("%v, target %v, head %v, tails %v", x.shape, target, head.shape, tails),
			Want: "[N, H], indices [N], a head [S+K, H], and [P, H] and [O, P] for each of K clusters"}), nil
	}
	if !b.rowWeights(op, weight, x.shape[0]) {
		return nil, nil
	}

	short := head.shape[0] - clusters
	ends := []int{short} // of the shortlist and the clusters
	for i := 1; i < len(tails); i += 2 {
		ends = append(ends, ends[len(ends)-1]+tails[i].shape[0])
	}
	losses := b.linearNLL(x, head, b.headClass(target, weight, ends))
	for i := range clusters {
		narrow := b.Linear(x, tails[2*i], nil)
		losses = b.Add(losses, b.linearNLL(narrow, tails[2*i+1], b.tailClass(target, weight, ends[i], ends[i+1])))
	}
	return b.WeightedMean(losses, weight)
}

// none is the class of a row that has none.
const none = -1

// headClass maps targets to the classes of the head: themselves, or their cluster.
func (b *Builder) headClass(target, weight *Node, ends []int) *Node {
	classes := ends[len(ends)-1]
	return b.mapTargets("AdaptiveSoftmax", target, weight, func(i, k int) (int, error) {
		if k < 0 || k >= classes {
			return 0, b.indexError("AdaptiveSoftmax", i, target.size(), int32(k), classes)
		}
		if k < ends[0] {
			return k, nil
		}
		cluster, _ := slices.BinarySearch(ends, k+1)
		return ends[0] + cluster - 1, nil
	})
}

// tailClass maps targets to the classes of a cluster, those from ≤ k < to.
func (b *Builder) tailClass(target, weight *Node, from, to int) *Node {
	return b.mapTargets("AdaptiveSoftmax", target, weight, func(_, k int) (int, error) {
		if k < from || k >= to {
			return none, nil
		}
		return k - from, nil
	})
}

// mapTargets writes what f makes of the targets of rows whose weight isn't 0; the others have none.
func (b *Builder) mapTargets(op string, target, weight *Node, f func(row, k int) (int, error)) *Node {
	in := []*Node{target}
	if weight != nil {
		in = append(in, weight)
	}
	n := b.indexNode(op+" classes", target.shape, func(n *Node) error {
		y := indices(n)
		for i, k := range indices(target) {
			y[i] = none
			if weight != nil && at(weight.buf, i) == 0 {
				continue
			}
			class, err := f(i, int(k))
			if err != nil {
				return err
			}
			y[i] = int32(class)
		}
		return nil
	}, in...)
	if n != nil {
		n.pin, n.buf = true, make([]int32, n.size())
	}
	return n
}
