// Package schedule says how the learning rate goes over training.
//
// A Schedule gives a factor of the optimizer's own learning rate for every update. All here but Plateau are plain values
// that depend on the number of the step alone, so a resumed run needs nothing of them. Steps count from 0. The formulas
// are PyTorch's, except where a comment says otherwise.
//
// What a step is is the caller's choice: with updates for steps, PerEpoch makes a schedule by epochs.
package schedule
