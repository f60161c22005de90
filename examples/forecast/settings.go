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
	csv, column string

	hidden  int
	window  int
	batch   int
	epochs  int
	rate    float64
	dropout float64
	seed    uint64

	horizon int
	samples int
	out     string
	quiet   bool
}

func parse(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{}
	f := flag.NewFlagSet("forecast", flag.ContinueOnError)
	f.StringVar(&s.csv, "csv", "", "learn a series of this CSV `file`; without it, the Mackey–Glass series")
	f.StringVar(&s.column, "column", "", "`name` of the file's column, as its first row has it")
	f.IntVar(&s.hidden, "hidden", 32, "width of the GRU")
	f.IntVar(&s.window, "window", 100, "time steps that count in a training window; half as many warm it up")
	f.IntVar(&s.batch, "batch", 4, "windows in a batch")
	f.IntVar(&s.epochs, "epochs", 600, "at most so many passes over the training part; fewer if validation gets no better")
	f.Float64Var(&s.rate, "lr", 5e-3, "first learning rate of Adam")
	f.Float64Var(&s.dropout, "dropout", 0, "probability, behind the GRU")
	f.Uint64Var(&s.seed, "seed", 1, "of all random numbers")
	f.IntVar(&s.horizon, "horizon", 100, "time steps of the long forecasts")
	f.IntVar(&s.samples, "samples", 200, "paths that a long forecast is made of")
	f.StringVar(&s.out, "out", "forecast.png", "draw the forecasts in this PNG `file`")
	f.BoolVar(&s.quiet, "quiet", false, "print only the last line")
	if err := program.Parse(f, args, "Forecast learns to forecast a numeric series, and compares itself with simple methods. The last tenth\n"+
		"of the series is for the test, the tenth before it for validation.", stderr); err != nil {
		return nil, err
	}
	return s, s.check()
}

func (s *settings) check() error {
	if err := cmp.Or(
		program.Range("hidden", s.hidden, 1, 4096),
		program.Range("window", s.window, 2, 10000),
		program.Range("batch", s.batch, 1, 10000),
		program.Range("epochs", s.epochs, 1, 1e6),
		program.Range("horizon", s.horizon, 1, 1e6),
		program.Range("samples", s.samples, 2, 10000),
	); err != nil {
		return err
	}
	const most = 1 << 26 // numbers that are held at once
	switch {
	case int64(s.batch)*int64(s.window)*int64(s.hidden) > most:
		return fmt.Errorf("-batch %d × -window %d × -hidden %d is more than %d, too much for the memory", s.batch, s.window, s.hidden, most)
	case int64(s.samples)*int64(max(s.hidden, s.horizon)) > most:
		return fmt.Errorf("-samples %d × -hidden %d or × -horizon %d is more than %d, too much for the memory", s.samples, s.hidden, s.horizon, most)
	case !(s.rate > 0 && s.rate < 1e6):
		return fmt.Errorf("-lr is %v, want a number above 0", s.rate)
	case !(s.dropout >= 0 && s.dropout < 1):
		return fmt.Errorf("-dropout is %v, want 0 or more and below 1", s.dropout)
	case s.csv != "" && s.column == "":
		return fmt.Errorf("-csv %s needs -column, the name of one of its columns", s.csv)
	case s.csv == "" && s.column != "":
		return fmt.Errorf("-column %s needs -csv, the file that it is a column of", s.column)
	case s.out == "":
		return errors.New("-out is empty, want the name of a PNG file")
	}
	return nil
}
