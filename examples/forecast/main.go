// Forecast learns to forecast a numeric series, one step and many steps ahead, with intervals that say how sure it is. It
// compares its forecasts with those of a linear autoregression and of persistence, and draws them.
//
//	go run ./examples/forecast                          # the chaotic Mackey–Glass series
//	go run ./examples/forecast -csv FILE -column NAME   # a column of a CSV file
package main

import (
	"context"
	"io"

	"github.com/gobptt/bptt/internal/program"
)

func main() { program.Main("forecast", run) }

// run is the whole program: read, train, compare, draw.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	d, err := s.read()
	if err != nil {
		return err
	}
	if err := program.Writable(s.out); err != nil {
		return err
	}
	n, err := s.train(ctx, d, stdout, stderr)
	if err != nil {
		return err
	}
	c, err := s.compare(ctx, d, n)
	if err != nil {
		return err
	}
	if err := c.draw(s.out); err != nil {
		return err
	}
	c.print(s, stdout)
	return nil
}
