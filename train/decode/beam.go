package decode

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// LanguageModel says how likely labels are to follow others.
type LanguageModel interface {
	// LogProbs returns the logarithm of each class's probability to be the next label after a prefix. The blank's
	// doesn't matter. A prefix is asked for once at most while it is in the beam.
	LogProbs(prefix []int32) []float64
}

// Beam is the prefix beam search (Hannun et al. 2014): it goes through the time steps with the labels that are
// likeliest so far, and adds up the probabilities of all alignments that lead to the same labels.
type Beam struct {
	Width int           // how many prefixes are kept at each step; required
	Blank int           // the class that stands for no label
	Model LanguageModel // nil means none
	Alpha float64       // weight of the model's log probabilities; 0 means 1
	Beta  float64       // what each label adds to the score, as a model makes long results unlikely
}

// Hypothesis is a result.
type Hypothesis struct {
	Labels  []int32
	LogProb float64 // the log probability of the alignments that the beam has kept: at most that of the labels
	Score   float64 // LogProb + Alpha·(log probability of the labels by the model) + Beta·(number of labels)
}

// Decode returns the labels of the highest scores, the best first, at most Width of them and at least one. logProbs is
// [steps][classes].
func (d Beam) Decode(logProbs [][]float64) ([]Hypothesis, error) {
	classes, err := check("Beam", logProbs, d.Blank)
	if err != nil {
		return nil, err
	}
	if d.Width < 1 {
		return nil, argument("Beam", "Width", fmt.Sprint(d.Width), "at least 1")
	}
	if d.Alpha == 0 {
		d.Alpha = 1
	}
	if !(d.Alpha >= 0) || math.IsInf(d.Alpha, 1) {
		return nil, argument("Beam", "Alpha", fmt.Sprint(d.Alpha), "a finite number, 0 or more")
	}
	if math.IsNaN(d.Beta) || math.IsInf(d.Beta, 0) {
		return nil, argument("Beam", "Beta", fmt.Sprint(d.Beta), "a finite number")
	}
	s := &search{Beam: d, classes: classes}
	root := &prefix{label: int32(d.Blank), sums: sums{blank: 0, label: math.Inf(-1)}, next: none}
	s.beam = []*prefix{root}
	for _, frame := range logProbs {
		if err := s.step(frame); err != nil {
			return nil, err
		}
	}
	var out []Hypothesis
	for _, p := range s.beam {
		out = append(out, Hypothesis{p.labels(), p.sums.total(), s.score(p, p.sums)})
	}
	return out, nil
}

// search is the state of a Decode.
type search struct {
	Beam
	classes int
	beam    []*prefix // the best first
	found   []*prefix // at the step at hand
}

// prefix is a node of the tree of labels. The tree holds the prefixes of the beam and what leads to them, so that
// labels that are left and found again are the same node.
type prefix struct {
	parent   *prefix
	children map[int32]*prefix
	label    int32
	length   int
	model    float64   // log probability by the language model, weighted
	follow   []float64 // that of the next label, once asked for
	kept     bool      // in the beam
	found    bool      // at the step at hand
	sums               // over the steps so far, if it is in the beam
	next     sums      // with the step at hand
}

// sums are log probabilities of alignments that end in a blank, and in the last label.
type sums struct{ blank, label float64 }

var none = sums{math.Inf(-1), math.Inf(-1)}

func (s sums) total() float64 { return logAdd(s.blank, s.label) }

func logAdd(x, y float64) float64 {
	top := math.Max(x, y)
	if math.IsInf(top, -1) {
		return top
	}
	return top + math.Log1p(math.Exp(-math.Abs(x-y)))
}

func (s *search) score(p *prefix, v sums) float64 {
	return v.total() + p.model + s.Beta*float64(p.length)
}

// step goes from the beam to that after one more time step.
func (s *search) step(frame []float64) error {
	s.found = append(s.found[:0], s.beam...)
	for _, p := range s.beam {
		p.kept, p.found = false, true
	}
	for _, p := range s.beam {
		total := p.total()
		p.next.blank = logAdd(p.next.blank, total+frame[s.Blank])
		for k, v := range frame {
			if k == s.Blank || math.IsInf(v, -1) {
				continue
			}
			before := total
			if p.length > 0 && int32(k) == p.label { // a repeat is the same label, unless a blank lies between
				p.next.label = logAdd(p.next.label, p.sums.label+v)
				before = p.sums.blank
			}
			if math.IsInf(before, -1) {
				continue
			}
			child, err := s.child(p, int32(k))
			if err != nil {
				return err
			}
			child.next.label = logAdd(child.next.label, before+v)
		}
	}
	slices.SortStableFunc(s.found, func(x, y *prefix) int { return cmp.Compare(s.score(y, y.next), s.score(x, x.next)) })
	s.beam = append(s.beam[:0], s.found[:min(len(s.found), s.Width)]...)
	for _, p := range s.beam {
		p.kept = true
	}
	for _, p := range s.found {
		p.sums, p.next, p.found = p.next, none, false
		p.drop()
	}
	return nil
}

// child returns a prefix with one more label.
func (s *search) child(p *prefix, label int32) (*prefix, error) {
	c := p.children[label]
	if c == nil {
		c = &prefix{parent: p, label: label, length: p.length + 1, sums: none, next: none}
		if s.Model != nil {
			if err := s.ask(p); err != nil {
				return nil, err
			}
			c.model = p.model + s.Alpha*p.follow[label]
		}
		if p.children == nil {
			p.children = map[int32]*prefix{}
		}
		p.children[label] = c
	}
	if !c.found {
		c.found = true
		s.found = append(s.found, c)
	}
	return c, nil
}

// ask gets what the model says about the labels after a prefix.
func (s *search) ask(p *prefix) error {
	if p.follow != nil {
		return nil
	}
	p.follow = s.Model.LogProbs(p.labels())
	if len(p.follow) != s.classes {
		return argument("Beam", "language model", fmt.Sprintf("%d numbers after %v", len(p.follow), p.labels()), fmt.Sprintf("%d, one for each class", s.classes))
	}
	for k, v := range p.follow {
		if k != s.Blank && (math.IsNaN(v) || math.IsInf(v, 1)) {
			return argument("Beam", "language model", fmt.Sprintf("%v for class %d after %v", v, k, p.labels()), "the logarithm of a probability")
		}
	}
	return nil
}

// drop takes a prefix out of the tree, and those before it that led nowhere else, unless the beam holds it.
func (p *prefix) drop() {
	for ; p.parent != nil && !p.kept && len(p.children) == 0; p = p.parent {
		delete(p.parent.children, p.label)
	}
}

// labels returns the labels of the prefix.
func (p *prefix) labels() []int32 {
	labels := make([]int32, p.length)
	for ; p.length > 0; p = p.parent {
		labels[p.length-1] = p.label
	}
	return labels
}
