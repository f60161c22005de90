package seqdata

import (
	"errors"
	"io"
	"math"
	"slices"
	"testing"
)

// letters gives two streams of a text; an epoch has 12 steps.
func letters(t *testing.T) *Stream {
	t.Helper()
	text := ok[*Text](t)(NewText("abcdefghijklmnopqrstuvwxy"))
	return ok[*Stream](t)(Streams(text, 2))
}

func TestTeacherSchedule(t *testing.T) {
	plain, source := letters(t), letters(t)
	s := ok[*TeacherSchedule](t)(ScheduleTeacher(source, func(i int) float64 { return 1 / float64(1+i) }))
	if s.Require(12) != nil || s.Require(13) == nil {
		t.Error("the source's least length isn't passed on")
	}
	given := 0
	for range 2 { // epochs, of windows of 5, 5 and 2 steps
		for {
			want, err := plain.Next(5)
			got, gotErr := s.Next(5)
			if err == io.EOF && gotErr == io.EOF {
				break
			}
			if err != nil || gotErr != nil {
				t.Fatal(err, gotErr)
			}
			if err := got.Validate(); err != nil {
				t.Fatal(err)
			}
			p := float32(1 / float64(1+given))
			a := got.Arrays[Teacher]
			if !slices.Equal(a.Floats, []float32{p, p}) || !slices.Equal(a.Shape, []int{2}) {
				t.Errorf("batch %d: %+v, want %v", given, a, p)
			}
			if got.T != want.T || got.B != want.B || len(got.Arrays) != 3 || len(source.arrays) != 2 ||
				!slices.Equal(got.Arrays[Input].Ints, want.Arrays[Input].Ints) || !slices.Equal(got.Arrays[Target].Ints, want.Arrays[Target].Ints) {
				t.Errorf("batch %d isn't the source's", given)
			}
			given++
		}
		plain.Rewind()
		s.Rewind()
	}
	if given != 6 {
		t.Errorf("%d batches", given)
	}
}

func TestTeacherScheduleCursor(t *testing.T) {
	first := ok[*TeacherSchedule](t)(ScheduleTeacher(letters(t), ExponentialDecay(0.5)))
	for range 4 { // the fourth is the first of the second epoch
		if _, err := first.Next(5); err == io.EOF {
			first.Rewind()
			ok[*Batch](t)(first.Next(5))
		} else if err != nil {
			t.Fatal(err)
		}
	}
	second := ok[*TeacherSchedule](t)(ScheduleTeacher(letters(t), ExponentialDecay(0.5)))
	if err := second.SetCursor(first.Cursor()); err != nil {
		t.Fatal(err)
	}
	a, b := ok[*Batch](t)(first.Next(3)), ok[*Batch](t)(second.Next(3))
	if !slices.Equal(a.Arrays[Input].Ints, b.Arrays[Input].Ints) || a.Arrays[Teacher].Floats[0] != 1.0/16 || b.Arrays[Teacher].Floats[0] != 1.0/16 {
		t.Errorf("got %v, want %v", b.Arrays, a.Arrays)
	}
	if first.Cursor() != second.Cursor() {
		t.Error("cursors differ")
	}

	var e *ArgumentError
	for _, bad := range []int64{-1, math.MinInt64, 1<<32 | 13} {
		if err := second.SetCursor(bad); !errors.As(err, &e) {
			t.Errorf("cursor %d: %v", bad, err)
		}
	}
	if first.Cursor() != second.Cursor() {
		t.Error("a wrong cursor has moved the schedule")
	}
	unplaced := ok[*TeacherSchedule](t)(ScheduleTeacher(struct{ Source }{letters(t)}, ExponentialDecay(0.5)))
	if unplaced.Cursor() != -1 || !errors.As(unplaced.SetCursor(0), &e) || unplaced.Require(100) != nil {
		t.Error("a source without a place has one")
	}
	far := ok[*TeacherSchedule](t)(ScheduleTeacher(&placedFar{letters(t), 1 << 32}, ExponentialDecay(0.5)))
	if far.Cursor() != -1 {
		t.Errorf("cursor %d for a place that is too far", far.Cursor())
	}
	far.source.(*placedFar).at--
	if far.Cursor() != 1<<32-1 {
		t.Errorf("cursor %d", far.Cursor())
	}
}

type placedFar struct {
	*Stream
	at int64
}

func (p *placedFar) Cursor() int64 { return p.at }

// fixedSource gives a batch as it is.
type fixedSource struct{ batch *Batch }

func (s fixedSource) Next(int) (*Batch, error) { return s.batch, nil }
func (fixedSource) Rewind()                    {}

func TestTeacherScheduleMisuse(t *testing.T) {
	var argument *ArgumentError
	if _, err := ScheduleTeacher(nil, ExponentialDecay(0.5)); !errors.As(err, &argument) {
		t.Error(err)
	}
	if _, err := ScheduleTeacher(letters(t), nil); !errors.As(err, &argument) {
		t.Error(err)
	}
	for _, bad := range []float64{-0.01, 1.01, math.NaN(), math.Inf(1)} {
		source := letters(t)
		s := ok[*TeacherSchedule](t)(ScheduleTeacher(source, func(int) float64 { return bad }))
		if _, err := s.Next(5); !errors.As(err, &argument) || source.Cursor() != 0 {
			t.Errorf("probability %v: %v", bad, err)
		}
	}
	taken := ok[*Batch](t)(letters(t).Next(5)).Clone()
	taken.Arrays[Teacher] = Array{Shape: []int{2}, Floats: make([]float32, 2)}
	var batch *BatchError
	for name, b := range map[string]*Batch{"none": nil, "empty": {}, "negative": {T: 1, B: -1}, "taken": taken} {
		s := ok[*TeacherSchedule](t)(ScheduleTeacher(fixedSource{b}, ExponentialDecay(0.5)))
		if _, err := s.Next(5); !errors.As(err, &batch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An array that the source has left out is gone.
func TestTeacherScheduleOfOtherArrays(t *testing.T) {
	b := &Batch{T: 1, B: 1, Arrays: map[string]Array{Input: {Shape: []int{1, 1}, Ints: []int32{1}}, "more": {Shape: []int{1}, Ints: []int32{1}}}}
	s := ok[*TeacherSchedule](t)(ScheduleTeacher(fixedSource{b}, ExponentialDecay(0.5)))
	if n := len(ok[*Batch](t)(s.Next(1)).Arrays); n != 3 {
		t.Errorf("%d arrays", n)
	}
	delete(b.Arrays, "more")
	if n := len(ok[*Batch](t)(s.Next(1)).Arrays); n != 2 {
		t.Errorf("%d arrays", n)
	}
}

// TestDecays: numbers of the paper's formulas, worked out by hand.
func TestDecays(t *testing.T) {
	for _, c := range []struct {
		name  string
		decay func(int) float64
		want  map[int]float64
	}{
		{"linear", LinearDecay(0.9, 0.1, 0.25), map[int]float64{0: 0.9, 3: 0.6, 7: 0.25, 1000: 0.25}},
		{"exponential", ExponentialDecay(0.9), map[int]float64{0: 1, 1: 0.9, 2: 0.81, 100000: 0}},
		{"constant", ExponentialDecay(1), map[int]float64{0: 1, 100000: 1}},
		{"never", ExponentialDecay(0), map[int]float64{0: 1, 1: 0}},
		{"inverse sigmoid", InverseSigmoidDecay(10), map[int]float64{0: 10.0 / 11, 10: 10 / (10 + math.E), 100000: 0}},
	} {
		for i, want := range c.want {
			if got := c.decay(i); math.Abs(got-want) > 1e-12 {
				t.Errorf("%s of %d: %v, want %v", c.name, i, got, want)
			}
		}
	}
}

// TestTeacherScheduleAllocates nothing once its memory is there.
func TestTeacherScheduleAllocates(t *testing.T) {
	s := ok[*TeacherSchedule](t)(ScheduleTeacher(letters(t), InverseSigmoidDecay(10)))
	step := func() {
		if _, err := s.Next(2); err == io.EOF {
			s.Rewind()
		} else if err != nil {
			t.Fatal(err)
		}
	}
	step()
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}
