package seqdata

import (
	"fmt"
	"io"
	"math"
)

// Sequence is a sequence of token ids in which one can read anywhere. *Text is
// one.
type Sequence interface {
	// Name says in errors where the tokens come from.
	Name() string
	// Len returns the number of tokens, which does not change.
	Len() int
	// Read fills dst with the ids of the tokens from index at on, or fails.
	Read(dst []int32, at int) error
}

// Stream gives a sequence as B parallel streams, window after window, each
// stream going on where it stopped. With n = [Stream.Steps], row b at step t
// has token b*n+t as its input and token b*n+t+1 as its target. An epoch so uses
// each token once as input, but for the last 1 to B tokens of the sequence: one
// is only a target, the others do not fill a step.
type Stream struct {
	text   Sequence
	rows   int // B
	steps  int // n
	cursor int // steps of this epoch that are done

	row    []int32 // one row's inputs, and the last one's target
	input  []int32
	target []int32
	shape  [2]int
	arrays map[string]Array
	batch  Batch
}

// Streams lays text out as batch streams. A sequence of fewer than batch+1
// tokens gives a *TooShortError, a batch below 1 an *ArgumentError.
func Streams(text Sequence, batch int) (*Stream, error) {
	if text == nil {
		return nil, &ArgumentError{"Streams", "text", nil, "a Sequence"}
	}
	if batch < 1 {
		return nil, &ArgumentError{"Streams", "batch", batch, "at least 1"}
	}
	s := &Stream{
		text:   text,
		rows:   batch,
		steps:  max(0, text.Len()-1) / batch, // the last token is only a target
		arrays: make(map[string]Array, 2),
	}
	if err := s.Require(1); err != nil {
		return nil, err
	}
	return s, nil
}

// Require returns a *TooShortError if an epoch has not even one full window of
// that many time steps.
func (s *Stream) Require(window int) error {
	if window < 1 {
		return &ArgumentError{"Stream.Require", "window", window, "at least 1"}
	}
	if window <= s.steps {
		return nil
	}
	need := math.MaxInt
	if window <= (math.MaxInt-1)/s.rows {
		need = window*s.rows + 1
	}
	return &TooShortError{Name: s.text.Name(), Have: s.text.Len(), Batch: s.rows, Window: window, Need: need}
}

// Next returns the next window, with T = steps, or what is left at the end of
// an epoch, and then io.EOF. Input and Target are ids [T, B].
//
// The stream owns the batch and overwrites it at the next call. Its memory is
// that of the longest window so far; once that is there, Next allocates nothing
// of its own. After an error the stream is where it was.
func (s *Stream) Next(steps int) (*Batch, error) {
	if steps < 1 {
		return nil, &ArgumentError{"Stream.Next", "steps", steps, "at least 1"}
	}
	steps = min(steps, s.steps-s.cursor)
	if steps == 0 {
		return nil, io.EOF
	}
	if steps >= len(s.row) {
		s.row = make([]int32, steps+1)
		s.input = make([]int32, steps*s.rows)
		s.target = make([]int32, steps*s.rows)
	}
	row := s.row[:steps+1]
	input := s.input[:steps*s.rows]
	target := s.target[:steps*s.rows]
	for b := range s.rows {
		if err := s.text.Read(row, b*s.steps+s.cursor); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF // only the end of an epoch is io.EOF
			}
			return nil, err
		}
		for t := range steps {
			input[t*s.rows+b] = row[t]
			target[t*s.rows+b] = row[t+1]
		}
	}
	s.cursor += steps

	// Set anew every time, for the caller may have changed any of it.
	s.shape = [2]int{steps, s.rows}
	s.arrays[Input] = Array{Shape: s.shape[:], Ints: input}
	s.arrays[Target] = Array{Shape: s.shape[:], Ints: target}
	s.batch = Batch{T: steps, B: s.rows, Arrays: s.arrays}
	return &s.batch, nil
}

// Rewind goes back to the start of the epoch.
func (s *Stream) Rewind() { s.cursor = 0 }

// Cursor returns the number of time steps of this epoch that Next has given, in
// [0, Steps]. Given to SetCursor of a stream of the same sequence and batch, it
// resumes exactly there.
func (s *Stream) Cursor() int64 { return int64(s.cursor) }

// SetCursor goes to a time step of the epoch. One outside [0, Steps] gives an
// *ArgumentError.
func (s *Stream) SetCursor(cursor int64) error {
	if cursor < 0 || cursor > int64(s.steps) {
		return &ArgumentError{"Stream.SetCursor", "cursor", cursor,
			fmt.Sprintf("0 to %d, the time steps of %s", s.steps, s.text.Name())}
	}
	s.cursor = int(cursor)
	return nil
}

// Steps returns the number of time steps in an epoch.
func (s *Stream) Steps() int { return s.steps }

// Tokens returns the number of targets in an epoch, Steps times B.
func (s *Stream) Tokens() int { return s.steps * s.rows }
