package metric

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// R2 is the coefficient of determination, 1 - Σ(y-x)²/Σ(y-ȳ)² for outputs x and targets y: the mean over the columns of
// the target. It is 1 for a perfect model, and 0 for one that knows the targets' mean. A column whose targets are all
// equal counts 1 if they are met and 0 otherwise, as in scikit-learn.
type R2 struct {
	columns []spread
}

// spread is about the numbers of one column.
type spread struct {
	count  int
	mean   float64 // of the targets
	around float64 // Σ(y-ȳ)², as Welford (1962) updates it
	missed float64 // Σ(y-x)²
}

// Add counts a batch, for an output and a target of as many numbers.
func (m *R2) Add(output *graph.Tensor, batch *seqdata.Batch) error {
	r, err := newRows("R2", output, batch)
	if err != nil {
		return err
	}
	if m.columns != nil && len(m.columns) != r.width {
		return r.misfit(fmt.Sprintf("%d columns, as before", len(m.columns)))
	}
	columns := m.columns
	if columns == nil {
		columns = make([]spread, r.width)
	}
	err = r.numbers(func(j int, x, y float64) {
		s := &columns[j]
		s.count++
		before := y - s.mean
		s.mean += before / float64(s.count)
		s.around += before * (y - s.mean)
		s.missed += (y - x) * (y - x)
	})
	if err == nil {
		m.columns = columns
	}
	return err
}

// Value returns the coefficient so far.
func (m *R2) Value() float64 {
	sum, columns := 0.0, 0
	for _, s := range m.columns {
		if s.count == 0 {
			continue
		}
		columns++
		switch {
		case s.around != 0 || s.missed != s.missed:
			sum += 1 - s.missed/s.around
		case s.missed == 0:
			sum++
		}
	}
	return sum / float64(columns)
}

// Reset begins anew.
func (m *R2) Reset() { *m = R2{} }
