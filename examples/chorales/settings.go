package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/gobptt/bptt/layers"
)

// settings are the command line's flags.
type settings struct {
	data string

	cell       string
	hidden     int
	dropout    float64
	weightDrop float64

	epochs int
	batch  int
	rate   float64
	seed   uint64

	midi  string
	steps int
	quiet bool
}

var recurrent = map[string]func(input, hidden int, o layers.RecurrentOptions, rng *rand.Rand) *layers.Recurrent{
	"lstm": layers.NewLSTM,
	"gru":  layers.NewGRU,
}

func parse(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{}
	f := flag.NewFlagSet("chorales", flag.ContinueOnError)
	f.SetOutput(io.Discard) // a wrong flag is one line on stderr, like every other error
	f.StringVar(&s.data, "data", "", "learn the pieces of this `file`, one a line as JSON; without it, synthetic ones")
	f.StringVar(&s.cell, "cell", "lstm", "lstm or gru")
	f.IntVar(&s.hidden, "hidden", 220, "width of the recurrent layer")
	f.Float64Var(&s.dropout, "dropout", 0.4, "probability, behind the recurrent layer")
	f.Float64Var(&s.weightDrop, "weightdrop", 0.6, "probability of dropping a recurrent weight")
	f.IntVar(&s.epochs, "epochs", 150, "at most so many passes over the training part; fewer if validation gets no better")
	f.IntVar(&s.batch, "batch", 4, "pieces in a batch")
	f.Float64Var(&s.rate, "lr", 5e-3, "first learning rate of Adam")
	f.Uint64Var(&s.seed, "seed", 1, "of all random numbers")
	f.StringVar(&s.midi, "midi", "", "write a piece of the model's own to this MIDI `file`")
	f.IntVar(&s.steps, "steps", 128, "time steps of that piece")
	f.BoolVar(&s.quiet, "quiet", false, "print only the last line")
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(stderr, "Chorales learns polyphonic music. Flags:")
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
		{"hidden", s.hidden, 1, 4096}, {"epochs", s.epochs, 1, 1e6}, {"batch", s.batch, 1, 1024}, {"steps", s.steps, 1, 1e5},
	} {
		if n.value < n.low || n.value > n.high {
			return fmt.Errorf("-%s is %d, want %d to %d", n.flag, n.value, n.low, n.high)
		}
	}
	for _, p := range []struct {
		flag  string
		value float64
	}{{"dropout", s.dropout}, {"weightdrop", s.weightDrop}} {
		if !(p.value >= 0 && p.value < 1) {
			return fmt.Errorf("-%s is %v, want 0 or more and below 1", p.flag, p.value)
		}
	}
	switch {
	case !(s.rate > 0 && s.rate < 1e6):
		return fmt.Errorf("-lr is %v, want a number above 0", s.rate)
	case recurrent[s.cell] == nil:
		return fmt.Errorf("-cell is %q, want lstm or gru", s.cell)
	}
	return nil
}
