package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"

	"github.com/gobptt/bptt/internal/program"
	"github.com/gobptt/bptt/train/bptt"
)

// settings are the command line's flags.
type settings struct {
	memory  int64 // bytes
	steps   int
	batch   int
	hidden  int
	window  int
	updates int
	rate    float64
	seed    uint64
}

func parse(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{memory: 64 << 20}
	f := flag.NewFlagSet("longseq", flag.ContinueOnError)
	f.Func("memory", "limit of activations and kept states, a `size` such as 8MiB (default 64MiB)", func(v string) (err error) {
		s.memory, err = bptt.ParseBytes(v)
		return err
	})
	f.IntVar(&s.steps, "steps", 100_000, "time steps of a sequence")
	f.IntVar(&s.batch, "batch", 8, "sequences")
	f.IntVar(&s.hidden, "hidden", 128, "width of the LSTM")
	f.IntVar(&s.window, "window", 50, "time steps that are computed at once")
	f.IntVar(&s.updates, "updates", 3, "parameter updates, each by the gradient of the whole sequences")
	f.Float64Var(&s.rate, "lr", 1e-4, "learning rate of Adam")
	f.Uint64Var(&s.seed, "seed", 1, "of the weights")
	if err := program.Parse(f, args, "Longseq trains an LSTM on long sequences within a limit of memory.", stderr); err != nil {
		return nil, err
	}
	return s, s.check()
}

func (s *settings) check() error {
	if err := cmp.Or(
		program.Range("steps", s.steps, 1, 10_000_000),
		program.Range("batch", s.batch, 1, 1000),
		program.Range("hidden", s.hidden, 1, 4096),
		program.Range("window", s.window, 1, 100_000),
		program.Range("updates", s.updates, 1, 1_000_000),
	); err != nil {
		return err
	}
	switch {
	case s.steps*s.batch > 100_000_000:
		return fmt.Errorf("-steps %d × -batch %d are %d numbers, want at most 100,000,000", s.steps, s.batch, s.steps*s.batch)
	case !(s.rate > 0 && s.rate < 1e6):
		return fmt.Errorf("-lr is %v, want a number above 0", s.rate)
	}
	return nil
}
