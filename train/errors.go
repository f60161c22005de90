package train

import "fmt"

// DivergedError says that the loss or the gradient became NaN or infinite. The parameters are as they were before the
// step.
type DivergedError struct {
	Step  int    // 0 in an evaluation before the first one
	What  string // "loss", "gradient norm" or "validation loss"
	Value float64
	Err   error // a *graph.NonFiniteError that names the first op, nil if none was found
}

func (e *DivergedError) Error() string {
	s := fmt.Sprintf("%s is %v", e.What, e.Value)
	if e.Step > 0 {
		s = fmt.Sprintf("step %d: %s", e.Step, s)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *DivergedError) Unwrap() error { return e.Err }

// ArgumentError says that a field of a Trainer or an argument is not usable.
type ArgumentError struct{ Name, Got, Want string }

func (e *ArgumentError) Error() string {
	return fmt.Sprintf("train: %s is %s, want %s", e.Name, e.Got, e.Want)
}

// empty is the error for data without a window.
func empty(name string) error {
	return &ArgumentError{Name: name, Got: "empty", Want: "at least one window in an epoch"}
}

// CheckpointError says that a checkpoint doesn't fit what it is to be loaded into, or can't be read.
type CheckpointError struct {
	Path string
	What string // the tensor, file or field that is wrong
	Got  string
	Want string
	Err  error // the cause, or nil
}

func (e *CheckpointError) Error() string {
	switch {
	case e.Err != nil && e.What == "":
		return fmt.Sprintf("checkpoint %s: %v", e.Path, e.Err)
	case e.Err != nil:
		return fmt.Sprintf("checkpoint %s: %s: %v", e.Path, e.What, e.Err)
	}
	return fmt.Sprintf("checkpoint %s: %s is %s, want %s", e.Path, e.What, e.Got, e.Want)
}

func (e *CheckpointError) Unwrap() error { return e.Err }
