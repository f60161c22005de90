// Package loss holds the costs that a model is trained to make small. A loss writes a scalar node from the model's
// output and the targets, which it reads from the builder's inputs.
package loss
