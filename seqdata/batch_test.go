package seqdata

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestBatchValidate(t *testing.T) {
	ints := func(n int, shape ...int) Array { return Array{Shape: shape, Ints: make([]int32, n)} }
	floats := func(n int, shape ...int) Array { return Array{Shape: shape, Floats: make([]float32, n)} }
	both := Array{Shape: []int{2, 3}, Ints: make([]int32, 6), Floats: make([]float32, 6)}
	input := ints(6, 2, 3)

	for name, test := range map[string]struct {
		batch *Batch
		want  string // in the message; "" for none
	}{
		"ids":           {&Batch{2, 3, map[string]Array{Input: input, Target: input}}, ""},
		"features":      {&Batch{2, 3, map[string]Array{Input: floats(24, 2, 3, 4)}}, ""},
		"lengths":       {&Batch{2, 3, map[string]Array{Input: input, "lengths": ints(3, 3)}}, ""},
		"decoder":       {&Batch{2, 3, map[string]Array{Input: input, Target: ints(15, 5, 3)}}, ""},
		"nil":           {nil, "nil"},
		"zero":          {&Batch{}, "T=0, B=0; want both at least 1"},
		"negative":      {&Batch{-2, -3, map[string]Array{Input: input}}, "T=-2, B=-3"},
		"no input":      {&Batch{2, 3, map[string]Array{Target: input}}, `no input; want an array named "input"`},
		"transposed":    {&Batch{3, 2, map[string]Array{Input: input}}, `"input" has shape [2 3]; want [3 2 …]`},
		"input rank 1":  {&Batch{2, 3, map[string]Array{Input: ints(3, 3)}}, "want [2 3 …]"},
		"no shape":      {&Batch{2, 3, map[string]Array{Input: input, "mask": floats(1)}}, `"mask" has shape []`},
		"other B":       {&Batch{2, 3, map[string]Array{Input: input, "mask": floats(8, 2, 4)}}, `"mask" has shape [2 4]; want [3] or [steps 3 …]`},
		"other lengths": {&Batch{2, 3, map[string]Array{Input: input, "lengths": ints(2, 2)}}, `"lengths" has shape [2]`},
		"both":          {&Batch{2, 3, map[string]Array{Input: both}}, "Ints and Floats; want one"},
		"no data":       {&Batch{2, 3, map[string]Array{Input: {Shape: []int{2, 3}}}}, "shape [2 3] and 0 elements"},
		"too few":       {&Batch{2, 3, map[string]Array{Input: ints(5, 2, 3)}}, "shape [2 3] and 5 elements"},
		"too many":      {&Batch{2, 3, map[string]Array{Input: ints(12, 2, 3)}}, "shape [2 3] and 12 elements"},
		"zero size":     {&Batch{2, 3, map[string]Array{Input: floats(0, 2, 3, 0)}}, "positive"},
		"negative size": {&Batch{2, 3, map[string]Array{Input: floats(6, 2, 3, -1, -1)}}, "positive"},
		"overflow":      {&Batch{2, 3, map[string]Array{Input: floats(6, 2, 3, math.MaxInt, math.MaxInt)}}, "positive"},
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
