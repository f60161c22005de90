package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/gobptt/bptt/seqdata"
)

// data is a series, cut in three by time.
type data struct {
	name   string // of the series
	value  string // what is measured
	time   string // what a time step is
	values []float64

	train, valid, test *seqdata.Series // on the scale of the training part
	mean, deviation    float64         // of the training part
}

// The Mackey–Glass series is read at every sixth time unit, as is usual since Lapedes and Farber (1987): at every unit,
// a straight line through the last two values would already be a good forecast. The beginning depends on the start and is
// left out.
const (
	glassEvery  = 6
	glassBegin  = 600
	glassLength = 3000
)

// read returns the series to learn. A tenth at its end is for the test, a tenth before it for validation.
func (s *settings) read() (*data, error) {
	d := &data{name: "the Mackey–Glass series", value: "x(t)", time: fmt.Sprintf("time step (%d time units)", glassEvery)}
	var series *seqdata.Series
	if s.csv != "" {
		var err error
		if series, err = seqdata.ReadSeries(s.csv, s.column); err != nil {
			return nil, err
		}
		d.values = series.Columns[0]
		d.name, d.value, d.time = fmt.Sprintf("%.40s in %.40s", s.column, filepath.Base(s.csv)), fmt.Sprintf("%.40s", s.column), "time step (row of the file, the first is 0)"
	} else {
		glass, err := seqdata.MackeyGlass(glassBegin+glassEvery*glassLength, seqdata.MackeyGlassOptions{})
		if err != nil {
			return nil, err
		}
		for t := glassBegin; t < len(glass); t += glassEvery {
			d.values = append(d.values, glass[t])
		}
		series = &seqdata.Series{Columns: [][]float64{d.values}}
	}

	train, valid, test, err := series.Split(0.1, 0.1)
	if err != nil {
		return nil, fmt.Errorf("%s is too short: %w", d.name, err)
	}
	if n := test.Len() - test.From; n < s.horizon {
		return nil, fmt.Errorf("-horizon is %d, but the test part of %s, its last tenth, has only %d values", s.horizon, d.name, n)
	}
	if n := train.Len() - 1; n < s.window {
		return nil, fmt.Errorf("-window is %d, but the training part of %s has only %d time steps", s.window, d.name, n)
	}
	scaling, err := train.Scaling()
	if err != nil {
		return nil, err
	}
	if column := train.Columns[0]; slices.Min(column) == slices.Max(column) {
		return nil, fmt.Errorf("the training part of %s is always %v: there is nothing to learn", d.name, column[0])
	}
	d.mean, d.deviation = scaling.Mean[0], scaling.Deviation[0]
	for _, part := range []struct {
		to   **seqdata.Series
		from *seqdata.Series
	}{{&d.train, train}, {&d.valid, valid}, {&d.test, test}} {
		if *part.to, err = scaling.Apply(part.from); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// scaled returns the whole series on the scale of the training part.
func (d *data) scaled() []float64 { return d.test.Columns[0] }
