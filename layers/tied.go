package layers

import "github.com/gobptt/bptt/graph"

var _ Layer = (*Tied)(nil)

// Tied is an output layer whose weight is the table of an embedding (Press and Wolf 2017; Inan et al. 2017):
// y = x·Eᵀ + b for x [N, width] and the table E [vocabulary, width]. The gradient of the table is the sum of both uses;
// so the row of Embedding.Padding has one here.
//
// Its own parameter is "bias" [vocabulary]. The table is listed by the embedding, which must be a part of the model too.
type Tied struct {
	Embedding *Embedding
	Bias      *graph.Param
}

// NewTied returns an output layer of an embedding's vocabulary. The bias begins at 0.
func NewTied(e *Embedding) *Tied {
	if e == nil {
		return &Tied{nil, graph.ParamOf(nil)} // an error at its first use
	}
	return &Tied{e, graph.NewParam(graph.Zeros, nil, e.Weight.Shape()[0])}
}

// Apply returns [N, vocabulary].
func (t *Tied) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	if t.Embedding == nil {
		b.Fail(&graph.ArgumentError{Op: "Tied", Name: "embedding", Got: "nil", Want: "an Embedding"})
		return nil
	}
	return b.Linear(x, b.Param(t.Embedding.Weight), b.Param(t.Bias))
}

// Params returns the bias.
func (t *Tied) Params() []graph.NamedParam {
	return []graph.NamedParam{{Name: "bias", Param: t.Bias}}
}
