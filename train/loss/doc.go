// Package loss holds the costs that a model is trained to make small. A loss writes a scalar node from the model's
// output and the targets, which it reads from the builder's input seqdata.Target.
//
// # The mean
//
// Every cost is a weighted mean over the targets, Σ w·l / Σ w. A target of a time step has the weight that the input
// seqdata.Weight gives it, or 1, and the weight 0 where the builder's step mask is 0 (the array seqdata.Mask of a
// batch). Losses of classes leave out targets that are to be ignored, and weigh the others by their class. What has the
// weight 0 isn't looked at: it may hold anything, also a NaN or a target that is no class. If nothing is left the cost
// is 0, and so is the gradient. Targets that aren't those of the window's time steps, such as one for each sequence,
// count 1 each.
//
// A loss of several numbers a target, such as [MSE], is the mean over them in each row, so that the mean over rows is
// the one over all numbers.
//
// The sum of the weights can be read from a program, [graph.Program.TargetWeight]. Weighted by it, the costs of windows
// combine to the cost of all their targets together; those of a batch in one window of 100 steps are the same as in ten
// of 10.
//
// The zero value of a loss is the common case, and what PyTorch does by default, as far as PyTorch has the loss. Costs
// are in nats where they are logarithms of probabilities; Unit tells a history and its pictures what they are, where there
// is a word for it.
package loss
