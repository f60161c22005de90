// Package bptt holds the ways to run backpropagation through time over sequences longer than one compiled window. Each
// is a loop over windows: it decides how far the gradient reaches, and when the parameters are updated.
//
// # Which one
//
//	Truncated     an update every Window steps, by a gradient that goes back as many, or further with Reach: for streams
//	Jittered      the same with windows of random length, for language models
//	Full          an update every sequence, by its exact gradient, in memory that grows with its length
//	Checkpointed  the same in a limit of memory: what doesn't fit is computed again
//	RTRL          the exact gradient of all of the past, forward in time; for small networks
//	SnAp1         RTRL with no more of the influence than a unit has on itself: exact where units don't meet
//	UORO          a noisy estimate of RTRL's gradient, without bias, that is cheap for large networks too
//	EProp         local gradients: what stays within a unit
//
// A trainer takes one as its field BPTT:
//
//	trainer := train.Trainer{…, BPTT: bptt.Checkpointed{Window: 100, Memory: 64 << 20}}
//
// StateLags measures how far back a model's memory goes, and what a truncated gradient leaves out.
//
// # Sequences and states
//
// The state is carried from window to window. It is reset where the data say that a sequence ends (seqdata.Batch.Ends)
// and at the start of an epoch; no gradient passes there.
package bptt
