package graph

import (
	"fmt"
	"math"
	"slices"

	"github.com/gobptt/bptt/internal/kernel"
)

// CRF returns the negative log-likelihood, in nats, that a linear-chain conditional random field (Lafferty, McCallum
// and Pereira 2001) gives to each sequence of tags: [B].
//
//	s(y) = start[y₁] + Σ_t emissions_t[y_t] + Σ_t transitions[y_{t-1}, y_t] + end[y_T]
//	-log p(y) = log Σ_z e^s(z) - s(y)
//
// emissions are [T*B, K], transitions [K, K], from the row's tag to the column's, start and end [K], and tags [T*B].
// The mask [T*B] is 0 where a sequence has no time step, and has no gradient; nil says that it has all. The steps
// that a sequence has follow each other in the chain, whatever lies between them; one without any has 0. A tag out of
// range is an error of the run, but only where there is a step.
//
// Scores may be of any size: sums are taken in float64, and nothing that matters is lost to overflow or underflow. A
// score of -Inf forbids a tag or a transition.
func (b *Builder) CRF(emissions, transitions, start, end, tags, mask *Node) *Node {
	const op = "CRF"
	in := []*Node{emissions, transitions, start, end, tags}
	if mask != nil {
		in = append(in, mask)
	}
	if !b.ok(op, in...) || !b.floating(op, append(in[:4:4], in[5:]...)...) {
		return nil
	}
	rows, k := b.window.T*b.window.B, emissions.Dim(1)
	good := slices.Equal(emissions.shape, []int{rows, k}) && slices.Equal(transitions.shape, []int{k, k})
	good = good && slices.Equal(start.shape, []int{k}) && slices.Equal(end.shape, []int{k})
	good = good && tags.integer && slices.Equal(tags.shape, []int{rows}) && (mask == nil || slices.Equal(mask.shape, tags.shape))
	if !good {
		return b.fail(&ShapeError{Op: op,
			Got: fmt.Sprintf("emissions %v, transitions %v, start %v, end %v, tags %v and mask %v",
				emissions.shape, transitions.shape, start.shape, end.shape, tags, mask.Shape()),
			Want: fmt.Sprintf("[T*B, K], [K, K], [K], [K], indices [T*B] and [T*B], with T*B = %d", rows)})
	}
	return pick(b.dtype, writeCRF[float32], writeCRF[float64])(b, in)
}

func writeCRF[F kernel.Float](b *Builder, in []*Node) *Node {
	w, k := b.window, in[0].shape[1]
	c := &crf[F]{
		steps: w.T, batch: w.B, k: k, in: in, pool: b.pool,
		factor: memory[float64](b, k*k), top: memory[float64](b, k),
		alpha: memory[float64](b, w.T*w.B*k), sum: memory[float64](b, w.T*w.B*k),
		work: memory[float64](b, w.B*k), total: memory[float64](b, w.B), first: make([]int, w.B),
	}
	n := b.node("CRF", []int{w.B}, func(n *Node) error {
		if err := c.check(); err != nil {
			return err
		}
		c.forward(data[F](n))
		return nil
	}, in...)
	if n == nil {
		return nil
	}
	n.fixed = []int{5}
	n.grad = func(n, g *Node) []*term {
		for _, m := range []*[]float64{&c.dTransitions, &c.pairs} {
			*m = memory[float64](b, k*k)
		}
		for _, m := range []*[]float64{&c.gamma, &c.share, &c.before} {
			*m = memory[float64](b, w.B*k)
		}
		c.dStart, c.dEnd = memory[float64](b, k), memory[float64](b, k)
		d := b.node("CRF backward", in[0].shape, func(d *Node) error {
			c.backward(data[F](d), data[F](g))
			return nil
		}, append([]*Node{n, g}, in...)...)
		terms := make([]*term, len(in))
		terms[0] = whole(d)
		for i, v := range [][]float64{c.dTransitions, c.dStart, c.dEnd} {
			terms[1+i] = partial(func(sum *Node, first bool) {
				s := data[F](sum)
				if first {
					clear(s)
				}
				for j := range s {
					s[j] += F(v[j])
				}
			}, d)
		}
		return terms
	}
	return n
}

// crf is what the forward and the backward pass share. Both go through the time steps with a matrix [B, K] for each.
type crf[F kernel.Float] struct {
	steps, batch, k int
	in              []*Node // emissions, transitions, start, end, tags and, if there is one, the mask
	pool            *kernel.Pool

	// transitions[i, j] = log factor[i, j] + top[j], with the largest factor of a column 1.
	factor, top []float64
	// alpha [T*B, K] is the logarithm of the sum of e^s over all beginnings that end in a tag, less the row's largest.
	alpha []float64
	// sum [T*B, K] is Σ_i e^alpha_{t-1}[i] · factor[i, j], or 0 where that is too small to be right.
	sum   []float64
	work  []float64 // [B, K]: e^alpha of one step
	total []float64 // [B]: what was taken off alpha
	first []int     // [B]: the first step that there is; T if there is none

	gamma               []float64 // [B, K]: probability of each tag at a step, times the gradient of the result
	share, before       []float64 // [B, K]: gamma/sum, and gamma of the step before
	pairs, dTransitions []float64
	dStart, dEnd        []float64
}

// smallestSum is large enough that underflow in its terms can't have made it wrong.
const smallestSum = 1e-200

// valid reports whether there is a step at a row.
func (c *crf[F]) valid(i int) bool { return len(c.in) < 6 || data[F](c.in[5])[i] != 0 }

// row returns row i of a matrix of width K.
func (c *crf[F]) row(m []float64, i int) []float64 { return m[i*c.k:][:c.k] }

// block returns the rows of step t.
func (c *crf[F]) block(m []float64, t int) []float64 { return m[t*c.batch*c.k:][:c.batch*c.k] }

// check finds tags that aren't there.
func (c *crf[F]) check() error {
	for i, y := range indices(c.in[4]) {
		if c.valid(i) && (y < 0 || int(y) >= c.k) {
			err := &IndexError{Op: "CRF", Position: i, Index: int(y), Limit: c.k}
			return fmt.Errorf("step %d of sequence %d: %w", i/c.batch, i%c.batch, err)
		}
	}
	return nil
}

func (c *crf[F]) forward(nll []F) {
	c.factorize()
	emissions, start, end := data[F](c.in[0]), data[F](c.in[2]), data[F](c.in[3])
	for s := range c.first {
		c.first[s], c.total[s] = c.steps, 0
	}
	for t := range c.steps {
		if t > 0 {
			kernel.Exp(c.work, c.block(c.alpha, t-1))
			kernel.Gemm(c.pool, false, false, c.batch, c.k, c.k, 1, c.work, c.k, c.factor, c.k, 0, c.block(c.sum, t), c.k)
		}
		for s := range c.batch {
			i := t*c.batch + s
			alpha := c.row(c.alpha, i)
			switch {
			case !c.valid(i) && t == 0:
				clear(alpha)
				continue
			case !c.valid(i):
				copy(alpha, c.row(c.alpha, i-c.batch))
				continue
			case c.first[s] == c.steps:
				c.first[s] = t
				for j, v := range start {
					alpha[j] = float64(v)
				}
			default:
				sum := c.row(c.sum, i)
				for j, v := range sum {
					if v >= smallestSum {
						alpha[j] = c.top[j] + math.Log(v)
					} else {
						sum[j], alpha[j] = 0, c.logSum(i-c.batch, j)
					}
				}
			}
			top := math.Inf(-1)
			for j, v := range emissions[i*c.k:][:len(alpha)] {
				alpha[j] += float64(v)
				if alpha[j] > top {
					top = alpha[j]
				}
			}
			for j := range alpha {
				alpha[j] -= top
			}
			c.total[s] += top
		}
	}
	last := c.block(c.alpha, c.steps-1)
	for s := range nll {
		nll[s] = 0
		if c.first[s] == c.steps {
			continue
		}
		ends := c.row(c.work, s)
		for j, v := range c.row(last, s) {
			ends[j] = v + float64(end[j])
		}
		sum := logSumExp(ends, 0, c.k, 1)
		nll[s] = F(c.total[s] + sum.top + sum.rest - c.score(s))
	}
}

// factorize splits the transitions into factors and their columns' tops.
func (c *crf[F]) factorize() {
	transitions := data[F](c.in[1])
	for j := range c.top {
		c.top[j] = math.Inf(-1)
		for i := range c.k {
			c.top[j] = max(c.top[j], float64(transitions[i*c.k+j]))
		}
		if math.IsInf(c.top[j], -1) {
			c.top[j] = 0
		}
	}
	for i, v := range transitions {
		c.factor[i] = float64(v) - c.top[i%c.k]
	}
	kernel.Exp(c.factor, c.factor)
}

// logSum is log Σ_i e^(alpha[i] + transitions[i, j]), for row i of alpha and tag j, without shortcuts.
func (c *crf[F]) logSum(i, j int) float64 {
	transitions := data[F](c.in[1])
	top, sum := math.Inf(-1), 0.0
	alpha := c.row(c.alpha, i)
	for k, v := range alpha {
		top = max(top, v+float64(transitions[k*c.k+j]))
	}
	if math.IsInf(top, -1) {
		return top
	}
	for k, v := range alpha {
		sum += math.Exp(v + float64(transitions[k*c.k+j]) - top)
	}
	return top + math.Log(sum)
}

// score is s(y) of a sequence that has a step.
func (c *crf[F]) score(s int) float64 {
	emissions, transitions, tags := data[F](c.in[0]), data[F](c.in[1]), indices(c.in[4])
	score, before := 0.0, -1
	for i := s; i < len(tags); i += c.batch {
		if !c.valid(i) {
			continue
		}
		y := int(tags[i])
		if before < 0 {
			score += float64(data[F](c.in[2])[y])
		} else {
			score += float64(transitions[before*c.k+y])
		}
		score += float64(emissions[i*c.k+y])
		before = y
	}
	return score + float64(data[F](c.in[3])[before])
}

// backward computes the gradients: the probability that the model gives to a tag or to a pair of tags, less 1 where the
// given tags have it.
func (c *crf[F]) backward(dEmissions, g []F) {
	clear(c.pairs)
	clear(c.dTransitions)
	clear(c.dStart)
	c.last(g)
	for t := c.steps - 1; ; t-- {
		for s := range c.batch {
			i := t*c.batch + s
			d, gamma, share := dEmissions[i*c.k:][:c.k], c.row(c.gamma, s), c.row(c.share, s)
			clear(d)
			clear(share)
			if !c.valid(i) {
				continue
			}
			for j, v := range gamma {
				d[j] = F(v)
			}
			if c.first[s] == t {
				kernel.Add(c.dStart, c.dStart, gamma)
				clear(gamma)
				continue
			}
			for j, v := range c.row(c.sum, i) {
				if v != 0 {
					share[j] = gamma[j] / v
				}
			}
		}
		if t == 0 {
			break
		}
		kernel.Exp(c.work, c.block(c.alpha, t-1))
		kernel.Gemm(c.pool, true, false, c.k, c.k, c.batch, 1, c.work, c.k, c.share, c.k, 1, c.pairs, c.k)
		kernel.Gemm(c.pool, false, true, c.batch, c.k, c.k, 1, c.share, c.k, c.factor, c.k, 0, c.before, c.k)
		kernel.Mul(c.before, c.before, c.work)
		for s := range c.batch {
			if i := t*c.batch + s; c.valid(i) && c.first[s] < t {
				c.small(i)
				copy(c.row(c.gamma, s), c.row(c.before, s))
			}
		}
	}
	kernel.MulAdd(c.dTransitions, c.pairs, c.factor)
	c.subtract(dEmissions, g)
}

// last makes gamma of the last step, and the gradient of end of that.
func (c *crf[F]) last(g []F) {
	clear(c.gamma)
	clear(c.dEnd)
	for s := range g {
		if c.first[s] == c.steps {
			continue
		}
		gamma := c.row(c.gamma, s)
		for j, v := range c.row(c.block(c.alpha, c.steps-1), s) {
			gamma[j] = v + float64(data[F](c.in[3])[j])
		}
		kernel.SoftmaxRow(gamma, gamma)
		kernel.Scale(float64(g[s]), gamma)
		kernel.Add(c.dEnd, c.dEnd, gamma)
	}
}

// small adds, for the tags at row i whose sum is too small, their part of the row before and of the transitions.
func (c *crf[F]) small(i int) {
	transitions, gamma, before := data[F](c.in[1]), c.row(c.gamma, i%c.batch), c.row(c.before, i%c.batch)
	for j, v := range c.row(c.sum, i) {
		if v != 0 || gamma[j] == 0 {
			continue
		}
		total := c.logSum(i-c.batch, j)
		for k, a := range c.row(c.alpha, i-c.batch) {
			p := gamma[j] * math.Exp(a+float64(transitions[k*c.k+j])-total)
			before[k] += p
			c.dTransitions[k*c.k+j] += p
		}
	}
}

// subtract takes off what the given tags have.
func (c *crf[F]) subtract(dEmissions, g []F) {
	tags := indices(c.in[4])
	for s := range c.batch {
		before := -1
		for i := s; i < len(tags); i += c.batch {
			if !c.valid(i) {
				continue
			}
			y := int(tags[i])
			dEmissions[i*c.k+y] -= g[s]
			if before < 0 {
				c.dStart[y] -= float64(g[s])
			} else {
				c.dTransitions[before*c.k+y] -= float64(g[s])
			}
			before = y
		}
		if before >= 0 {
			c.dEnd[before] -= float64(g[s])
		}
	}
}
