package metric

import (
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// F1 is the mean over classes of the harmonic mean of precision and recall ("macro"): a rare class counts as much as a
// frequent one. The predicted class is the one with the highest score. Classes that neither occur as targets nor are
// predicted don't count.
type F1 struct {
	Ignore []int // targets that don't count; nil means -100

	classes []tally
	invalid bool // there was a NaN
}

// tally counts what is needed for precision and recall.
type tally struct{ right, predicted, wanted int }

func (t tally) scores() (precision, recall, f1 float64) {
	return share(t.right, t.predicted), share(t.right, t.wanted), share(2*t.right, t.predicted+t.wanted)
}

// share is 0 where there is nothing to share.
func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// Add counts a batch, for scores [N, C] of any kind and targets that are classes.
func (m *F1) Add(output *graph.Tensor, batch *seqdata.Batch) error {
	r, err := newRows("F1", output, batch)
	if err != nil {
		return err
	}
	return r.classes(m.Ignore, func(row []float64, class int) {
		for len(m.classes) < len(row) {
			m.classes = append(m.classes, tally{})
		}
		k, ok := best(row)
		m.invalid = m.invalid || !ok
		m.classes[k].predicted++
		m.classes[class].wanted++
		if k == class {
			m.classes[k].right++
		}
	})
}

// Value returns the mean over classes so far, 0 to 1.
func (m *F1) Value() float64 {
	sum, count := 0.0, 0
	for _, t := range m.classes {
		if t.predicted+t.wanted > 0 {
			_, _, f1 := t.scores()
			sum += f1
			count++
		}
	}
	if m.invalid {
		return math.NaN()
	}
	return sum / float64(count)
}

// Class returns one class's precision, the share of right ones among those predicted, its recall, the share that was
// found of its targets, and their harmonic mean. What is a share of nothing is 0.
func (m *F1) Class(k int) (precision, recall, f1 float64) {
	switch {
	case m.invalid:
		return math.NaN(), math.NaN(), math.NaN()
	case k < 0 || k >= len(m.classes):
		return 0, 0, 0
	}
	return m.classes[k].scores()
}

// Reset begins anew.
func (m *F1) Reset() { *m = F1{Ignore: m.Ignore} }
