package weights

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
)

// FileError says that a file can't be read or written, or doesn't fit the parameters.
type FileError struct {
	Path   string // "" for a stream
	Tensor string // in the file; "" if it isn't about one
	Param  string // the parameter that the tensor is for, or the first of them; "" if there is none
	Got    string
	Want   string
	Err    error // the cause, in place of Got and Want; or nil
}

func (e *FileError) Error() string {
	s := "weights"
	if e.Path != "" {
		s += " " + e.Path
	}
	if e.Tensor != "" {
		s += fmt.Sprintf(": tensor %.80s", e.Tensor)
		if e.Param != "" && e.Param != e.Tensor {
			s += fmt.Sprintf(" for %.80s", e.Param)
		}
	}
	if e.Err != nil {
		return s + ": " + e.Err.Error()
	}
	return fmt.Sprintf("%s is %s, want %s", s, e.Got, e.Want)
}

func (e *FileError) Unwrap() error { return e.Err }

// LayoutError says that a layout has no place for a parameter.
type LayoutError struct {
	Layout Layout
	Param  string
	Reason string
}

func (e *LayoutError) Error() string {
	return fmt.Sprintf("weights: parameter %s has no place in %s's layout: %s", e.Param, e.Layout, e.Reason)
}

func argumentError(name, got, want string) error {
	return &graph.ArgumentError{Op: "weights", Name: name, Got: got, Want: want}
}
