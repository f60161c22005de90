package search

import (
	"errors"
	"fmt"
)

// ErrPruned is what a report returns to a trial that is to end, as it does worse than others. The trial returns it in
// turn, wrapped or not.
var ErrPruned = errors.New("search: the trial is pruned")

// ArgumentError says that a field of a Study, or what a trial does, can't be.
type ArgumentError struct{ Name, Got, Want string }

func (e *ArgumentError) Error() string {
	return fmt.Sprintf("search: %s is %s, want %s", e.Name, e.Got, e.Want)
}

// PanicError says that a trial panicked.
type PanicError struct {
	Value any
	Stack string
}

func (e *PanicError) Error() string { return fmt.Sprintf("search: the trial panicked: %v", e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
