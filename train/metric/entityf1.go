package metric

import (
	"fmt"
	"strings"

	"github.com/gobptt/bptt/graph"
)

// EntityF1 is the harmonic mean of precision and recall of chunks, such as names, in sequences of tags. A chunk is
// right if its type, its first and its last tag are. The rules are those of the CoNLL-2000 evaluation script
// (conlleval): tags are "O", and "B-", "I-", "E-" or "S-" with a type, so that BIO, IOB and BIOES are all read, and a
// chunk also begins where an "I-" follows another type or none.
type EntityF1 struct {
	all   tally
	types map[string]*tally
}

// chunk is the tags from ≤ i < to.
type chunk struct {
	kind     string
	from, to int
}

// Add counts the tags of one sequence, those that were predicted and those that are right.
func (m *EntityF1) Add(predicted, target []string) error {
	if len(predicted) != len(target) {
		return &graph.ArgumentError{Op: "metric.EntityF1", Name: "predicted", Got: fmt.Sprint(len(predicted), " tags"), Want: fmt.Sprintf("%d, as the target has", len(target))}
	}
	found, err := chunks("predicted", predicted)
	if err != nil {
		return err
	}
	wanted, err := chunks("target", target)
	if err != nil {
		return err
	}
	right := map[chunk]bool{}
	for _, c := range wanted {
		right[c] = true
		m.all.wanted++
		m.of(c.kind).wanted++
	}
	for _, c := range found {
		m.all.predicted++
		m.of(c.kind).predicted++
		if right[c] {
			m.all.right++
			m.of(c.kind).right++
		}
	}
	return nil
}

func (m *EntityF1) of(kind string) *tally {
	if m.types == nil {
		m.types = map[string]*tally{}
	}
	if m.types[kind] == nil {
		m.types[kind] = &tally{}
	}
	return m.types[kind]
}

// chunks returns the chunks of a sequence in order.
func chunks(name string, tags []string) ([]chunk, error) {
	var all []chunk
	var open *chunk
	last := "O"
	for i, tag := range append(tags[:len(tags):len(tags)], "O") {
		place, kind, _ := strings.Cut(tag, "-")
		if !strings.Contains("BIESO", place) || len(place) != 1 || place == "O" && tag != "O" {
			return nil, &graph.ArgumentError{Op: "metric.EntityF1", Name: fmt.Sprintf("tag %d of %s", i, name), Got: fmt.Sprintf("%q", tag), Want: `"O", or "B-", "I-", "E-" or "S-" with a type`}
		}
		// A chunk goes on where an I or E follows a B or I of the same type.
		goesOn := open != nil && (place == "I" || place == "E") && (last == "B" || last == "I") && kind == open.kind
		if open != nil && !goesOn {
			open.to = i
			all = append(all, *open)
			open = nil
		}
		if open == nil && place != "O" {
			open = &chunk{kind: kind, from: i}
		}
		last = place
	}
	return all, nil
}

// Value returns the F1 of all chunks together so far, 0 to 1: 0 if none is right.
func (m *EntityF1) Value() float64 {
	_, _, f1 := m.all.scores()
	return f1
}

// Precision returns the share of right ones among the chunks predicted.
func (m *EntityF1) Precision() float64 { return share(m.all.right, m.all.predicted) }

// Recall returns the share that was found of the chunks in the targets.
func (m *EntityF1) Recall() float64 { return share(m.all.right, m.all.wanted) }

// Type returns precision, recall and F1 of the chunks of one type, such as "PER".
func (m *EntityF1) Type(kind string) (precision, recall, f1 float64) {
	if t := m.types[kind]; t != nil {
		return t.scores()
	}
	return 0, 0, 0
}

// Reset begins anew.
func (m *EntityF1) Reset() { *m = EntityF1{} }
