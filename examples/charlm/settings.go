package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"

	"github.com/gobptt/bptt/internal/program"
	"github.com/gobptt/bptt/train"
)

// settings are the command line's flags.
type settings struct {
	model model

	text   string
	steps  int
	batch  int
	window int
	rate   float64
	save   string
	resume bool

	every       int
	sample      int
	temperature float64
	quiet       bool
}

// model is the part of the settings that a checkpoint must agree with.
type model struct {
	Cell    string  `json:"cell"`
	Hidden  int     `json:"hidden"`
	Embed   int     `json:"embed"`
	Layers  int     `json:"layers"`
	Dropout float64 `json:"dropout"`
	Seed    uint64  `json:"seed"`
}

// defaultSave is the directory that is used if -save isn't given; a number is appended if it exists.
const defaultSave = "charlm-model"

// maxLayers is far beyond what learns anything.
const maxLayers = 100

func parse(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{}
	f := flag.NewFlagSet("charlm", flag.ContinueOnError)
	f.StringVar(&s.text, "text", "", "learn from this `file`, UTF-8; without it, from the Go standard library's source")
	f.IntVar(&s.steps, "steps", 1000, "parameter updates to reach in all, resumed or not")
	f.IntVar(&s.model.Hidden, "hidden", 256, "width of the recurrent layers")
	f.IntVar(&s.model.Embed, "embed", 64, "width of the characters' embedding")
	f.IntVar(&s.model.Layers, "layers", 1, "recurrent layers")
	f.StringVar(&s.model.Cell, "cell", "lstm", "lstm, gru or rnn")
	f.IntVar(&s.batch, "batch", 32, "streams that the text is cut into, read side by side")
	f.IntVar(&s.window, "window", 100, "time steps that the gradient flows back through")
	f.Float64Var(&s.rate, "lr", 4e-3, "learning rate of Adam")
	f.Float64Var(&s.model.Dropout, "dropout", 0, "probability, before, between and after the recurrent layers")
	f.Uint64Var(&s.model.Seed, "seed", 1, "of all random numbers")
	f.StringVar(&s.save, "save", "", "save the run in this `directory`; without it, in a new one named "+defaultSave)
	f.BoolVar(&s.resume, "resume", false, "go on from what the directory holds")
	f.IntVar(&s.every, "every", 100, "steps between validations and samples")
	f.IntVar(&s.sample, "sample", 200, "characters in a sample while training")
	f.Float64Var(&s.temperature, "temperature", 0.7, "of samples: below 1 is safer, above 1 is wilder")
	f.BoolVar(&s.quiet, "quiet", false, "print only the last line")
	if err := program.Parse(f, args, "Charlm trains a language model of characters.", stderr); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.resume {
		given := map[string]bool{}
		f.Visit(func(f *flag.Flag) { given[f.Name] = true })
		if s.save == "" {
			s.save = defaultSave
		}
		return s, s.agree(given)
	}
	return s, nil
}

func (s *settings) check() error {
	for _, n := range []struct {
		flag       string
		value, low int
	}{
		{"steps", s.steps, 1}, {"hidden", s.model.Hidden, 1}, {"embed", s.model.Embed, 1}, {"layers", s.model.Layers, 1},
		{"batch", s.batch, 1}, {"window", s.window, 1}, {"every", s.every, 1}, {"sample", s.sample, 0},
	} {
		if n.value < n.low {
			return fmt.Errorf("-%s is %d, want %d or more", n.flag, n.value, n.low)
		}
	}
	switch {
	case s.model.Layers > maxLayers:
		return fmt.Errorf("-layers is %d, want %d or less", s.model.Layers, maxLayers)
	case !(s.rate > 0 && s.rate < 1e6):
		return fmt.Errorf("-lr is %v, want a number above 0", s.rate)
	case !(s.model.Dropout >= 0 && s.model.Dropout < 1):
		return fmt.Errorf("-dropout is %v, want 0 or more and below 1", s.model.Dropout)
	case !(s.temperature >= 0 && s.temperature <= 100):
		return fmt.Errorf("-temperature is %v, want 0 to 100", s.temperature)
	case recurrent[s.model.Cell] == nil:
		return fmt.Errorf("-cell is %q, want lstm, gru or rnn", s.model.Cell)
	}
	return nil
}

// agree takes over the saved model's settings, except where a flag that was given says otherwise: that is an error.
func (s *settings) agree(given map[string]bool) error {
	data, err := train.ReadCheckpoint(s.save, modelFile)
	if err != nil {
		return err
	}
	var saved model
	if err := json.Unmarshal(data, &saved); err != nil {
		return fmt.Errorf("%s in %s: %w", modelFile, s.save, err)
	}
	for _, c := range []struct {
		flag        string
		saved, here any
	}{
		{"cell", saved.Cell, s.model.Cell}, {"hidden", saved.Hidden, s.model.Hidden}, {"embed", saved.Embed, s.model.Embed},
		{"layers", saved.Layers, s.model.Layers}, {"dropout", saved.Dropout, s.model.Dropout}, {"seed", saved.Seed, s.model.Seed},
	} {
		if given[c.flag] && c.saved != c.here {
			return fmt.Errorf("-%s is %v, but the model in %s was made with %v", c.flag, c.here, s.save, c.saved)
		}
	}
	s.model = saved
	return s.check()
}

// checkMemory refuses sizes that no machine has the memory for, before any of it is taken.
func (s *settings) checkMemory(vocabulary int) error {
	const limit = 16 // GB
	m := s.model
	v, e, h, l := float64(vocabulary), float64(m.Embed), float64(m.Hidden), float64(m.Layers)
	gates := map[string]float64{"lstm": 4, "gru": 3, "rnn": 1}[m.Cell]
	weights := v*e + gates*h*(e+h) + (l-1)*gates*h*(h+h) + v*h
	activations := float64(s.batch) * float64(s.window) * (2*e + l*h*(gates+2) + 2*v)
	// A weight has a gradient and two moments beside it.
	if gb := 4 * (4*weights + 2*activations) / 1e9; gb > limit {
		return fmt.Errorf("embedding %d, %s %d × %d, batch %d × window %d would take about %.0f GB of memory, want at most %d",
			m.Embed, m.Cell, m.Hidden, m.Layers, s.batch, s.window, gb, limit)
	}
	return nil
}
