package seqdata

import (
	"fmt"
	"math"
)

// WindowOptions say how [Series.Windows] cuts a series. The zero value makes one example of it, whose targets are the
// next values of all columns.
type WindowOptions struct {
	Steps  int // time steps of a window, each with a target; 0 means all there are
	Stride int // time steps from one window to the next; 0 means Steps, so that every value is a target once
	// Warmup is how many further time steps a window begins with, as far as the past reaches. They bring a network's
	// state up to date; their targets don't count. There is an array [Weight] then, which is 0 where they are.
	Warmup  int
	Horizon int   // how many following values the target of a time step is; 0 means 1
	Columns []int // those that are forecast; nil means all
}

// Windows cuts a series into examples for [Pad]. The input of a time step is the values of all columns at that time.
// Its target is the values of the columns that are forecast, at the next time, then at the one after it, and so on:
// with K columns, Horizon·K numbers. The first value that is forecast is the one at From; if that is 0 the one at 1, for
// nothing is known before the first.
//
// Windows that overlap share memory. A series that is too short for a target gives a *SeriesError.
func (s *Series) Windows(o WindowOptions) ([]Example, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	columns, err := o.check(s)
	if err != nil {
		return nil, err
	}
	horizon := max(o.Horizon, 1)
	first, end := max(s.From-1, 0), s.Len()-horizon // the time steps whose targets count
	if end <= first {
		return nil, &SeriesError{-1, -1, fmt.Sprintf("%d values from time %d on", s.Len()-s.From, s.From),
			fmt.Sprintf("more, for targets of %d values", horizon)}
	}
	if most := maxElements / s.Len() / len(columns); horizon > most {
		return nil, &ArgumentError{"Series.Windows", "Horizon", horizon, fmt.Sprint("at most ", most)}
	}

	// Inputs and targets of all time steps up to end.
	width, answers := len(s.Columns), horizon*len(columns)
	input, target := make([]float32, end*width), make([]float32, end*answers)
	for i, column := range s.Columns {
		for t := range end {
			input[t*width+i] = float32(column[t])
		}
	}
	for t := range end {
		for h := range horizon {
			for k, c := range columns {
				target[t*answers+h*len(columns)+k] = float32(s.Columns[c][t+1+h])
			}
		}
	}

	steps := end - first
	if o.Steps > 0 {
		steps = min(steps, o.Steps)
	}
	stride := steps
	if o.Stride > 0 {
		stride = min(o.Stride, end)
	}
	weight := make([]float32, min(o.Warmup, end)+steps)
	for i := range steps {
		weight[len(weight)-1-i] = 1
	}
	var examples []Example
	for at := first; ; at += stride {
		from, to := max(at-o.Warmup, 0), min(at+steps, end)
		n := to - from
		e := Example{
			Input:  {Shape: []int{n, width}, Floats: input[from*width : to*width]},
			Target: {Shape: []int{n, answers}, Floats: target[from*answers : to*answers]},
		}
		if o.Warmup > 0 {
			e[Weight] = Array{Shape: []int{n}, Floats: weight[len(weight)-steps-(at-from):][:n]}
		}
		examples = append(examples, e)
		if to == end || stride >= end-at {
			return examples, nil
		}
	}
}

// check returns the columns that are forecast.
func (o *WindowOptions) check(s *Series) ([]int, error) {
	for _, a := range []struct {
		name  string
		value int
	}{{"Steps", o.Steps}, {"Stride", o.Stride}, {"Warmup", o.Warmup}, {"Horizon", o.Horizon}} {
		if a.value < 0 {
			return nil, &ArgumentError{"Series.Windows", a.name, a.value, "0 or more"}
		}
	}
	columns := o.Columns
	if columns == nil {
		for i := range s.Columns {
			columns = append(columns, i)
		}
	}
	if len(columns) == 0 {
		return nil, &ArgumentError{"Series.Windows", "Columns", "empty", "at least one, or nil for all"}
	}
	for _, c := range columns {
		if c < 0 || c >= len(s.Columns) {
			return nil, &ArgumentError{"Series.Windows", "Columns", columns, fmt.Sprintf("indices 0 to %d", len(s.Columns)-1)}
		}
	}
	for i, column := range s.Columns {
		for t, v := range column {
			if math.Abs(v) > math.MaxFloat32 {
				return nil, &SeriesError{i, t, fmt.Sprint(v), "a number that single precision can hold"}
			}
		}
	}
	return columns, nil
}
