package seqdata

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// tasks are the constructors, by name, with the steps that their sequences have more than the argument says.
var tasks = map[string]struct {
	make func(n, batch int, rng *rand.Rand) (*Task, error)
	more int
}{"Adding": {Adding, 0}, "CopyMemory": {CopyMemory, 20}}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// next draws the batch of a new epoch and checks its form.
func next(t *testing.T, task *Task) *Batch {
	t.Helper()
	task.Rewind()
	b := ok[*Batch](t)(task.Next(task.Steps()))
	if err := b.Validate(); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAdding(t *testing.T) {
	for _, steps := range []int{2, 3, 10, 51} {
		const rows = 400
		task := ok[*Task](t)(Adding(steps, rows, seeded(1)))
		b := next(t, task)
		x, y := b.Arrays[Input].Floats, b.Arrays[Target].Floats
		if b.T != steps || b.B != rows || !slices.Equal(b.Arrays[Input].Shape, []int{steps, rows, 2}) ||
			!slices.Equal(b.Arrays[Target].Shape, []int{1, rows, 1}) {
			t.Fatalf("T=%d, B=%d, shapes %v %v", b.T, b.B, b.Arrays[Input].Shape, b.Arrays[Target].Shape)
		}
		marks := make([]int, steps) // by step
		mean, square, spread := 0.0, 0.0, 0.0
		for r := range rows {
			var sum float32
			first, second := 0, 0
			for s := range steps {
				v, mark := x[(s*rows+r)*2], x[(s*rows+r)*2+1]
				if !(v >= 0 && v < 1) {
					t.Fatalf("number %v", v)
				}
				mean += float64(v) / float64(steps*rows)
				square += float64(v*v) / float64(steps*rows)
				switch {
				case mark == 1 && s < steps/2:
					first++
				case mark == 1:
					second++
				case mark != 0:
					t.Fatalf("mark %v", mark)
				}
				if mark == 1 {
					sum += v
					marks[s]++
				}
			}
			if first != 1 || second != 1 || sum != y[r] {
				t.Fatalf("%d steps, sequence %d: %d and %d marks in the halves, sum %v, target %v", steps, r, first, second, sum, y[r])
			}
			spread += float64(y[r]-1) * float64(y[r]-1) / rows
		}
		if math.Abs(mean-0.5) > 0.05 || math.Abs(square-1.0/3) > 0.05 || math.Abs(spread-1.0/6) > 0.03 {
			t.Errorf("%d steps: mean %v, mean square %v; targets' mean square distance from 1 is %v", steps, mean, square, spread)
		}
		for s, n := range marks {
			half := steps / 2
			if s >= half {
				half = steps - half
			}
			if want := rows / float64(half); math.Abs(float64(n)-want) > 5*math.Sqrt(want) {
				t.Errorf("%d marks at step %d of %d, want about %.0f", n, s, steps, want)
			}
		}
	}
}

func TestCopyMemory(t *testing.T) {
	for _, delay := range []int{1, 2, 30} {
		const rows = 300
		b := next(t, ok[*Task](t)(CopyMemory(delay, rows, seeded(1))))
		x, y := b.Arrays[Input], b.Arrays[Target]
		steps := delay + 20
		if b.T != steps || b.B != rows || !slices.Equal(x.Shape, []int{steps, rows}) || !slices.Equal(y.Shape, []int{steps, rows}) {
			t.Fatalf("T=%d, B=%d, shapes %v %v", b.T, b.B, x.Shape, y.Shape)
		}
		var counts [9]int
		for r := range rows {
			row := func(ids []int32) []int32 {
				var out []int32
				for s := range steps {
					out = append(out, ids[s*rows+r])
				}
				return out
			}
			in, out := row(x.Ints), row(y.Ints)
			symbols := in[:10]
			for _, s := range symbols {
				if s < 1 || s > 8 {
					t.Fatalf("symbol %d", s)
				}
				counts[s]++
			}
			want := slices.Concat(symbols, make([]int32, delay-1), []int32{9}, make([]int32, 10))
			answer := slices.Concat(make([]int32, delay+10), symbols)
			if !slices.Equal(in, want) || !slices.Equal(out, answer) {
				t.Fatalf("delay %d: %v with answer %v", delay, in, out)
			}
		}
		for s, n := range counts[1:] {
			if n < 300 || n > 450 {
				t.Errorf("symbol %d comes %d times in %d", s+1, n, 10*rows)
			}
		}
	}
}

// numbers are the contents of a batch.
func numbers(b *Batch) string {
	return fmt.Sprint(b.Arrays[Input].Ints, b.Arrays[Input].Floats, b.Arrays[Target].Ints, b.Arrays[Target].Floats)
}

// An epoch is one batch. The batches are a function of the source and of their number: a task that is set to a place
// goes on as the one that came there.
func TestTaskEpochs(t *testing.T) {
	for name, c := range tasks {
		task := ok[*Task](t)(c.make(4, 3, seeded(5)))
		if task.Steps() != 4+c.more {
			t.Errorf("%s: %d steps", name, task.Steps())
		}
		var batches []string
		for n := range 5 {
			if n > 0 {
				for range 2 {
					if b, err := task.Next(100); b != nil || err != io.EOF {
						t.Fatalf("%s: %v, %v, want the end of the epoch", name, b, err)
					}
				}
			}
			task.Rewind()
			task.Rewind()
			if task.Cursor() != int64(n) {
				t.Errorf("%s: cursor %d after %d batches", name, task.Cursor(), n)
			}
			b := ok[*Batch](t)(task.Next(100))
			batches = append(batches, numbers(b))
			for _, a := range b.Arrays { // what the caller does to a batch doesn't matter
				clear(a.Shape)
				clear(a.Floats)
				clear(a.Ints)
			}
			clear(b.Arrays)
		}
		if distinct := slices.Compact(slices.Sorted(slices.Values(batches))); len(distinct) != len(batches) {
			t.Errorf("%s: a batch came twice", name)
		}

		again := ok[*Task](t)(c.make(4, 3, seeded(5)))
		for _, at := range []int64{3, 0, 4, 1} {
			if err := again.SetCursor(at); err != nil {
				t.Fatal(err)
			}
			if at > 0 {
				if _, err := again.Next(100); err != io.EOF {
					t.Errorf("%s: %v after SetCursor(%d), want the end of the epoch", name, err, at)
				}
			}
			if got := numbers(next(t, again)); got != batches[at] {
				t.Errorf("%s: another batch %d after SetCursor", name, at)
			}
		}
		if numbers(next(t, ok[*Task](t)(c.make(4, 3, seeded(6))))) == batches[0] {
			t.Errorf("%s: the same batch from another source", name)
		}
	}
}

func TestTaskMisuse(t *testing.T) {
	for name, c := range tasks {
		for _, bad := range [][2]int{
			{0, 1}, {-1, 1}, {math.MinInt, 1}, {math.MaxInt, 1}, {math.MaxInt32, 1}, {4, 0}, {4, -1}, {4, math.MaxInt}, {1 << 20, 1 << 20},
		} {
			_, err := c.make(bad[0], bad[1], seeded(1))
			if e, ok := errors.AsType[*ArgumentError](err); !ok || e.Func != name {
				t.Errorf("%s%v: %v", name, bad, err)
			}
		}
		_, err := c.make(4, 3, nil)
		if e, ok := errors.AsType[*ArgumentError](err); !ok || e.Arg != "rng" {
			t.Errorf("%s without a source: %v", name, err)
		}
		task := ok[*Task](t)(c.make(4, 3, seeded(1)))
		for _, steps := range []int{-1, 0, 1, task.Steps() - 1} {
			_, err := task.Next(steps)
			if e, ok := errors.AsType[*ArgumentError](err); !ok || e.Arg != "steps" {
				t.Errorf("%s: windows of %d: %v", name, steps, err)
			}
		}
		if e, ok := errors.AsType[*ArgumentError](task.SetCursor(-1)); !ok || e.Arg != "cursor" {
			t.Errorf("%s: SetCursor(-1): %v", name, e)
		}
		if task.Cursor() != 0 || len(next(t, task).Arrays) != 2 {
			t.Errorf("%s: not usable after errors", name)
		}
	}
	if _, err := Adding(1, 3, seeded(1)); err == nil {
		t.Error("Adding: a sequence of one step has no halves")
	}
}
