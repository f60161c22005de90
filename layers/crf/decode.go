package crf

import (
	"fmt"
	"math"
	"slices"

	"github.com/gobptt/bptt/graph"
)

// Decode returns the tags with the highest score for each of the given number of sequences, by the algorithm of
// Viterbi (1967), from emissions [T*B, K] as a program's output has them. The mask [T*B] is 0 where a sequence has no
// time step; nil says that there are all. A result has as many tags as its sequence has steps.
//
// Of sequences of tags with equal scores it is the one with the smallest last tag; of these, that with the smallest
// last but one; and so on.
func (c *CRF) Decode(emissions *graph.Tensor, batch int, mask []float32) ([][]int32, error) {
	if err := c.check(emissions, batch, mask); err != nil {
		return nil, err
	}
	rows, k := emissions.Shape[0], emissions.Shape[1]
	v := viterbi{
		k: k, emissions: emissions,
		transitions: c.Transitions.Value.Floats(), start: c.Start.Value.Floats(), end: c.End.Value.Floats(),
	}
	paths := make([][]int32, batch)
	for s := range paths {
		v.steps = v.steps[:0]
		for i := s; i < rows; i += batch {
			if mask == nil || mask[i] != 0 {
				v.steps = append(v.steps, i)
			}
		}
		paths[s] = v.best()
	}
	return paths, nil
}

// check finds what Decode can't work with.
func (c *CRF) check(emissions *graph.Tensor, batch int, mask []float32) error {
	const op = "CRF.Decode"
	if emissions == nil {
		return &graph.ArgumentError{Op: op, Name: "emissions", Got: "nil", Want: "a tensor [T*B, K]"}
	}
	for _, p := range c.Params() {
		if p.Param == nil {
			return &graph.ArgumentError{Op: op, Name: p.Name, Got: "nil", Want: "a parameter"}
		}
		if err := p.Err(); err != nil {
			return err
		}
	}
	k := c.Start.Value.Len()
	shape := emissions.Shape
	switch {
	case batch < 1:
		return &graph.ArgumentError{Op: op, Name: "batch", Got: fmt.Sprint(batch), Want: "at least 1"}
	case !slices.Equal(c.Transitions.Shape(), []int{k, k}) || c.End.Value.Len() != k:
		got := fmt.Sprintf("transitions %v, start %v, end %v", c.Transitions.Shape(), c.Start.Shape(), c.End.Shape())
		return &graph.ShapeError{Op: op, Got: got, Want: "[K, K], [K] and [K]"}
	case len(shape) != 2 || shape[0] < 1 || shape[0]%batch != 0 || shape[1] != k || emissions.Len() != shape[0]*k:
		got := fmt.Sprintf("emissions %v with %d values", shape, emissions.Len())
		return &graph.ShapeError{Op: op, Got: got, Want: fmt.Sprintf("[T*%d, %d]", batch, k)}
	case mask != nil && len(mask) != shape[0]:
		return &graph.ShapeError{Op: op, Got: fmt.Sprintf("a mask of %d steps", len(mask)), Want: fmt.Sprint(shape[0])}
	}
	return nil
}

// viterbi finds the best tags of one sequence after the other.
type viterbi struct {
	k                       int
	emissions               *graph.Tensor
	transitions, start, end []float64

	steps       []int   // rows of the sequence
	from        []int32 // by step and tag, the tag before on the best way there
	score, next []float64
}

// best returns the best tags for the steps.
func (v *viterbi) best() []int32 {
	path := make([]int32, len(v.steps))
	if len(path) == 0 {
		return path
	}
	v.from = slices.Grow(v.from[:0], len(path)*v.k)[:len(path)*v.k]
	v.score, v.next = append(v.score[:0], v.start...), append(v.next[:0], v.start...)
	for n, i := range v.steps {
		if n > 0 {
			v.step(v.from[n*v.k:][:v.k])
		}
		for j := range v.score {
			v.score[j] += v.emissions.At(i*v.k + j)
		}
	}
	for j, e := range v.end {
		v.score[j] += e
	}
	n := len(path) - 1
	path[n] = int32(first(v.score))
	for ; n > 0; n-- {
		path[n-1] = v.from[n*v.k+int(path[n])]
	}
	return path
}

// step goes on to the next time step, without its emissions.
func (v *viterbi) step(from []int32) {
	for j := range from {
		best, at := math.Inf(-1), 0
		for i, s := range v.score {
			if s += v.transitions[i*v.k+j]; s > best {
				best, at = s, i
			}
		}
		v.next[j], from[j] = best, int32(at)
	}
	v.score, v.next = v.next, v.score
}

// first returns the place of the largest number, the first of several.
func first(x []float64) int {
	at := 0
	for i, v := range x {
		if v > x[at] {
			at = i
		}
	}
	return at
}
