// Chorales learns polyphonic music: which of a piano's 88 notes sound in the next time step, given those of all steps
// before. It prints the negative log-likelihood in nats a step, as the literature does, and can write music of its own.
//
//	go run ./examples/chorales               # synthetic four-part chorales
//	go run ./examples/chorales -data FILE    # such as the chorales of J. S. Bach
//
// A line of the file is one piece, {"split": "train", "steps": [[39, 51, 58, 67], [51, 58], …]}: the notes that sound in
// each step, from 0, the lowest of a piano, to 87. The splits are train, valid and test.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/gobptt/bptt/internal/program"
)

func main() { program.Main("chorales", run) }

// run is the whole program: read, train, test, compose.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	m, err := s.read()
	if err != nil {
		return err
	}
	if s.midi != "" {
		if err := program.Writable(s.midi); err != nil {
			return err
		}
	}
	r, err := s.train(ctx, m, stdout, stderr)
	if err != nil {
		return err
	}
	if s.midi != "" {
		if err := s.compose(r.model); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, "test: %.3f nats/step (validation %.3f in epoch %d of %d)\n", r.test, r.valid, r.best, r.epochs)
	return nil
}
