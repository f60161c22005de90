package seqdata

import (
	"fmt"
	"math"
)

// Scaling standardizes the columns of a series, each by its own numbers:
//
//	z = (x - Mean) / Deviation
type Scaling struct {
	Mean, Deviation []float64
}

// Scaling returns the scaling to mean 0 and standard deviation 1 of all values in the series, those of the past
// included; a column of one value only is divided by 1. Take it from the training part of [Series.Split], and apply it
// to the others: they are not to be known yet.
func (s *Series) Scaling() (Scaling, error) {
	if err := s.check(); err != nil {
		return Scaling{}, err
	}
	var c Scaling
	for i, column := range s.Columns {
		n := float64(len(column))
		mean, square := column[0], 0.0
		for _, v := range column { // exact if all are one value
			mean += (v - column[0]) / n
		}
		for _, v := range column {
			square += (v - mean) * (v - mean) / n
		}
		deviation := math.Sqrt(square)
		if !finite(deviation) {
			return Scaling{}, &SeriesError{i, -1, "values whose squares are infinite", "smaller ones"}
		}
		if deviation == 0 {
			deviation = 1
		}
		c.Mean, c.Deviation = append(c.Mean, mean), append(c.Deviation, deviation)
	}
	return c, nil
}

// Apply returns the series on the new scale.
func (c Scaling) Apply(s *Series) (*Series, error) {
	return c.transform(s, func(x, mean, deviation float64) float64 { return (x - mean) / deviation })
}

// Inverse returns a series that is on the new scale on the old one.
func (c Scaling) Inverse(s *Series) (*Series, error) {
	return c.transform(s, func(z, mean, deviation float64) float64 { return z*deviation + mean })
}

func (c Scaling) transform(s *Series, f func(v, mean, deviation float64) float64) (*Series, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if n := len(s.Columns); len(c.Mean) != n || len(c.Deviation) != n {
		return nil, &SeriesError{-1, -1, fmt.Sprint(n, " columns"), fmt.Sprintf("%d, as the scaling has", min(len(c.Mean), len(c.Deviation)))}
	}
	out := &Series{From: s.From}
	for i, column := range s.Columns {
		to := make([]float64, len(column))
		for t, v := range column {
			to[t] = f(v, c.Mean[i], c.Deviation[i])
		}
		out.Columns = append(out.Columns, to)
	}
	return out, nil
}
