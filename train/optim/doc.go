// Package optim updates parameters from their gradients: optimizers, and clipping.
//
// An optimizer works on a graph.Arena, all parameters in one flat tensor, and keeps its moments in tensors as flat. Its
// options are fields; a zero field means PyTorch's default, which the comment states. Formulas are PyTorch's.
package optim
