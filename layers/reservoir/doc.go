// Package reservoir holds echo state networks (Jaeger 2001): a recurrent network whose weights are drawn at random and
// stay, and a linear readout of its states, which is all that is trained. Nothing is backpropagated through time; a fit
// is the solution of one system of linear equations.
//
//	r, err := reservoir.New(reservoir.Options{Inputs: 1, Units: 100}, rng)
//	states, err := r.Run(inputs)        // [T, Inputs] to [T, Units]
//	var fit reservoir.Ridge
//	err = fit.Add(states, targets, 100) // without the first 100 steps
//	readout, err := fit.Solve(1e-8)
//	outputs, err := readout.Predict(states)
//	series, err := r.Generate(readout, 500) // each output is the next input
//
// [RLS] fits a readout online, step by step. [Reservoir.Cell] is the reservoir as a layer of fixed weights in a graph,
// between layers that are trained.
//
// The variant is that of Lukoševičius, "A Practical Guide to Applying Echo State Networks" (2012), which also says
// how to choose the options: first the spectral radius, the scale of the inputs and the leaking rate, and λ by data that
// were not fitted. Some things in the guide need no option:
//
//   - Inputs on different scales: scale the columns of the inputs.
//   - Feedback from the output: give the output of the step before as a further input, in training the target.
//   - Direct connections from input to output: give Ridge the inputs and the states side by side (mat.Dense.Augment).
//
// # Conventions
//
// Sequences are matrices [T, width], one row a time step. All computation is in float64: states are nearly linearly
// dependent, and the fit lives on small differences.
//
// To save a network, keep the options, the seed and the readout: New draws the same weights again, up to rounding on
// another kind of processor.
package reservoir
