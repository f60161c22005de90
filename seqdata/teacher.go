package seqdata

import (
	"fmt"
	"maps"
	"math"
)

// Teacher names the array that a TeacherSchedule adds to batches.
const Teacher = "teacher" // [B], the probability that a step reads the true token

// Source gives sequences window by window. *[Stream] and *[Task] are ones.
type Source interface {
	Next(steps int) (*Batch, error)
	Rewind()
}

// TeacherSchedule gives the batches of a source with one more array, [Teacher],
// for layers.ScheduledSampling: the probability that a time step reads the true
// token and not the model's prediction, which changes from batch to batch
// (Bengio et al. 2015).
type TeacherSchedule struct {
	source      Source
	probability func(batch int) float64

	given  int // batches
	values []float32
	arrays map[string]Array
	shape  [1]int
	batch  Batch
}

// ScheduleTeacher adds to batch i of a source, counted from 0 over all epochs,
// the probability of i. [LinearDecay], [ExponentialDecay] and
// [InverseSigmoidDecay] are the paper's functions.
func ScheduleTeacher(source Source, probability func(batch int) float64) (*TeacherSchedule, error) {
	switch {
	case source == nil:
		return nil, &ArgumentError{"ScheduleTeacher", "source", nil, "a Source"}
	case probability == nil:
		return nil, &ArgumentError{"ScheduleTeacher", "probability", nil, "a function"}
	}
	return &TeacherSchedule{source: source, probability: probability, arrays: map[string]Array{}}, nil
}

// Next returns the source's next batch with the array. A probability that isn't
// from 0 to 1 gives an *ArgumentError. The batch is overwritten by the next
// call.
func (s *TeacherSchedule) Next(steps int) (*Batch, error) {
	p := s.probability(s.given)
	if !(p >= 0 && p <= 1) {
		return nil, &ArgumentError{"TeacherSchedule.Next", fmt.Sprintf("the probability of batch %d", s.given), p, "0 to 1"}
	}
	batch, err := s.source.Next(steps)
	if err != nil {
		return nil, err
	}
	if err := batch.Validate(); err != nil {
		return nil, err
	}
	if _, taken := batch.Arrays[Teacher]; taken {
		return nil, &BatchError{Array: Teacher, Got: "values of the source's", Want: "none"}
	}
	s.given++

	s.values = s.values[:0]
	for range batch.B {
		s.values = append(s.values, float32(p))
	}
	clear(s.arrays)
	maps.Copy(s.arrays, batch.Arrays)
	s.shape = [1]int{batch.B}
	s.arrays[Teacher] = Array{Shape: s.shape[:], Floats: s.values}
	s.batch = Batch{T: batch.T, B: batch.B, Arrays: s.arrays, Ends: batch.Ends}
	return &s.batch, nil
}

// Rewind begins the source's next epoch. The count of batches goes on.
func (s *TeacherSchedule) Rewind() { s.source.Rewind() }

// Require passes on what the source says of the length of a window.
func (s *TeacherSchedule) Require(window int) error {
	if r, ok := s.source.(interface{ Require(window int) error }); ok {
		return r.Require(window)
	}
	return nil
}

// placed is a source that tells its place.
type placed interface {
	Cursor() int64
	SetCursor(cursor int64) error
}

// Cursor returns the place in the source and in the schedule. It is -1, no
// place, if the source has none, or one of 2³² or more.
func (s *TeacherSchedule) Cursor() int64 {
	p, ok := s.source.(placed)
	if !ok || s.given > math.MaxInt32 {
		return -1
	}
	at := p.Cursor()
	if at < 0 || at > math.MaxUint32 {
		return -1
	}
	return int64(s.given)<<32 | at
}

// SetCursor goes to the place where Cursor gave this number. One that it can't
// have given is an *ArgumentError.
func (s *TeacherSchedule) SetCursor(cursor int64) error {
	p, ok := s.source.(placed)
	if !ok || cursor < 0 {
		return &ArgumentError{"TeacherSchedule.SetCursor", "cursor", cursor, "what Cursor gave, 0 or more, of a source with a place"}
	}
	if err := p.SetCursor(cursor & math.MaxUint32); err != nil {
		return err
	}
	s.given = int(cursor >> 32)
	return nil
}

// LinearDecay is the schedule max(least, start - slope·i).
func LinearDecay(start, slope, least float64) func(batch int) float64 {
	return func(i int) float64 { return max(least, start-slope*float64(i)) }
}

// ExponentialDecay is the schedule kⁱ, for 0 ≤ k ≤ 1.
func ExponentialDecay(k float64) func(batch int) float64 {
	return func(i int) float64 { return math.Pow(k, float64(i)) }
}

// InverseSigmoidDecay is the schedule k/(k + exp(i/k)), for k ≥ 1: it stays near
// 1 for a while, is at 1/2 after k·ln k batches, and goes to 0.
func InverseSigmoidDecay(k float64) func(batch int) float64 {
	return func(i int) float64 { return k / (k + math.Exp(float64(i)/k)) }
}
