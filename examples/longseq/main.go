// Longseq trains an LSTM on sequences of 100,000 time steps, by the exact gradient of all of them and within a limit of
// memory: the activations of a few windows are held at once, the others are computed again when it is their turn.
//
//	go run ./examples/longseq                     # within 64 MiB
//	go run ./examples/longseq -memory 8MiB        # takes longer
//
// It compares the time and the gradient with truncated backpropagation in windows of the same length.
package main

import (
	"github.com/gobptt/bptt/internal/program"
)

func main() { program.Main("longseq", run) }
