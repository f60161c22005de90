package graph

import "fmt"

// ShapeError says that an operand of an op, or data given to a program, has a shape that doesn't fit.
type ShapeError struct {
	Layer string // path of the layer that wrote the op, "" at the top
	Op    string
	Got   string
	Want  string
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("%s: got %s, want %s", place(e.Layer, e.Op), e.Got, e.Want)
}

// ArgumentError says that an argument other than a tensor is out of its range.
type ArgumentError struct {
	Layer string
	Op    string
	Name  string // of the argument
	Got   string
	Want  string
}

func (e *ArgumentError) Error() string {
	return fmt.Sprintf("%s: %s is %s, want %s", place(e.Layer, e.Op), e.Name, e.Got, e.Want)
}

// IndexError says that an index in the data (a token, a target class) is out of range. It comes inside an *OpError.
type IndexError struct {
	Op       string
	Position int // in the flat index array; row t*B+b for a sequence
	Index    int
	Limit    int // indices are 0 … Limit-1
}

func (e *IndexError) Error() string {
	return fmt.Sprintf("index %d at position %d, want 0 to %d", e.Index, e.Position, e.Limit-1)
}

// OpError says that an op failed while a program ran.
type OpError struct {
	Layer string
	Op    string
	Err   error
}

func (e *OpError) Error() string { return fmt.Sprintf("%s: %v", place(e.Layer, e.Op), e.Err) }
func (e *OpError) Unwrap() error { return e.Err }

// NonFiniteError names the first op of a run, in the order of execution, whose result held a NaN or an infinity.
type NonFiniteError struct {
	Layer    string
	Op       string
	Value    float64 // NaN, +Inf or -Inf
	Backward bool    // in the backward pass

	// From says that the op was given a value that isn't finite, and where: in the data, a parameter or a state; or, of a loss,
	// for which target it isn't finite. "" if the op made it of finite ones otherwise.
	From string
}

func (e *NonFiniteError) Error() string {
	pass := "forward"
	if e.Backward {
		pass = "backward"
	}
	s := fmt.Sprintf("%v first produced by %s in the %s pass", e.Value, place(e.Layer, e.Op), pass)
	if e.From != "" {
		s += ": " + e.From
	}
	return s
}

func place(layer, op string) string {
	if layer == "" {
		return op
	}
	return layer + ": " + op
}
