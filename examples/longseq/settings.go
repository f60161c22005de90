package main

import (
	"errors"
	"flag"
	"fmt"
	"io"

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
	f.SetOutput(io.Discard) // a wrong flag is one line on stderr, like every other error
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
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(stderr, "Longseq trains an LSTM on long sequences within a limit of memory. Flags:")
		f.SetOutput(stderr)
		f.PrintDefaults()
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("%w; -help lists the flags", err)
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("got the argument %q, want only flags", f.Arg(0))
	}
	return s, s.check()
}

func (s *settings) check() error {
	for _, n := range []struct {
		flag             string
		value, low, high int
	}{
		{"steps", s.steps, 1, 10_000_000}, {"batch", s.batch, 1, 1000}, {"hidden", s.hidden, 1, 4096},
		{"window", s.window, 1, 100_000}, {"updates", s.updates, 1, 1_000_000},
	} {
		if n.value < n.low || n.value > n.high {
			return fmt.Errorf("-%s is %d, want %d to %d", n.flag, n.value, n.low, n.high)
		}
	}
	switch {
	case s.steps*s.batch > 100_000_000:
		return fmt.Errorf("-steps %d × -batch %d are %d numbers, want at most 100,000,000", s.steps, s.batch, s.steps*s.batch)
	case !(s.rate > 0 && s.rate < 1e6):
		return fmt.Errorf("-lr is %v, want a number above 0", s.rate)
	}
	return nil
}
