package npz

import (
	"fmt"
	"math"
)

// maxHeader is the longest header in bytes, NumPy's own limit.
const maxHeader = 10_000

// maxRank is the most dimensions that NumPy can hold.
const maxRank = 64

// chunkSize is the size in bytes of the buffer that elements pass through, a multiple of every element size.
const chunkSize = 64 << 10

// maxRatio is how many bytes a deflated one can become: 258 for 2 bits.
const maxRatio = 1032

const (
	magic     = "\x93NUMPY"
	extension = ".npy"
)

// FormatError says what makes a file unreadable, or an array unwritable.
type FormatError struct {
	Name   string // the array, or "" for the file as a whole
	Reason string
	Err    error // the cause, such as an error of the zip archive or of the medium; or nil
}

func (e *FormatError) Error() string {
	s := "npz: "
	if e.Name != "" {
		s += fmt.Sprintf("array %.80q: ", e.Name)
	}
	s += e.Reason
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *FormatError) Unwrap() error { return e.Err }

func errorf(name, format string, args ...any) *FormatError {
	return &FormatError{Name: name, Reason: fmt.Sprintf(format, args...)}
}

// elements returns the product of a shape.
func elements(name string, shape []int) (int, error) {
	if len(shape) > maxRank {
		return 0, errorf(name, "shape has more than %d dimensions", maxRank)
	}
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, errorf(name, "shape %v has a negative dimension", shape)
		}
		if d > 0 && n > math.MaxInt/8/d { // 8 bytes are the largest element
			return 0, errorf(name, "shape %v overflows", shape)
		}
		n *= d
	}
	return n, nil
}
