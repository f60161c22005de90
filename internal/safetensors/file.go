package safetensors

import (
	"fmt"
	"math"
)

// maxHeader is the largest header in bytes, as in the reference implementation.
const maxHeader = 100_000_000

// maxRank is the most dimensions that numpy and PyTorch can hold.
const maxRank = 64

// chunkSize is the size in bytes of the buffer that data passes through, a
// multiple of every element size.
const chunkSize = 64 << 10

const metadataKey = "__metadata__"

// File is the content of a safetensors file. The zero value is an empty file.
type File struct {
	Tensors  []Tensor          // after a read: in the order of their data
	Metadata map[string]string // nil if there is none
}

// Tensor is one named array.
type Tensor struct {
	Name  string
	DType DType
	Shape []int // row-major; empty for a scalar
	Data  any   // a slice of the Go type listed at DType, with the product of Shape elements
}

// Tensor returns the tensor of that name. The pointer is into f.Tensors.
func (f *File) Tensor(name string) (*Tensor, bool) {
	for i := range f.Tensors {
		if f.Tensors[i].Name == name {
			return &f.Tensors[i], true
		}
	}
	return nil, false
}

// FormatError says what makes a file unreadable, or a File unwritable.
type FormatError struct {
	Name   string // the tensor, or "" for the file as a whole
	Reason string
}

func (e *FormatError) Error() string {
	if e.Name == "" {
		return "safetensors: " + e.Reason
	}
	return fmt.Sprintf("safetensors: tensor %.80q: %s", e.Name, e.Reason)
}

func errorf(name, format string, args ...any) error {
	return &FormatError{Name: name, Reason: fmt.Sprintf(format, args...)}
}

// byteSize returns the size in bytes of a tensor's data, after it has checked
// the element type and the shape.
func byteSize(name string, dtype DType, shape []int) (int64, error) {
	if _, ok := sliceTypes[dtype]; !ok {
		return 0, errorf(name, "element type %.20q is unknown", string(dtype))
	}
	if len(shape) > maxRank {
		return 0, errorf(name, "shape has more than %d dimensions", maxRank)
	}
	size := dtype.size()
	for _, d := range shape {
		if d < 0 {
			return 0, errorf(name, "shape %v has a negative dimension", shape)
		}
		if d > 0 && size > math.MaxInt/d {
			return 0, errorf(name, "shape %v overflows", shape)
		}
		size *= d
	}
	return int64(size), nil
}
