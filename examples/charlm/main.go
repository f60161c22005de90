// Charlm trains a language model of characters with truncated backpropagation through time, prints samples as it
// learns, and saves the model, its learning curve and a sample.
//
//	go run ./examples/charlm                  # an LSTM learns to write Go from the standard library's source
//	go run ./examples/charlm -text FILE       # or from any text
//
// Interrupt it at any time: it saves, and -resume goes on.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gobptt/bptt/internal/program"
)

func main() { program.Main("charlm", run) }

// run is the whole program: parse, read, train, save, sample.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	text, err := s.read()
	if err != nil {
		return err
	}
	r, err := newRun(s, text, stdout, stderr)
	if err != nil {
		return err
	}
	history, err := r.trainer.Fit(ctx, r.train, r.valid)
	if errors.Is(err, context.Canceled) {
		fmt.Fprintf(stderr, "interrupted: saved in %s; the same command with -save %s -resume goes on\n", s.save, s.save)
	}
	if err != nil {
		return err
	}
	return r.finish(history)
}
