package metric

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// AUC is the area under the receiver operating characteristic: the probability that a positive target has a higher
// score than a negative one, where equal scores count half. It is exact, and keeps all scores for that.
type AUC struct{ scores []scored }

type scored struct {
	score    float64
	positive bool
}

// Add counts a batch, for scores [N] or [N, 1] of any scale and targets, indices or floats, that are 0 or 1.
func (m *AUC) Add(output *graph.Tensor, batch *seqdata.Batch) error {
	r, err := newRows("AUC", output, batch)
	if err != nil {
		return err
	}
	if r.width != 1 || max(len(r.target.Ints), len(r.target.Floats)) != r.count {
		return r.misfit("one score, for one target, a row")
	}
	all := m.scores
	for i := range r.count {
		if !r.counts(i) {
			continue
		}
		y := 0.0
		if r.target.Ints != nil {
			y = float64(r.target.Ints[i])
		} else {
			y = float64(r.target.Floats[i])
		}
		if y != 0 && y != 1 {
			return &graph.ArgumentError{Op: "metric.AUC", Name: fmt.Sprintf("target %d", i), Got: fmt.Sprint(y), Want: "0 or 1"}
		}
		all = append(all, scored{output.At(i), y == 1})
	}
	m.scores = all
	return nil
}

// Value returns the area so far, 0 to 1; NaN if all targets are of one kind.
func (m *AUC) Value() float64 {
	slices.SortFunc(m.scores, func(x, y scored) int { return cmp.Compare(x.score, y.score) })
	below, wins, positives := 0.0, 0.0, 0.0 // negatives with a lower score, pairs that are right
	for i := 0; i < len(m.scores); {
		var with [2]float64 // negatives and positives of this score
		score := m.scores[i].score
		if math.IsNaN(score) {
			return score
		}
		for ; i < len(m.scores) && m.scores[i].score == score; i++ {
			if m.scores[i].positive {
				with[1]++
			} else {
				with[0]++
			}
		}
		wins += with[1] * (below + with[0]/2)
		below += with[0]
		positives += with[1]
	}
	return wins / (below * positives)
}

// Reset begins anew.
func (m *AUC) Reset() { *m = AUC{} }
