package seqdata

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
)

// counter is a sequence in which each token is its own index.
type counter int

func (c counter) Name() string { return "counter" }
func (c counter) Len() int     { return int(c) }
func (c counter) Read(dst []int32, at int) error {
	for i := range dst {
		dst[i] = int32(at + i)
	}
	return nil
}

func TestStreamsLayout(t *testing.T) {
	stream := ok[*Stream](t)(Streams(counter(12), 3)) // 3 tokens a row, and 12 - 1 - 9 = 2 left over
	if stream.Steps() != 3 || stream.Tokens() != 9 {
		t.Fatalf("%d steps, %d tokens; want 3 and 9", stream.Steps(), stream.Tokens())
	}
	for _, want := range []struct{ input, target []int32 }{
		{[]int32{0, 3, 6, 1, 4, 7}, []int32{1, 4, 7, 2, 5, 8}},
		{[]int32{2, 5, 8}, []int32{3, 6, 9}},
	} {
		batch := ok[*Batch](t)(stream.Next(2))
		if err := batch.Validate(); err != nil {
			t.Error(err)
		}
		if got := batch.Arrays[Input].Ints; !slices.Equal(got, want.input) {
			t.Errorf("input %v, want %v", got, want.input)
		}
		if got := batch.Arrays[Target].Ints; !slices.Equal(got, want.target) {
			t.Errorf("target %v, want %v", got, want.target)
		}
	}
	for range 2 {
		if _, err := stream.Next(2); err != io.EOF {
			t.Fatalf("got %v, want io.EOF", err)
		}
	}
	stream.Rewind()
	if batch := ok[*Batch](t)(stream.Next(1)); batch.Arrays[Input].Ints[0] != 0 {
		t.Error("an epoch does not start anew after Rewind")
	}
}

// appendRows appends the rows of a batch to those of the windows before.
func appendRows(t *testing.T, inputs, targets [][]int32, batch *Batch) {
	t.Helper()
	if err := batch.Validate(); err != nil {
		t.Fatal(err)
	}
	for step := range batch.T {
		for b := range batch.B {
			inputs[b] = append(inputs[b], batch.Arrays[Input].Ints[step*batch.B+b])
			targets[b] = append(targets[b], batch.Arrays[Target].Ints[step*batch.B+b])
		}
	}
}

func TestWindowsOfAnyLengthCoverEachTokenOnce(t *testing.T) {
	rng := newRand(t)
	for range 200 {
		rows := 1 + rng.IntN(9)
		length := rows + 1 + rng.IntN(300)
		stream := ok[*Stream](t)(Streams(counter(length), rows))
		for range 2 { // epochs
			inputs, targets := make([][]int32, rows), make([][]int32, rows)
			for {
				steps := 1 + rng.IntN(40)
				left := stream.Steps() - int(stream.Cursor())
				batch, err := stream.Next(steps)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if batch.T != min(steps, left) || batch.B != rows {
					t.Fatalf("a window of %d×%d, want %d×%d", batch.T, batch.B, min(steps, left), rows)
				}
				appendRows(t, inputs, targets, batch)
			}
			input, target := slices.Concat(inputs...), slices.Concat(targets...)
			if len(input) != stream.Tokens() || length-1-len(input) >= rows {
				t.Fatalf("%d of %d tokens used by %d rows", len(input), length, rows)
			}
			for i := range input {
				if input[i] != int32(i) || target[i] != int32(i+1) {
					t.Fatalf("input %d has target %d at place %d", input[i], target[i], i)
				}
			}
			stream.Rewind()
		}
	}
}

func TestResumeEqualsStraightReading(t *testing.T) {
	rng := newRand(t)
	path := writeFile(t, string(randomRunes(rng, 5000)))
	opened := ok[*Text](t)(OpenText(path))
	closeAfter(t, opened)
	memory := ok[*Text](t)(ReadText(path))
	straight := ok[*Stream](t)(Streams(memory, 7))
	for _, text := range []*Text{memory, opened} {
		straight.Rewind()
		for {
			cursor, steps := straight.Cursor(), 1+rng.IntN(50)
			want, err := straight.Next(steps)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			resumed := ok[*Stream](t)(Streams(text, 7))
			if err := resumed.SetCursor(cursor); err != nil {
				t.Fatal(err)
			}
			got := ok[*Batch](t)(resumed.Next(steps))
			for name, array := range want.Arrays {
				if !slices.Equal(got.Arrays[name].Ints, array.Ints) || !slices.Equal(got.Arrays[name].Shape, array.Shape) {
					t.Fatalf("%s differs after a resume at %d", name, cursor)
				}
			}
			if resumed.Cursor() != straight.Cursor() {
				t.Fatalf("cursor %d, want %d", resumed.Cursor(), straight.Cursor())
			}
		}
	}
	if err := straight.SetCursor(int64(straight.Steps())); err != nil {
		t.Errorf("the end is a cursor too, but: %v", err)
	}
}

func TestRequire(t *testing.T) {
	for length, want := range map[int]bool{90: false, 2500: false, 2501: true} {
		stream := ok[*Stream](t)(Streams(counter(length), 50))
		err := stream.Require(50)
		if (err == nil) != want {
			t.Errorf("%d tokens: got %v", length, err)
		}
		if !want {
			e, is := errors.AsType[*TooShortError](err)
			if !is || *e != (TooShortError{"counter", length, 50, 50, 2501}) {
				t.Errorf("got %v", err)
			}
			if length == 90 && err.Error() != "seqdata: counter has 90 tokens; batch 50 × window 50 needs at least 2501" {
				t.Errorf("got %v", err)
			}
		}
	}
}

// failing is a sequence that fails after some reads.
type failing struct {
	counter
	reads *int
	err   error
}

func (f failing) Read(dst []int32, at int) error {
	if *f.reads--; *f.reads < 0 {
		return f.err
	}
	return f.counter.Read(dst, at)
}

func TestStreamStaysWhereItIsAfterAnError(t *testing.T) {
	reads := 6
	stream := ok[*Stream](t)(Streams(failing{counter(100), &reads, io.EOF}, 4))
	ok[*Batch](t)(stream.Next(5))
	// A sequence that ends too early is not the end of an epoch.
	if _, err := stream.Next(5); err != io.ErrUnexpectedEOF {
		t.Errorf("got %v, want %v", err, io.ErrUnexpectedEOF)
	}
	if stream.Cursor() != 5 {
		t.Errorf("cursor is %d, want 5", stream.Cursor())
	}
	reads = 100
	if batch := ok[*Batch](t)(stream.Next(5)); batch.Arrays[Input].Ints[0] != 5 {
		t.Errorf("goes on at %d, want 5", batch.Arrays[Input].Ints[0])
	}
}

func TestBatchThatItsUserChanged(t *testing.T) {
	stream := ok[*Stream](t)(Streams(counter(100), 4))
	batch := ok[*Batch](t)(stream.Next(5))
	batch.Arrays[Input].Shape[0] = 77
	clear(batch.Arrays)
	*batch = Batch{}
	if err := ok[*Batch](t)(stream.Next(5)).Validate(); err != nil {
		t.Error(err)
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	content := strings.Repeat("It is a truth — ", 1000)
	path := writeFile(t, content)
	opened := ok[*Text](t)(OpenText(path))
	closeAfter(t, opened)
	const rows = 8
	for name, test := range map[string]struct {
		text *Text
		want float64
	}{
		"memory": {ok[*Text](t)(ReadText(path)), 0},
		"file":   {opened, rows}, // a FileInfo a read
	} {
		stream := ok[*Stream](t)(Streams(test.text, rows))
		window := 0
		next := func() {
			window++
			if _, err := stream.Next(50 - window%2); err == io.EOF {
				stream.Rewind()
			} else if err != nil {
				t.Fatal(err)
			}
		}
		next()
		next()
		if got := testing.AllocsPerRun(200, next); got > test.want {
			t.Errorf("%s: %v allocations a window, want %v", name, got, test.want)
		}
	}
}

func TestBatchHasInputAndTarget(t *testing.T) {
	batch := ok[*Batch](t)(ok[*Stream](t)(Streams(counter(10), 2)).Next(3))
	if got := slices.Sorted(maps.Keys(batch.Arrays)); !slices.Equal(got, []string{Input, Target}) {
		t.Errorf("got %v", got)
	}
}

func BenchmarkNext(b *testing.B) {
	path := writeFile(b, strings.Repeat("It is a truth universally acknowledged — ", 100_000))
	opened := ok[*Text](b)(OpenText(path))
	closeAfter(b, opened)
	for name, text := range map[string]*Text{"memory": ok[*Text](b)(ReadText(path)), "file": opened} {
		b.Run(name, func(b *testing.B) {
			stream := ok[*Stream](b)(Streams(text, 32))
			for b.Loop() {
				if _, err := stream.Next(100); err == io.EOF {
					stream.Rewind()
				} else if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
