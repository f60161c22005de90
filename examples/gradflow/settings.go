package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/gobptt/bptt/internal/program"
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
	f.StringVar(&s.out, "out", "gradflow-pictures", "write the pictures into this `directory`")
	f.IntVar(&s.length, "length", 50, "time steps of a sequence")
	f.IntVar(&s.hidden, "hidden", 64, "width of the recurrent layer")
	f.IntVar(&s.batch, "batch", 32, "sequences that are learned from at once")
	f.IntVar(&s.steps, "steps", 1500, "parameter updates of each network")
	f.Float64Var(&s.rate, "lr", 3e-3, "learning rate of Adam")
	f.Uint64Var(&s.seed, "seed", 1, "of all random numbers")
	quick := f.Bool("quick", false, "only see whether it works: a few updates of small networks")
	if err := program.Parse(f, args, "Gradflow trains recurrent networks and draws how their gradients flow.", stderr); err != nil {
		return nil, err
	}
	if *quick {
		s.length, s.hidden, s.batch, s.steps = 20, 8, 4, 10
	}
	return s, s.check()
}

func (s *settings) check() error {
	if err := cmp.Or(
		program.Range("length", s.length, 10, 10_000),
		program.Range("hidden", s.hidden, 2, 1024),
		program.Range("batch", s.batch, 1, 1000),
		program.Range("steps", s.steps, 2, 10_000_000),
	); err != nil {
		return err
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
