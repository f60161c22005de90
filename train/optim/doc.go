// Package optim updates parameters from their gradients: optimizers, averages of the weights, and clipping.
//
// # Optimizers
//
// An optimizer works on a graph.Arena, all parameters in one flat tensor, and keeps its moments in tensors as flat. Its
// options are fields; a zero field means PyTorch's default, which the comment states. Formulas are PyTorch's, and those
// that PyTorch doesn't have are the papers'.
//
// A Group gives some of the parameters, chosen by name, a learning rate or weight decay of their own, or freezes them.
//
// Some optimizers work around another one: L1 and Noise change the gradients before its step; EMA, SWA and NTASGD average
// the weights after it, and Swap puts the average to use. Their State has that of the inner one in it.
//
// LBFGS evaluates the cost by itself, so it is not an Optimizer: a trainer's Minimize takes it, and it works on its own.
//
// # Gradients
//
// Clipping comes before the step: each kind has a method Clip, which returns the norm of the gradients before.
// Accumulator makes one gradient of those of several batches.
//
// Only clipping looks for gradients that are not finite, and leaves them alone. In a step, a NaN in the gradient makes that
// element of its parameter NaN, with LAMB the whole parameter. So look at the norm before the step.
//
// # Order and threads
//
// All work is divided between the threads of the arena, without any effect on results: every sum is taken by pieces of
// fixed size. No step but the first allocates.
package optim
