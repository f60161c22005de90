package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// settings are the command line's flags.
type settings struct {
	out    string
	length int
	hidden int
	batch  int
	steps  int
	rate   float64
	seed   uint64
}

func parse(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{}
	f := flag.NewFlagSet("gradflow", flag.ContinueOnError)
	f.SetOutput(io.Discard) // a wrong flag is one line on stderr, like every other error
	f.StringVar(&s.out, "out", "gradflow-pictures", "write the pictures into this `directory`")
	f.IntVar(&s.length, "length", 50, "time steps of a sequence")
	f.IntVar(&s.hidden, "hidden", 64, "width of the recurrent layer")
	f.IntVar(&s.batch, "batch", 32, "sequences that are learned from at once")
	f.IntVar(&s.steps, "steps", 1500, "parameter updates of each network")
	f.Float64Var(&s.rate, "lr", 3e-3, "learning rate of Adam")
	f.Uint64Var(&s.seed, "seed", 1, "of all random numbers")
	quick := f.Bool("quick", false, "only see whether it works: a few updates of small networks")
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(stderr, "Gradflow trains recurrent networks and draws how their gradients flow. Flags:")
		f.SetOutput(stderr)
		f.PrintDefaults()
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("%w; -help lists the flags", err)
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("got the argument %q, want only flags", f.Arg(0))
	}
	if *quick {
		s.length, s.hidden, s.batch, s.steps = 20, 8, 4, 10
	}
	return s, s.check()
}

func (s *settings) check() error {
	for _, n := range []struct {
		flag             string
		value, low, high int
	}{
		{"length", s.length, 10, 10_000}, {"hidden", s.hidden, 2, 1024}, {"batch", s.batch, 1, 1000}, {"steps", s.steps, 2, 10_000_000},
	} {
		if n.value < n.low || n.value > n.high {
			return fmt.Errorf("-%s is %d, want %d to %d", n.flag, n.value, n.low, n.high)
		}
	}
	switch {
	case s.length*s.hidden*s.batch > 1<<26:
		return fmt.Errorf("-length %d × -hidden %d × -batch %d is too large: want at most %d in all", s.length, s.hidden, s.batch, 1<<26)
	case !(s.rate > 0 && s.rate < 1e6):
		return fmt.Errorf("-lr is %v, want a number above 0", s.rate)
	case s.out == "":
		return errors.New("-out is empty, want a directory")
	}
	return nil
}
