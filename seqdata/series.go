package seqdata

import (
	"fmt"
	"math"
)

// Series is one or several numeric series that were measured at the same times: a column each, with a value for each
// time.
type Series struct {
	Columns [][]float64

	// From is the time of the first value that is to be forecast. The values before it are only the past, from which a
	// forecast may be made.
	From int
}

// check returns an error unless the columns are equally long and all values are numbers.
func (s *Series) check() error {
	if s == nil || len(s.Columns) == 0 || len(s.Columns[0]) == 0 {
		return &SeriesError{-1, -1, "no values", "at least one"}
	}
	for i, column := range s.Columns {
		if n := len(s.Columns[0]); len(column) != n {
			return &SeriesError{i, -1, fmt.Sprint(len(column), " values"), fmt.Sprintf("%d, as many as in column 0", n)}
		}
		for t, v := range column {
			if !finite(v) {
				return &SeriesError{i, t, fmt.Sprint(v), "a number"}
			}
		}
	}
	if s.From < 0 || s.From >= s.Len() {
		return &SeriesError{-1, -1, fmt.Sprint("From ", s.From), fmt.Sprintf("0 to %d, the time of a value", s.Len()-1)}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Len returns the number of times.
func (s *Series) Len() int {
	if s == nil || len(s.Columns) == 0 {
		return 0
	}
	return len(s.Columns[0])
}

// Split cuts what is to be forecast in three by time: the last part is for the test, the part before it for validation,
// both given as fractions, and the first for training. A part has all that precedes it as its past and nothing of what
// follows, so nothing leaks from the future. Its values are those of s, not copies.
//
// Fractions that leave a part empty give an *ArgumentError.
func (s *Series) Split(validation, test float64) (train, valid, tested *Series, err error) {
	if err := s.check(); err != nil {
		return nil, nil, nil, err
	}
	n := float64(s.Len() - s.From)
	last, middle := math.Round(n*test), math.Round(n*validation)
	if !(last >= 1 && middle >= 1 && last+middle < n) {
		return nil, nil, nil, &ArgumentError{"Series.Split", "fractions", fmt.Sprint(validation, " and ", test),
			fmt.Sprintf("two above 0 that leave no part of %.0f values empty", n)}
	}
	second := s.Len() - int(last)
	first := second - int(middle)
	return s.until(first, s.From), s.until(second, first), s.until(s.Len(), second), nil
}

// until returns the part of the series up to a time.
func (s *Series) until(end, from int) *Series {
	part := &Series{From: from}
	for _, column := range s.Columns {
		part.Columns = append(part.Columns, column[:end:end])
	}
	return part
}
