package metric

import "strings"

// EditDistance is the least number of insertions, deletions and substitutions that turn one sequence into the other
// (Levenshtein 1966).
func EditDistance[E comparable](x, y []E) int {
	if len(x) < len(y) {
		x, y = y, x
	}
	row := make([]int, len(y)+1) // distances of the part of x so far from all beginnings of y
	for j := range row {
		row[j] = j
	}
	for i, a := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j, b := range y {
			substituted := diagonal
			if a != b {
				substituted++
			}
			diagonal = row[j+1]
			row[j+1] = min(substituted, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]
}

// WER is the word error rate: the edits between the words of hypotheses and references, over the number of words of the
// references. It can be above 1. Words are what white space separates.
type WER struct{ rate rate }

// Add counts a hypothesis.
func (m *WER) Add(hypothesis, reference string) {
	m.rate.add(EditDistance(strings.Fields(hypothesis), strings.Fields(reference)), len(strings.Fields(reference)))
}

// Value returns the rate so far: NaN if there were no words at all, +Inf if they were in hypotheses only.
func (m *WER) Value() float64 { return m.rate.value() }

// Reset begins anew.
func (m *WER) Reset() { *m = WER{} }

// CER is the character error rate: the edits between the characters of hypotheses and references, white space included,
// over the number of characters of the references. A character is a Unicode code point.
type CER struct{ rate rate }

// Add counts a hypothesis.
func (m *CER) Add(hypothesis, reference string) {
	m.rate.add(EditDistance([]rune(hypothesis), []rune(reference)), len([]rune(reference)))
}

// Value returns the rate so far: NaN if there were no characters at all, +Inf if they were in hypotheses only.
func (m *CER) Value() float64 { return m.rate.value() }

// Reset begins anew.
func (m *CER) Reset() { *m = CER{} }

type rate struct{ edits, length int }

func (r *rate) add(edits, length int) {
	r.edits += edits
	r.length += length
}

func (r *rate) value() float64 { return float64(r.edits) / float64(r.length) }
