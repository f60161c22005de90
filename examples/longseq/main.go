// Longseq trains an LSTM on sequences of 100,000 time steps, by the exact gradient of all of them and within a limit of
// memory: the activations of a few windows are held at once, the others are computed again when it is their turn.
//
//	go run ./examples/longseq                     # within 64 MiB
//	go run ./examples/longseq -memory 8MiB        # takes longer
//
// It compares the time and the gradient with truncated backpropagation in windows of the same length.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	os.Exit(status(run(ctx, os.Args[1:], os.Stdout, os.Stderr), os.Stderr))
}

// status says in one line what is wrong, if anything is, and returns the exit status.
func status(err error, stderr io.Writer) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, context.Canceled):
		return 130 // as a shell reports an interrupted program
	}
	fmt.Fprintln(stderr, "longseq:", strings.NewReplacer(":\n", ": ", "\n", "; ").Replace(err.Error()))
	return 1
}
