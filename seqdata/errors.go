package seqdata

import (
	"fmt"
	"io/fs"
)

// ArgumentError reports an argument outside its range.
type ArgumentError struct {
	Func string // the function that was called
	Arg  string // what was wrong
	Got  any
	Want string
}

func (e *ArgumentError) Error() string {
	return fmt.Sprintf("seqdata: %s: %s is %v; want %s", e.Func, e.Arg, e.Got, e.Want)
}

// BatchError reports a batch that contradicts itself.
type BatchError struct {
	Array     string // its name, or "" when it is the batch as a whole
	Got, Want string
}

func (e *BatchError) Error() string {
	if e.Array == "" {
		return fmt.Sprintf("seqdata: batch has %s; want %s", e.Got, e.Want)
	}
	return fmt.Sprintf("seqdata: batch array %q has %s; want %s", e.Array, e.Got, e.Want)
}

// ChangedError reports a file that was changed while it was open.
type ChangedError struct{ Name string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("seqdata: %s changed while it was read; want it as it was when it was opened", e.Name)
}

// CSVError reports a file that is not the table of numbers that was asked for.
type CSVError struct {
	Name      string // of the file
	Line      int    // in the file, from 1 on; 0 when it is the file as a whole
	Column    string // "" when it is no column in particular
	Got, Want string
}

func (e *CSVError) Error() string {
	place := e.Name
	if e.Line > 0 {
		place += fmt.Sprintf(", line %d", e.Line)
	}
	if e.Column != "" {
		place += fmt.Sprintf(", column %q", e.Column)
	}
	return fmt.Sprintf("seqdata: %s: got %s; want %s", place, e.Got, e.Want)
}

// EmptyError reports a text without a single token.
type EmptyError struct{ Name string }

func (e *EmptyError) Error() string {
	return fmt.Sprintf("seqdata: %s is empty; want at least one token", e.Name)
}

// EncodingError reports a text that should be UTF-8 and is not.
type EncodingError struct {
	Name   string
	Offset int64 // of the first wrong byte in the file
}

func (e *EncodingError) Error() string {
	return fmt.Sprintf("seqdata: %s has invalid UTF-8 at byte %d; want UTF-8, or bytes as tokens", e.Name, e.Offset)
}

// ExampleError reports an example that contradicts itself or the others.
type ExampleError struct {
	Example   int // its index
	Array     string
	Got, Want string
}

func (e *ExampleError) Error() string {
	return fmt.Sprintf("seqdata: example %d: array %q has %s; want %s", e.Example, e.Array, e.Got, e.Want)
}

// NotRegularError reports a path that leads to a directory, a pipe or a device.
// ReadTextFrom reads pipes.
type NotRegularError struct {
	Name string
	Mode fs.FileMode
}

func (e *NotRegularError) Error() string {
	kind := "no file but a pipe or device (" + e.Mode.String() + ")"
	if e.Mode.IsDir() {
		kind = "a directory"
	}
	return fmt.Sprintf("seqdata: %s is %s; want a regular file", e.Name, kind)
}

// SeriesError reports a series that is not numbers measured at the same times, or
// does not fit what it is used with.
type SeriesError struct {
	Column    int // -1 when it is no column in particular
	Index     int // of the value; -1 when it is no value in particular
	Got, Want string
}

func (e *SeriesError) Error() string {
	place := ""
	if e.Column >= 0 {
		place = fmt.Sprintf(", column %d", e.Column)
	}
	if e.Index >= 0 {
		place += fmt.Sprintf(", value %d", e.Index)
	}
	return fmt.Sprintf("seqdata: series%s: got %s; want %s", place, e.Got, e.Want)
}

// TooShortError reports a sequence that cannot fill one window of a batch.
type TooShortError struct {
	Name   string
	Have   int // tokens
	Batch  int // streams
	Window int // time steps
	Need   int // tokens: Batch*Window inputs, and the last one's target
}

func (e *TooShortError) Error() string {
	return fmt.Sprintf("seqdata: %s has %d tokens; batch %d × window %d needs at least %d",
		e.Name, e.Have, e.Batch, e.Window, e.Need)
}

// VocabError reports JSON that is not a vocabulary.
type VocabError struct{ Got, Want string }

func (e *VocabError) Error() string {
	return fmt.Sprintf("seqdata: vocabulary has %s; want %s", e.Got, e.Want)
}
