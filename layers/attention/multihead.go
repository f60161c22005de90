package attention

import (
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
)

var (
	_ Mechanism    = (*MultiHead)(nil)
	_ layers.Layer = (*MultiHead)(nil)
)

// MultiHead is scaled dot-product attention with several heads (Vaswani et al. 2017), PyTorch's MultiheadAttention with
// one width E for queries, keys, values and the result. Each head has its own part, d = E/heads wide, of the three
// projections:
//
//	weights = softmax(q·kᵀ/√d)
//	y = [weights·v, for all heads]·out_projᵀ + bias
//
// "in_proj_weight" is [3E, E], with the projections of queries, keys and values one below the other, "in_proj_bias"
// [3E], "out_proj.weight" [E, E] and "out_proj.bias" [E].
//
// As a layer it lets the steps of a sequence read one another.
type MultiHead struct {
	InWeight, InBias   *graph.Param // the biases are nil without bias
	OutWeight, OutBias *graph.Param

	heads   int
	options MultiHeadOptions
}

// MultiHeadOptions of NewMultiHead. The zero value is PyTorch's default.
type MultiHeadOptions struct {
	Dropout float64 // probability that a weight is dropped while training
	Causal  bool    // as a layer, a step reads only the steps up to itself
	NoBias  bool
}

// NewMultiHead draws in_proj_weight from U(-√(6/4E), √(6/4E)) and out_proj.weight from U(-1/√E, 1/√E), and sets the
// biases to 0, as PyTorch does. The width must be a multiple of heads.
func NewMultiHead(width, heads int, o MultiHeadOptions, rng *rand.Rand) *MultiHead {
	e := float64(width)
	m := &MultiHead{
		InWeight:  graph.NewParam(graph.Uniform(math.Sqrt(6/(4*e))), rng, 3*width, width),
		OutWeight: graph.NewParam(graph.Uniform(1/math.Sqrt(e)), rng, width, width),
		heads:     heads,
		options:   o,
	}
	if !o.NoBias {
		m.InBias = graph.NewParam(graph.Zeros, nil, 3*width)
		m.OutBias = graph.NewParam(graph.Zeros, nil, width)
	}
	return m
}

// Over implements Mechanism. The contexts are the results, E wide; for a memory that is masked whole, they are
// out_proj.bias.
func (m *MultiHead) Over(b *graph.Builder, memory, mask *graph.Node) Reader {
	memory = valid(b, memory, mask)
	return m.reader(b, memory, memory, KeyMask(b, mask))
}

// Attend returns the results [Tq*B, E] for queries [Tq*B, E], keys and values [Tk*B, E], and the weights [B, heads,
// Tq, Tk] before dropout. A query reads where the mask isn't 0; the mask broadcasts to the shape of the weights, as
// those of KeyMask and CausalMask do, and nil lets all be read.
func (m *MultiHead) Attend(b *graph.Builder, query, key, value, mask *graph.Node) (y, weights *graph.Node) {
	return m.reader(b, key, value, mask)(b, query)
}

// Apply returns [T*B, E] for a sequence x [T*B, E] that reads itself. Steps that the builder's step mask excludes are
// not read, and are 0 in the result.
func (m *MultiHead) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	if b.Err() != nil {
		return nil
	}
	steps := b.StepMask()
	x = valid(b, x, steps)
	mask := KeyMask(b, steps)
	if m.options.Causal {
		causal := CausalMask(b, x.Dim(0)/b.Window().B)
		if mask == nil {
			mask = causal
		} else {
			mask = b.Mul(mask, causal)
		}
	}
	y, _ := m.Attend(b, x, x, x, mask)
	return valid(b, y, steps)
}

func (m *MultiHead) reader(b *graph.Builder, key, value, mask *graph.Node) Reader {
	query := m.projection(b, 0)
	keys, values := m.projection(b, 1)(key), m.projection(b, 2)(value)
	out, bias := b.Param(m.OutWeight), optional(b, m.OutBias)
	scale := math.Sqrt(float64(m.heads) / float64(max(keys.Dim(1), 1)))
	return func(b *graph.Builder, q *graph.Node) (y, weights *graph.Node) {
		weights = b.MaskedSoftmax(b.AttentionScores(query(q), keys, m.heads, scale), mask)
		kept := layers.Dropout(m.options.Dropout).Apply(b, weights)
		return b.Linear(b.AttentionContext(kept, values), out, bias), weights
	}
}

// projection returns the i-th projection of in_proj.
func (m *MultiHead) projection(b *graph.Builder, i int) func(x *graph.Node) *graph.Node {
	weight, bias := b.Param(m.InWeight), optional(b, m.InBias)
	width := weight.Dim(1)
	weight = b.Slice(weight, 0, i*width, (i+1)*width)
	if bias != nil {
		bias = b.Slice(bias, 0, i*width, (i+1)*width)
	}
	return func(x *graph.Node) *graph.Node { return b.Linear(x, weight, bias) }
}

func optional(b *graph.Builder, p *graph.Param) *graph.Node {
	if p == nil {
		return nil
	}
	return b.Param(p)
}

// Params returns in_proj_weight, in_proj_bias, out_proj.weight and out_proj.bias.
func (m *MultiHead) Params() []graph.NamedParam {
	params := []graph.NamedParam{{Name: "in_proj_weight", Param: m.InWeight}}
	if m.InBias != nil {
		params = append(params, graph.NamedParam{Name: "in_proj_bias", Param: m.InBias})
	}
	params = append(params, graph.NamedParam{Name: "out_proj.weight", Param: m.OutWeight})
	if m.OutBias != nil {
		params = append(params, graph.NamedParam{Name: "out_proj.bias", Param: m.OutBias})
	}
	return params
}
