package seqdata

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
)

// Task draws the sequences of a synthetic problem, such as [Adding], for as
// long as it is asked. An epoch is one batch of whole sequences, so that their
// states begin at zero, and each epoch has new ones.
//
// The n-th batch depends on n and on the source that the task was made with,
// and on nothing else.
type Task struct {
	steps, rows int
	draw        func(rng *rand.Rand) map[string]Array

	random *numbered // for each batch
	given  int64     // batches
	done   bool      // the batch of this epoch is given
	batch  Batch
}

// newTask checks the sizes of a function's task: the time steps, an argument of
// that name plus more, the batch, and the numbers of one step.
func newTask(function, argument string, value, least, more, batch, numbers int, rng *rand.Rand) (*Task, error) {
	most := math.MaxInt32 / numbers // steps of all sequences
	switch {
	case value < least || value > most-more:
		return nil, &ArgumentError{function, argument, value, fmt.Sprintf("%d to %d", least, most-more)}
	case batch < 1 || batch > most/(value+more):
		return nil, &ArgumentError{function, "batch", batch, fmt.Sprintf("1 to %d", most/(value+more))}
	case rng == nil:
		return nil, &ArgumentError{function, "rng", nil, "a random source"}
	}
	return &Task{steps: value + more, rows: batch, random: newNumbered(rng)}, nil
}

// Next returns the epoch's batch, and then io.EOF. A number of steps less than
// that of the sequences gives an *ArgumentError: they come whole.
//
// The task owns the batch and overwrites it at the next call.
func (t *Task) Next(steps int) (*Batch, error) {
	if steps < t.steps {
		return nil, &ArgumentError{"Task.Next", "steps", steps, fmt.Sprintf("%d or more, for whole sequences", t.steps)}
	}
	if t.done {
		return nil, io.EOF
	}
	t.batch = Batch{T: t.steps, B: t.rows, Arrays: t.draw(t.random.of(t.given))}
	t.given++
	t.done = true
	return &t.batch, nil
}

// Rewind begins the next epoch, unless this one's batch is still to come.
func (t *Task) Rewind() { t.done = false }

// Steps returns the number of time steps of a sequence.
func (t *Task) Steps() int { return t.steps }

// Cursor returns the number of batches that Next has given. Given to SetCursor
// of an equal task, it resumes exactly there.
func (t *Task) Cursor() int64 { return t.given }

// SetCursor goes to where that many batches are given, and the epoch of the last
// is at its end. A negative number gives an *ArgumentError.
func (t *Task) SetCursor(cursor int64) error {
	if cursor < 0 {
		return &ArgumentError{"Task.SetCursor", "cursor", cursor, "0 or more"}
	}
	t.given, t.done = cursor, cursor > 0
	return nil
}
