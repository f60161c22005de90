package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"gorgonia.org/tensor"

	"github.com/gobptt/bptt/internal/kernel"
)

// SampledSoftmax approximates the cross-entropy of a softmax over V classes by one over a row's target and classes that
// each run draws, the same for all rows, with replacement (Bengio and Senécal 2008). It returns the weighted mean over
// N rows, in nats, and the sum of the weights, for x [N, H], targets [N] and weights [N]; nil: 1 each. The scores are
// x·wᵀ + bias, for w [V, H] and bias [V]. Rows of weight 0 need no target. Another target out of range is an error of
// the run.
//
// proposal holds what the classes are drawn in proportion to, such as their frequencies, all above 0; nil: they are
// equally likely. From the score of a class that is drawn with probability q, log(samples·q) is taken away, and one
// that is the row's target is left out: so the sum of e^score that the softmax divides by has the right mean (Blanc and
// Rendle 2018), and the cost is right in the limit of many samples.
//
// The draw is a function of the seed that Program.Run is given and of the node's place in the graph.
func (b *Builder) SampledSoftmax(x, target, weight, w, bias *Node, samples int, proposal []float64) (cost, total *Node) {
	const op = "SampledSoftmax"
	if !b.ok(op, x, target, w, bias) || !b.floating(op, x, w, bias) {
		return nil, nil
	}
	good := len(x.shape) == 2 && target.integer && slices.Equal(target.shape, x.shape[:1])
	good = good && len(w.shape) == 2 && w.shape[1] == x.shape[1] && slices.Equal(bias.shape, w.shape[:1])
	if !good {
		return b.fail(&ShapeError{Op: op, Got: fmt.Sprintf("%v, target %v, weight %v, bias %v", x.shape, target, w.shape, bias.shape), Want: "[N, H], indices [N], [V, H] and [V]"}), nil
	}
	if !b.rowWeights(op, weight, x.shape[0]) {
		return nil, nil
	}
	rows, classes := x.shape[0], w.shape[0]
	if samples < 1 || samples > maxElements/rows-1 {
		return b.fail(&ArgumentError{Op: op, Name: "samples", Got: fmt.Sprint(samples), Want: fmt.Sprintf("1 to %d", maxElements/rows-1)}), nil
	}
	q, err := newProposal(classes, proposal)
	if err != nil {
		return b.fail(err), nil
	}

	ids := b.draw(target, weight, samples, q)
	chosen := b.Gather(w, ids, none)
	offset := b.Gather(b.Reshape(bias, classes, 1), ids, none)
	ofTarget := b.Add(b.Sum(b.Mul(x, b.Slice(chosen, 0, 0, rows)), 1), b.Reshape(b.Slice(offset, 0, 0, rows), rows))
	ofSamples := b.Linear(x, b.Slice(chosen, 0, rows, rows+samples), b.Reshape(b.Slice(offset, 0, rows, rows+samples), samples))
	scores := b.Concat(1, b.Reshape(ofTarget, rows, 1), ofSamples)
	if b.err != nil {
		return nil, nil
	}
	first := b.leaf("first class", tensor.Int32, target.shape, make([]int32, rows))
	return b.WeightedCrossEntropy(b.corrected(scores, ids, q), first, weight, CrossEntropyOptions{})
}

// proposal is the distribution that classes are drawn from.
type proposal struct {
	classes    int
	cumulative []float64 // weights; nil: all are equally likely
	logs       []float64 // of the probabilities
}

func newProposal(classes int, weights []float64) (*proposal, error) {
	q := &proposal{classes: classes, logs: make([]float64, classes)}
	if weights == nil {
		for k := range q.logs {
			q.logs[k] = -math.Log(float64(classes))
		}
		return q, nil
	}
	if len(weights) != classes {
		return nil, &ArgumentError{Op: "SampledSoftmax", Name: "proposal", Got: fmt.Sprint(len(weights), " numbers"), Want: fmt.Sprintf("none or one for each of %d classes", classes)}
	}
	sum := 0.0
	for k, w := range weights {
		if sum += w; !(w > 0) || !finite(sum) {
			return nil, &ArgumentError{Op: "SampledSoftmax", Name: "proposal", Got: fmt.Sprintf("%v for class %d", w, k), Want: "numbers above 0 with a finite sum"}
		}
		q.cumulative = append(q.cumulative, sum)
	}
	for k, w := range weights {
		q.logs[k] = math.Log(w) - math.Log(sum)
	}
	return q, nil
}

func (q *proposal) draw(rng *rand.Rand) int32 {
	if q.cumulative == nil {
		return rng.Int32N(int32(q.classes))
	}
	u := rng.Float64() * q.cumulative[q.classes-1]
	return int32(sort.Search(q.classes-1, func(k int) bool { return q.cumulative[k] > u }))
}

// draw returns the targets, and after them the samples. A row that needs no target has class 0.
func (b *Builder) draw(target, weight *Node, samples int, q *proposal) *Node {
	in := []*Node{target}
	if weight != nil {
		in = append(in, weight)
	}
	rows := target.size()
	n := b.indexNode("SampledSoftmax", []int{rows + samples}, func(n *Node) error {
		ids := indices(n)
		for i, k := range indices(target) {
			switch {
			case weight != nil && at(weight.buf, i) == 0:
				k = 0
			case k < 0 || int(k) >= q.classes:
				return b.indexError("SampledSoftmax", i, rows, k, q.classes)
			}
			ids[i] = k
		}
		rng := rand.New(rand.NewPCG(b.noise, uint64(n.id)))
		for i := range samples {
			ids[rows+i] = q.draw(rng)
		}
		return nil
	}, in...)
	if n != nil {
		n.pin, n.buf = true, make([]int32, n.size())
	}
	return n
}

// corrected takes log(S·q) from the scores of the samples, in the scores [N, 1+S] of the targets and the samples, and
// leaves out samples that are the target.
func (b *Builder) corrected(scores, ids *Node, q *proposal) *Node {
	n := b.node("corrected scores", scores.shape, pick(b.dtype, correctRun[float32](q), correctRun[float64](q)), scores, ids)
	if n == nil {
		return nil
	}
	n.grad = func(n, g *Node) []*term { return []*term{whole(g), nil} } // that of a score left out is 0
	return n
}

func correctRun[F kernel.Float](q *proposal) func(*Node) error {
	return func(n *Node) error {
		y, x, ids := data[F](n), data[F](n.in[0]), indices(n.in[1])
		rows, width := n.shape[0], n.shape[1]
		samples := ids[rows:]
		count := math.Log(float64(len(samples)))
		for i, target := range ids[:rows] {
			to, from := y[i*width:][:width], x[i*width:][:width]
			to[0] = from[0]
			for j, k := range samples {
				to[1+j] = from[1+j] - F(count+q.logs[k])
				if k == target {
					to[1+j] = -math.MaxFloat32 // finite, as a search for NaN and Inf looks at it
				}
			}
		}
		return nil
	}
}
