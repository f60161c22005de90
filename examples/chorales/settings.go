package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/gobptt/bptt/internal/program"
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
	if err := program.Parse(f, args, "Chorales learns polyphonic music.", stderr); err != nil {
		return nil, err
	}
	return s, s.check()
}

func (s *settings) check() error {
	if err := cmp.Or(
		program.Range("hidden", s.hidden, 1, 4096),
		program.Range("epochs", s.epochs, 1, 1e6),
		program.Range("batch", s.batch, 1, 1024),
		program.Range("steps", s.steps, 1, 1e5),
	); err != nil {
		return err
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
