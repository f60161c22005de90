// Package train fits models to sequences by backpropagation through time.
//
// # Basics
//
// A [Trainer] names the parts: a model, a loss, an optimizer, a BPTT strategy. [Trainer.Fit] runs them in the one right
// order: a window forward and backward, the norm of the gradient, clipping, the optimizer's step, the state carried on.
//
//	t := train.Trainer{
//		Model:     model,
//		Loss:      loss.CrossEntropy{},
//		Optimizer: &optim.Adam{LearningRate: 2e-3},
//		ClipNorm:  1,
//		BPTT:      bptt.Truncated{Window: 100},
//		Steps:     1000,
//	}
//	history, err := t.Fit(ctx, trainStreams, validStreams)
//
// With a [Checkpoint], the run can be stopped at any moment and resumed as if it hadn't been. Every so many steps Fit
// measures the loss, and [Trainer.Metrics], of validation data; after training [Trainer.Evaluate] does so for test data.
// [Trainer.FindRate] looks for a learning rate beforehand. [Trainer.Minimize] trains a small model on all data at once, by
// L-BFGS.
//
// # Caveats
//
// The first Fit, Evaluate, FindRate or Minimize moves the model's parameters into one arena and compiles programs for it;
// change their precision before. A Trainer belongs to one goroutine.
package train
