package metric

import (
	"encoding/binary"
	"math"

	"github.com/gobptt/bptt/graph"
)

// BLEU compares translations with references by the n-grams that they share (Papineni et al. 2002): over the whole
// corpus,
//
//	brevity · exp(mean over n of log(matches of n-grams / n-grams of the hypotheses)),  n = 1 … 4
//
// where an n-gram matches as often as it is in one of the references at most, and brevity is min(1, e^(1-r/c)) for
// hypotheses of c tokens together and references of r, each the one nearest in length to its hypothesis, the shorter of
// two.
type BLEU struct {
	// Smooth is added to the matches and the numbers of all but single tokens, so that a small corpus without a match
	// of some length isn't 0: 1 is the rule of Lin and Och (2004). 0 means none.
	Smooth float64

	matches, total        [4]int
	hypothesis, reference int // tokens
}

// Add counts a hypothesis, which has at least one reference.
func (m *BLEU) Add(hypothesis []string, references ...[]string) error {
	if len(references) == 0 {
		return &graph.ArgumentError{Op: "metric.BLEU", Name: "references", Got: "none", Want: "at least one"}
	}
	ids := map[string]uint32{}
	own := number(ids, hypothesis)
	nearest := len(references[0])
	var others [][]uint32
	for _, r := range references {
		others = append(others, number(ids, r))
		d, best := distance(len(r), len(hypothesis)), distance(nearest, len(hypothesis))
		if d < best || d == best && len(r) < nearest {
			nearest = len(r)
		}
	}
	m.hypothesis += len(hypothesis)
	m.reference += nearest
	for n := range m.total {
		limit := map[string]int{}
		for _, r := range others {
			for gram, count := range grams(r, n+1) {
				limit[gram] = max(limit[gram], count)
			}
		}
		for gram, count := range grams(own, n+1) {
			m.matches[n] += min(count, limit[gram])
			m.total[n] += count
		}
	}
	return nil
}

func distance(x, y int) int { return max(x-y, y-x) }

// number gives each different token a number.
func number(ids map[string]uint32, tokens []string) []uint32 {
	out := make([]uint32, len(tokens))
	for i, t := range tokens {
		k, ok := ids[t]
		if !ok {
			k = uint32(len(ids))
			ids[t] = k
		}
		out[i] = k
	}
	return out
}

// grams counts the runs of n tokens.
func grams(tokens []uint32, n int) map[string]int {
	count := map[string]int{}
	var key []byte
	for i := 0; i+n <= len(tokens); i++ {
		key = key[:0]
		for _, k := range tokens[i:][:n] {
			key = binary.LittleEndian.AppendUint32(key, k)
		}
		count[string(key)]++
	}
	return count
}

// Value returns the score so far, 0 to 1.
func (m *BLEU) Value() float64 {
	if m.reference == 0 && m.hypothesis == 0 {
		return math.NaN()
	}
	sum := 0.0
	for n := range m.total {
		matches, total := float64(m.matches[n]), float64(m.total[n])
		if n > 0 {
			matches, total = matches+m.Smooth, total+m.Smooth
		}
		if matches == 0 {
			return 0
		}
		sum += math.Log(matches / total)
	}
	brevity := math.Min(0, 1-float64(m.reference)/float64(m.hypothesis))
	return math.Exp(brevity + sum/float64(len(m.total)))
}

// Reset begins anew.
func (m *BLEU) Reset() { *m = BLEU{Smooth: m.Smooth} }
