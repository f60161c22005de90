// Package initial holds initial values of parameters: a graph.Initializer fills one parameter, [Apply] chooses parameters
// of a model by their names, and [PyTorch] and [Keras] set a whole model as those libraries do.
//
// Constructors of layers draw what PyTorch's draw. What is to begin otherwise is set afterwards, in place:
//
//	err := initial.Apply(model.Params(), rng, initial.Rules{
//		"*weight_hh*": initial.Orthogonal(1),
//		"*bias*":      graph.Zeros,
//	})
//
// A layer of one's own may give the same functions to graph.NewParam. Package graph has graph.Uniform, graph.Normal and
// graph.Zeros.
//
// Weights are [out, in]. The gates of a recurrent cell are stacked: weight_ih is [G·H, F], weight_hh [G·H, H], and a bias
// [G·H]. An initializer takes such a stack for one matrix, as PyTorch and Keras do. [PerGate] and [Gates] take it apart.
// The order of an LSTM's gates is i, f, g, o.
//
// An initializer draws from the given source only: a source in the same state gives the same values.
package initial
