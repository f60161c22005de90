// Benchmarks measures a training step of this library, of PyTorch and of plain Gorgonia in turn, in one run, and prints
// their times and ratios. The machine should be otherwise idle.
//
//	go run ./internal/benchmarks -rounds 5
//
// PyTorch is the interpreter's named by -python; without it, or with -python "", only ours is measured. Every round runs
// each program once for every configuration, so that a machine whose speed drifts is the same for all; a ratio is taken
// within a round, and its median and range over the rounds are printed.
package main
