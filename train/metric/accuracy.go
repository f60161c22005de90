package metric

import (
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// Accuracy is the share of the targets that have the highest score, of equal scores the first class's.
type Accuracy struct {
	Ignore []int // targets that don't count; nil means -100

	right float64 // NaN once there was one
	count int
}

// Add counts a batch, for scores [N, C] of any kind and targets that are classes.
func (m *Accuracy) Add(output *graph.Tensor, batch *seqdata.Batch) error {
	r, err := newRows("Accuracy", output, batch)
	if err != nil {
		return err
	}
	return r.classes(m.Ignore, func(row []float64, class int) {
		m.count++
		switch k, ok := best(row); {
		case !ok:
			m.right = math.NaN()
		case k == class:
			m.right++
		}
	})
}

// Value returns the accuracy so far, 0 to 1.
func (m *Accuracy) Value() float64 { return m.right / float64(m.count) }

// Reset begins anew.
func (m *Accuracy) Reset() { *m = Accuracy{Ignore: m.Ignore} }
