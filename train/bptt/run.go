package bptt

import (
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// Data gives sequences window by window; each row of a batch goes on where it stopped in the one before.
type Data interface {
	// Next returns the next window, of at most the given number of time steps, or io.EOF at the end of an epoch. The
	// batch may be overwritten by the following call.
	Next(steps int) (*seqdata.Batch, error)
	// Rewind goes back to the start of an epoch.
	Rewind()
}

// Run is a pass over data: what a strategy works with.
type Run struct {
	Data     Data
	Programs *Programs
	States   graph.States // carried from window to window
	Random   rand.Source  // of the seeds of dropout masks
}

// Result says what a strategy computed.
type Result struct {
	Loss    float64 // mean over the targets, in the loss's unit
	Targets int
	Program *graph.Program // the last one run
}
