package seqdata

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// randomExamples returns examples of 1 to longest steps. Their numbers are all different and not 0: they tell where they
// come from.
func randomExamples(rng *rand.Rand, n, longest int) []Example {
	var examples []Example
	next := int32(0)
	ids := func(n int) []int32 {
		out := make([]int32, n)
		for i := range out {
			next++
			out[i] = next
		}
		return out
	}
	reals := func(n int) []float32 {
		var out []float32
		for _, v := range ids(n) {
			out = append(out, float32(v)+0.5)
		}
		return out
	}
	for i := range n {
		steps := 1 + rng.IntN(longest)
		examples = append(examples, Example{
			Input:    {Shape: []int{steps}, Ints: ids(steps)},
			Target:   {Shape: []int{steps, 2}, Floats: reals(steps * 2)},
			Weight:   {Shape: []int{steps}, Floats: reals(steps)},
			"deep":   {Shape: []int{steps, 2, 3}, Ints: ids(steps * 6)},
			"number": {Shape: []int{}, Ints: []int32{int32(i)}},
			"real":   {Shape: []int{}, Floats: reals(1)},
		})
	}
	return examples
}

// collectBatch puts the windows of one batch together again, each of at most as many steps as the function says, and
// returns the numbers of the examples in it. Everything that a window holds is compared with them.
func collectBatch(t *testing.T, p *Padded, examples []Example, steps func() int) (numbers []int32, longest int, err error) {
	t.Helper()
	at := 0
	for {
		n := steps()
		b, err := p.Next(n)
		if err != nil {
			if at > 0 {
				t.Fatalf("%v within a batch", err)
			}
			return nil, 0, err
		}
		if err := b.Validate(); err != nil {
			t.Fatal(err)
		}
		if at == 0 {
			numbers = slices.Clone(b.Arrays["number"].Ints)
			for _, i := range numbers {
				longest = max(longest, examples[i].steps())
			}
		}
		if !slices.Equal(b.Arrays["number"].Ints, numbers) || len(b.Arrays) != 7 {
			t.Fatalf("sequences %v go on as %v, with %d arrays", numbers, b.Arrays["number"].Ints, len(b.Arrays))
		}
		if want := min(n, longest-at); b.T != want {
			t.Fatalf("a window of %d steps after %d of %d, want %d", b.T, at, longest, want)
		}
		for row, i := range numbers {
			e := examples[i]
			if b.Arrays["real"].Floats[row] != e["real"].Floats[0] {
				t.Fatal("another number of the sequence")
			}
			for s := range b.T {
				there := at+s < e.steps()
				if got := b.Arrays[Mask].Floats[s*b.B+row]; (got == 1) != there || (got == 0) == there {
					t.Fatalf("mask %v at step %d of %d", got, at+s, e.steps())
				}
				for name, width := range map[string]int{Input: 1, Target: 2, Weight: 1, "deep": 6} {
					for k := range width {
						in, from := (s*b.B+row)*width+k, (at+s)*width+k
						var got, want float64
						if a := b.Arrays[name]; a.Ints != nil {
							got = float64(a.Ints[in])
							if there {
								want = float64(e[name].Ints[from])
							}
						} else {
							got = float64(a.Floats[in])
							if there {
								want = float64(e[name].Floats[from])
							}
						}
						if got != want {
							t.Fatalf("%q of step %d, sequence %d is %v, want %v", name, at+s, i, got, want)
						}
					}
				}
			}
		}
		at += b.T
		ended := at == longest
		if ended != (len(b.Ends) == b.B && !slices.Contains(b.Ends, false)) || !ended && b.Ends != nil {
			t.Fatalf("ends %v after %d of %d steps", b.Ends, at, longest)
		}
		clear(b.Ends) // what the caller does to a batch doesn't matter
		for _, a := range b.Arrays {
			clear(a.Shape)
			clear(a.Ints)
			clear(a.Floats)
		}
		clear(b.Arrays)
		if ended {
			return numbers, longest, nil
		}
	}
}

// An epoch has each sequence exactly once, in batches of B and one of what is left, however it is ordered and cut.
func TestPadded(t *testing.T) {
	rng := newRand(t)
	for range 60 {
		examples := randomExamples(rng, 1+rng.IntN(40), 1+rng.IntN(20))
		batch := 1 + rng.IntN(12)
		o := PadOptions{Bucket: rng.IntN(5)}
		if rng.IntN(3) > 0 {
			o.Shuffle = rng
		}
		p := ok[*Padded](t)(Pad(examples, batch, o))
		steps := func() int { return 1 + rng.IntN(25) }
		if rng.IntN(3) == 0 {
			steps = p.Steps
		}
		for range 3 {
			var all []int32
			short, batches := 0, 0
			for {
				numbers, _, err := collectBatch(t, p, examples, steps)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if len(numbers) < batch {
					short++
				}
				all = append(all, numbers...)
				batches++
			}
			slices.Sort(all)
			for i, number := range all {
				if int(number) != i {
					t.Fatalf("sequences %v in an epoch of %d", all, len(examples))
				}
			}
			if len(all) != len(examples) || short > 1 || batches != p.Batches() || batches != (len(all)+batch-1)/batch {
				t.Fatalf("%d of %d sequences, %d batches, %d of them short", len(all), len(examples), batches, short)
			}
			if _, err := p.Next(math.MaxInt); err != io.EOF {
				t.Fatalf("%v at the end", err)
			}
			p.Rewind()
		}
	}
}

// orders returns the order of the sequences in some epochs, and the steps that are computed in each.
func orders(t *testing.T, p *Padded, examples []Example, epochs int) (all [][]int32, steps []int) {
	for range epochs {
		var order []int32
		sum := 0
		for {
			numbers, longest, err := collectBatch(t, p, examples, p.Steps)
			if err == io.EOF {
				break
			}
			order = append(order, numbers...)
			sum += longest * len(numbers)
		}
		all, steps = append(all, order), append(steps, sum)
		p.Rewind()
		p.Rewind() // nothing is given yet: the same epoch
	}
	return all, steps
}

func TestPaddedOrder(t *testing.T) {
	examples := randomExamples(seeded(1), 200, 100)
	pad := func(o PadOptions) *Padded { return ok[*Padded](t)(Pad(examples, 8, o)) }

	straight, unsorted := orders(t, pad(PadOptions{}), examples, 2)
	for _, order := range straight {
		if !slices.IsSorted(order) {
			t.Errorf("order %v without Shuffle", order)
		}
	}
	for _, bucket := range []int{0, 5, math.MaxInt} {
		shuffled, _ := orders(t, pad(PadOptions{Shuffle: seeded(2), Bucket: bucket}), examples, 3)
		again, _ := orders(t, pad(PadOptions{Shuffle: seeded(2), Bucket: bucket}), examples, 3)
		other, _ := orders(t, pad(PadOptions{Shuffle: seeded(3), Bucket: bucket}), examples, 1)
		if fmt.Sprint(shuffled) != fmt.Sprint(again) {
			t.Errorf("bucket %d: the same source gives other orders", bucket)
		}
		all := append(shuffled, straight[0], other[0])
		for i := range all {
			for j := range i {
				if slices.Equal(all[i], all[j]) {
					t.Errorf("bucket %d: orders %d and %d are one", bucket, j, i)
				}
			}
		}
	}

	// Sorted in larger parts, less is computed; batches of the same sequences come in another order, not by length.
	before := unsorted[0]
	for _, bucket := range []int{2, 6, 25} {
		_, steps := orders(t, pad(PadOptions{Bucket: bucket}), examples, 1)
		if steps[0] >= before {
			t.Errorf("bucket %d: %d steps, %d with less sorting", bucket, steps[0], before)
		}
		before = steps[0]
	}
	p := pad(PadOptions{Shuffle: seeded(4), Bucket: 25})
	var lengths []int
	for range p.Batches() {
		_, longest, _ := collectBatch(t, p, examples, p.Steps)
		lengths = append(lengths, longest)
	}
	if slices.IsSorted(lengths) {
		t.Errorf("batches of %v steps come sorted", lengths)
	}
}

// From any place that Cursor names, another Padded of the same kind goes on as the first does, into the epochs to come.
func TestPaddedCursor(t *testing.T) {
	rng := newRand(t)
	for range 20 {
		examples := randomExamples(rng, 1+rng.IntN(20), 12)
		batch, seed := 1+rng.IntN(5), rng.Uint64()
		o := PadOptions{Bucket: rng.IntN(3)}
		make := func() *Padded {
			o := o
			o.Shuffle = seeded(seed)
			return ok[*Padded](t)(Pad(examples, batch, o))
		}
		// What a run sees from each place on: windows of lengths that depend on their number only.
		p := make()
		p.Rewind() // nothing is given yet: no new epoch
		if p.Cursor() != 0 {
			t.Fatalf("cursor %d at the start", p.Cursor())
		}
		cursors, seen := []int64{p.Cursor()}, []string(nil)
		step := func(p *Padded, k int) string {
			b, err := p.Next(1 + k*7%5)
			if err == io.EOF {
				p.Rewind()
				return "the end"
			}
			return numbers(b) + fmt.Sprint(b.T, b.B, b.Ends, b.Arrays["number"])
		}
		for k := range 80 {
			seen = append(seen, step(p, k))
			cursors = append(cursors, p.Cursor())
		}
		for range 6 {
			k := rng.IntN(60)
			q := make()
			for range rng.IntN(4) { // it needn't be new
				step(q, 0)
			}
			if err := q.SetCursor(cursors[k]); err != nil {
				t.Fatal(err)
			}
			if q.Cursor() != cursors[k] {
				t.Fatalf("cursor %d after SetCursor(%d)", q.Cursor(), cursors[k])
			}
			for i := k; i < len(seen); i++ {
				if got := step(q, i); got != seen[i] || q.Cursor() != cursors[i+1] {
					t.Fatalf("from %d on: step %d is %s, cursor %d; want %s, %d", k, i, got, q.Cursor(), seen[i], cursors[i+1])
				}
			}
		}

		// The end of an epoch is a place too, and not the start of the next.
		p = make()
		for {
			if _, err := p.Next(3); err != nil {
				break
			}
		}
		q := make()
		if err := q.SetCursor(p.Cursor()); err != nil {
			t.Fatal(err)
		}
		if _, err := q.Next(3); err != io.EOF {
			t.Errorf("%v at the end of an epoch", err)
		}
		if slices.Contains(cursors[1:], cursors[0]) {
			t.Errorf("two places are at %d", cursors[0])
		}
	}
}

// Numbers that are no place are refused, and the place stays.
func TestPaddedWrongCursor(t *testing.T) {
	examples := []Example{
		{Input: {Shape: []int{3}, Ints: []int32{1, 2, 3}}},
		{Input: {Shape: []int{5}, Ints: []int32{4, 5, 6, 7, 8}}},
	}
	p := ok[*Padded](t)(Pad(examples, 2, PadOptions{Shuffle: seeded(1)}))
	if _, err := p.Next(2); err != nil {
		t.Fatal(err)
	}
	// An epoch is one batch of 5 steps of 8 that it could have at most, and its end: places 0 to 5 of 9.
	for _, cursor := range []int64{-1, math.MinInt64, 6, 8, 9 + 6, 9*1000 + 8} {
		if e, is := errors.AsType[*ArgumentError](p.SetCursor(cursor)); !is || e.Arg != "cursor" {
			t.Errorf("cursor %d: %v", cursor, e)
		}
		if p.Cursor() != 2 {
			t.Fatalf("the place is %d after a refusal", p.Cursor())
		}
	}
	for _, cursor := range []int64{0, 4, 5, 9, 9 + 4, 9*1000 + 5} {
		if err := p.SetCursor(cursor); err != nil || p.Cursor() != cursor {
			t.Errorf("cursor %d: %v, %d", cursor, err, p.Cursor())
		}
	}
}

// A target for each sequence comes once, with the whole sequence.
func TestPaddedTargetOfSequences(t *testing.T) {
	examples := []Example{
		{Input: {Shape: []int{2}, Ints: []int32{1, 2}}, Target: {Shape: []int{}, Ints: []int32{7}}},
		{Input: {Shape: []int{4}, Ints: []int32{3, 4, 5, 6}}, Target: {Shape: []int{}, Ints: []int32{8}}},
	}
	p := ok[*Padded](t)(Pad(examples, 1, PadOptions{}))
	for _, steps := range []int{1, 3} {
		if e, is := errors.AsType[*ArgumentError](second(p.Next(steps))); !is || e.Arg != "steps" || e.Want != "at least 4" {
			t.Errorf("windows of %d: %v", steps, e)
		}
	}
	for i, want := range []int{2, 4} {
		b := ok[*Batch](t)(p.Next(p.Steps()))
		if b.T != want || !slices.Equal(b.Arrays[Target].Shape, []int{1}) || b.Arrays[Target].Ints[0] != int32(7+i) {
			t.Errorf("T=%d, target %v", b.T, b.Arrays[Target])
		}
		if count, _ := b.Targets(); count != 1 {
			t.Errorf("%d targets", count)
		}
	}
}

func second[V any](_ V, err error) error { return err }

func TestPadMisuse(t *testing.T) {
	good := func() Example {
		return Example{
			Input:  {Shape: []int{2, 3}, Floats: make([]float32, 6)},
			Target: {Shape: []int{2}, Ints: make([]int32, 2)},
		}
	}
	change := func(name string, a Array) Example {
		e := good()
		e[name] = a
		return e
	}
	without := func(name string) Example {
		e := good()
		delete(e, name)
		return e
	}
	for name, c := range map[string]struct {
		examples []Example
		batch    int
		o        PadOptions
		want     string
	}{
		"nothing":          {nil, 1, PadOptions{}, "list of examples is empty"},
		"no batch":         {[]Example{good()}, 0, PadOptions{}, "batch is 0"},
		"negative batch":   {[]Example{good()}, math.MinInt, PadOptions{}, "batch is -"},
		"negative bucket":  {[]Example{good()}, 1, PadOptions{Bucket: -1}, "Bucket is -1"},
		"nil":              {[]Example{good(), nil}, 1, PadOptions{}, `example 1: array "input" has no value`},
		"nil first":        {[]Example{nil}, 1, PadOptions{}, `example 0: array "input" has no value`},
		"no input":         {[]Example{without(Input)}, 1, PadOptions{}, `example 0: array "input" has no value`},
		"no target":        {[]Example{good(), without(Target)}, 1, PadOptions{}, `example 1: array "target" has no value`},
		"another array":    {[]Example{good(), change("extra", Array{Shape: []int{2}, Ints: make([]int32, 2)})}, 1, PadOptions{}, `example 1: array "extra" has a value`},
		"a mask":           {[]Example{change(Mask, Array{Shape: []int{2}, Floats: make([]float32, 2)})}, 1, PadOptions{}, `array "mask" has a value`},
		"no steps":         {[]Example{change(Input, Array{Shape: []int{0, 3}, Floats: []float32{}})}, 1, PadOptions{}, "shape [0 3]"},
		"input of shape":   {[]Example{change(Input, Array{Shape: []int{}, Ints: []int32{1}})}, 1, PadOptions{}, "shape []; want [T]"},
		"zero array":       {[]Example{change(Target, Array{})}, 1, PadOptions{}, "shape [] and 0 elements"},
		"too few":          {[]Example{change(Input, Array{Shape: []int{2, 3}, Floats: make([]float32, 5)})}, 1, PadOptions{}, "shape [2 3] and 5 elements"},
		"overflow":         {[]Example{change(Input, Array{Shape: []int{2, math.MaxInt, math.MaxInt}, Floats: make([]float32, 2)})}, 1, PadOptions{}, "elements"},
		"both":             {[]Example{change(Target, Array{Shape: []int{2}, Ints: make([]int32, 1), Floats: make([]float32, 1)})}, 1, PadOptions{}, "Ints and Floats"},
		"other length":     {[]Example{change(Target, Array{Shape: []int{3}, Ints: make([]int32, 3)})}, 1, PadOptions{}, "shape [3]; want [2 …]"},
		"other width":      {[]Example{good(), change(Input, Array{Shape: []int{2, 4}, Floats: make([]float32, 8)})}, 1, PadOptions{}, "example 1: array \"input\" has shape [2 4]; want [T 3]"},
		"other rank":       {[]Example{good(), change(Input, Array{Shape: []int{2}, Floats: make([]float32, 2)})}, 1, PadOptions{}, "shape [2]; want [T 3]"},
		"with and without": {[]Example{good(), change(Target, Array{Shape: []int{}, Ints: make([]int32, 1)})}, 1, PadOptions{}, "example 1: array \"target\" has shape []; want [T]"},
		"floats":           {[]Example{good(), change(Target, Array{Shape: []int{2}, Floats: make([]float32, 2)})}, 1, PadOptions{}, "floats; want ints"},
		"weights of ints":  {[]Example{change(Weight, Array{Shape: []int{2}, Ints: make([]int32, 2)})}, 1, PadOptions{}, "[T] floats"},
		"wide weights":     {[]Example{change(Weight, Array{Shape: []int{2, 2}, Floats: make([]float32, 4)})}, 1, PadOptions{}, "[T] floats"},
	} {
		_, err := Pad(c.examples, c.batch, c.o)
		_, argument := errors.AsType[*ArgumentError](err)
		_, example := errors.AsType[*ExampleError](err)
		if !argument && !example || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %q", name, err, c.want)
		}
	}
	p := ok[*Padded](t)(Pad([]Example{good()}, math.MaxInt, PadOptions{}))
	for _, steps := range []int{0, -1, math.MinInt} {
		if e, is := errors.AsType[*ArgumentError](second(p.Next(steps))); !is || e.Arg != "steps" {
			t.Errorf("windows of %d: %v", steps, e)
		}
	}
	if b := ok[*Batch](t)(p.Next(math.MaxInt)); b.T != 2 || b.B != 1 {
		t.Errorf("T=%d, B=%d", b.T, b.B)
	}
	// A batch that no array can hold is refused before any memory is taken.
	row, wide := make([]float32, 1<<22), make([]Example, 600)
	for i := range wide {
		wide[i] = Example{Input: {Shape: []int{2, 1 << 21}, Floats: row}}
	}
	p = ok[*Padded](t)(Pad(wide, 600, PadOptions{}))
	if e, is := errors.AsType[*ArgumentError](second(p.Next(2))); !is || e.Arg != "steps" || !strings.Contains(e.Want, `600 sequences with 2097152 numbers a step in "input"`) {
		t.Errorf("a batch that no array can hold: %v", e)
	}
}
