package track

import "fmt"

// ArgumentError says that a field of an observer or of an event, or the name of a file to write, is not usable.
type ArgumentError struct{ Name, Got, Want string }

func (e *ArgumentError) Error() string {
	return fmt.Sprintf("track: %s is %s, want %s", e.Name, e.Got, e.Want)
}

// LogError says that a log can't be begun, continued or written.
type LogError struct {
	Path string
	Got  string // what the file holds
	Want string // what it should hold
	Err  error  // or the cause
}

func (e *LogError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("track: log %s: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("track: log %s has %s, want %s", e.Path, e.Got, e.Want)
}

func (e *LogError) Unwrap() error { return e.Err }
