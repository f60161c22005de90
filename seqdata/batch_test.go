package seqdata

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func ints(n int, shape ...int) Array   { return Array{Shape: shape, Ints: make([]int32, n)} }
func floats(n int, shape ...int) Array { return Array{Shape: shape, Floats: make([]float32, n)} }

func TestBatchValidate(t *testing.T) {
	both := Array{Shape: []int{2, 3}, Ints: make([]int32, 6), Floats: make([]float32, 6)}
	input := ints(6, 2, 3)

	nan := float32(math.NaN())
	for name, test := range map[string]struct {
		batch *Batch
		want  string // in the message; "" for none
	}{
		"ids":           {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: input, Target: input}}, ""},
		"features":      {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: floats(24, 2, 3, 4)}}, ""},
		"lengths":       {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: input, "lengths": ints(3, 3)}}, ""},
		"decoder":       {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: input, Target: ints(15, 5, 3)}}, ""},
		"nil":           {nil, "nil"},
		"zero":          {&Batch{}, "T=0, B=0; want both at least 1"},
		"negative":      {&Batch{T: -2, B: -3, Arrays: map[string]Array{Input: input}}, "T=-2, B=-3"},
		"no input":      {&Batch{T: 2, B: 3, Arrays: map[string]Array{Target: input}}, `no input; want an array named "input"`},
		"transposed":    {&Batch{T: 3, B: 2, Arrays: map[string]Array{Input: input}}, `"input" has shape [2 3]; want [3 2 …]`},
		"input rank 1":  {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: ints(3, 3)}}, "want [2 3 …]"},
		"no shape":      {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: input, "extra": floats(1)}}, `"extra" has shape []`},
		"other B":       {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: input, "extra": floats(8, 2, 4)}}, `"extra" has shape [2 4]; want [3] or [steps 3 …]`},
		"masked":        {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: input, Mask: floats(6, 2, 3), Weight: floats(6, 2, 3)}}, ""},
		"mask of ints":  {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: input, Mask: input}}, `"mask" has shape [2 3]; want [2 3] floats`},
		"short mask":    {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: input, Mask: floats(3, 1, 3)}}, `"mask" has shape [1 3]; want [2 3]`},
		"weights of B":  {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: input, Weight: floats(3, 3)}}, `"weight" has shape [3]; want [2 3]`},
		"ends":          {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: input}, Ends: make([]bool, 3)}, ""},
		"too many ends": {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: input}, Ends: make([]bool, 4)}, `4 values; want none or 3`},
		"negative weight": {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: input, Weight: {Shape: []int{2, 3}, Floats: []float32{1, nan, 0, 1, -2, 1}}}},
			`"weight" has -2 at step 1 of sequence 1; want 0 or more`},
		"NaN as a weight": {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: input, Weight: {Shape: []int{2, 3}, Floats: []float32{1, nan, 0, 1, 2, 1}}}}, ""},
		"NaN as a mask":   {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: input, Mask: {Shape: []int{2, 3}, Floats: []float32{1, 0, nan, 1, 1, 1}}}}, `"mask" has NaN at step 0 of sequence 2`},
		"other lengths":   {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: input, "lengths": ints(2, 2)}}, `"lengths" has shape [2]`},
		"both":            {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: both}}, "Ints and Floats; want one"},
		"no data":         {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: {Shape: []int{2, 3}}}}, "shape [2 3] and 0 elements"},
		"too few":         {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: ints(5, 2, 3)}}, "shape [2 3] and 5 elements"},
		"too many":        {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: ints(12, 2, 3)}}, "shape [2 3] and 12 elements"},
		"zero size":       {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: floats(0, 2, 3, 0)}}, "positive"},
		"negative size":   {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: floats(6, 2, 3, -1, -1)}}, "positive"},
		"overflow":        {&Batch{T: 2, B: 3, Arrays: map[string]Array{Input: floats(6, 2, 3, math.MaxInt, math.MaxInt)}}, "positive"},
	} {
		err := test.batch.Validate()
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if _, is := errors.AsType[*BatchError](err); !is || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want a *BatchError with %q", name, err, test.want)
		}
	}
}

// TestTargets: what a loss is a mean over.
func TestTargets(t *testing.T) {
	input := ints(6, 2, 3)
	mask, weight := floats(6, 2, 3), floats(6, 2, 3)
	copy(mask.Floats, []float32{1, 1, 0, 1, 0, 0})
	copy(weight.Floats, []float32{0, 0.5, 7, 2, 1, 1})
	for name, c := range map[string]struct {
		arrays map[string]Array
		count  int
		weight float64
	}{
		"all":              {map[string]Array{Input: input, Target: input}, 6, 6},
		"none given":       {map[string]Array{Input: input}, 6, 6},
		"one a sequence":   {map[string]Array{Input: input, Target: ints(3, 3), Mask: mask}, 3, 3},
		"other steps":      {map[string]Array{Input: input, Target: ints(12, 4, 3), Mask: mask}, 12, 12},
		"masked":           {map[string]Array{Input: input, Target: input, Mask: mask}, 3, 3},
		"weighted":         {map[string]Array{Input: input, Target: input, Weight: weight}, 5, 11.5},
		"masked, weighted": {map[string]Array{Input: input, Target: input, Mask: mask, Weight: weight}, 2, 2.5},
	} {
		b := &Batch{T: 2, B: 3, Arrays: c.arrays}
		if err := b.Validate(); err != nil {
			t.Fatal(name, err)
		}
		if count, sum := b.Targets(); count != c.count || sum != c.weight {
			t.Errorf("%s: %d targets of weight %v, want %d of %v", name, count, sum, c.count, c.weight)
		}
	}
	// In a window of one step, a target for each sequence is one for each step.
	b := &Batch{T: 1, B: 3, Arrays: map[string]Array{Input: ints(3, 1, 3), Target: ints(3, 3), Mask: {Shape: []int{1, 3}, Floats: []float32{1, 0, 1}}}}
	if count, sum := b.Targets(); count != 2 || sum != 2 {
		t.Errorf("one step: %d targets of weight %v, want 2 of 2", count, sum)
	}
}

// TestClone: a clone is equal and shares nothing.
func TestClone(t *testing.T) {
	b := &Batch{T: 2, B: 3, Arrays: map[string]Array{Input: ints(6, 2, 3), Mask: floats(6, 2, 3)}, Ends: []bool{true, false, true}}
	c := b.Clone()
	if !reflect.DeepEqual(b, c) {
		t.Errorf("got %+v, want %+v", c, b)
	}
	c.Arrays[Input].Ints[0]++
	c.Arrays[Mask].Floats[0]++
	c.Arrays[Input].Shape[0]++
	c.Ends[0] = false
	if b.Arrays[Input].Ints[0] == c.Arrays[Input].Ints[0] || b.Arrays[Mask].Floats[0] == c.Arrays[Mask].Floats[0] ||
		b.Arrays[Input].Shape[0] != 2 || !b.Ends[0] {
		t.Error("the clone shares memory")
	}
}
