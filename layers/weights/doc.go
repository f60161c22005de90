// Package weights moves weights in and out of models: between runs, and between this library, PyTorch, Keras and Flax.
//
// # Basics
//
// [Save] writes a model's parameters to a file, and [Load] sets them from one:
//
//	err := weights.Save("model.safetensors", model.Params(), weights.Options{})
//	err = weights.Load("keras.npz", model.Params(), weights.Options{Layout: weights.Keras})
//
// The extension says what kind of file it is: .safetensors, or .npz, which is NumPy's. [Options] say how names, shapes
// and the order of gates differ from ours. [Write] and [Read] are for streams, and for a checkpoint's files.
//
// A file must hold what the model has, no less and no more; precision is converted. A model is changed only if there is
// no error, and a file appears whole or not at all.
//
// docs/weights.md has the Python side.
//
// # Layouts
//
// A layer's path is what precedes the name of its parameter: "1" for "1.weight_ih_l0". In [PyTorch]'s layout, tensors
// are our parameters as they are. In the others, the dots of a path are slashes, and each cell of a stack has a path of
// its own: "1/l0", "1/l1", or with two directions "1/l0/forward" and "1/l0/backward". Below it are Keras's or Flax's
// names:
//
//	parameters                        Keras                                    Flax
//	weight [out, in], bias            kernel [in, out], bias                   kernel [in, out], bias
//	weight [vocabulary, width] alone  embeddings                               embedding
//	weight [width], bias [width]      gamma, beta                              scale, bias
//	weight_ih, weight_hh, biases      kernel [F, G·H], recurrent_kernel, bias  ii, hi, if, hf, … with kernel, bias
//
// How many gates a cell has says which it is: one is a simple RNN, three a GRU, four an LSTM. The tensors can't tell
// more: that both sides compute the same with them, activations included, is the caller's concern.
//
// # Biases
//
// PyTorch's cells have two biases, which add up except in a GRU's candidate. Where Keras and Flax have one, their sum is
// written; read, it is bias_ih, and bias_hh becomes 0. A GRU of Keras has both if it is made with reset_after (the
// default); without, it has one, and fits a cell with the reset gate before the product, whose only bias is bias_ih.
//
// # Caveats
//
// When writing, a matrix without a bias is taken for an embedding. When reading, it may also be a kernel.
//
// A [*LayoutError] says what a layout has no place for: cells with other parameters or another number of gates, and, in
// Flax, cells without biases and GRUs with the reset gate before the product.
package weights
