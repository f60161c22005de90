package graph

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"
)

// DType is the precision of a tensor's elements.
type DType uint8

const (
	Float32 DType = iota // the default
	Float64              // for gradient checks and research
)

func (d DType) String() string {
	if d == Float64 {
		return "float64"
	}
	return "float32"
}

func (d DType) gorgonia() tensor.Dtype {
	if d == Float64 {
		return tensor.Float64
	}
	return tensor.Float32
}

func (d DType) make(n int) any {
	if d == Float64 {
		return make([]float64, n)
	}
	return make([]float32, n)
}

// Tensor is a dense row-major array. One of F32 and F64 is set, the other is nil.
type Tensor struct {
	Shape []int
	F32   []float32
	F64   []float64
}

// NewTensor returns a tensor of zeros. Like make, it panics if a size is negative.
func NewTensor(d DType, shape ...int) *Tensor {
	t := &Tensor{Shape: shape}
	t.setRaw(d.make(size(shape)))
	return t
}

// DType returns the precision of the elements.
func (t *Tensor) DType() DType {
	if t.F64 != nil {
		return Float64
	}
	return Float32
}

// Len returns the number of elements.
func (t *Tensor) Len() int { return max(len(t.F32), len(t.F64)) }

// At returns element i of the flat array.
func (t *Tensor) At(i int) float64 {
	if t.F64 != nil {
		return t.F64[i]
	}
	return float64(t.F32[i])
}

// SetAt sets element i of the flat array, rounding to the tensor's precision.
func (t *Tensor) SetAt(i int, v float64) {
	if t.F64 != nil {
		t.F64[i] = v
		return
	}
	t.F32[i] = float32(v)
}

// Floats returns a copy of the elements in float64.
func (t *Tensor) Floats() []float64 {
	v := make([]float64, t.Len())
	for i := range v {
		v[i] = t.At(i)
	}
	return v
}

// SetFloats sets all elements, rounding to the tensor's precision. The lengths must agree.
func (t *Tensor) SetFloats(v []float64) error {
	if len(v) != t.Len() {
		return &ShapeError{Op: "SetFloats", Got: fmt.Sprintf("%d values", len(v)), Want: fmt.Sprintf("%d for shape %v", t.Len(), t.Shape)}
	}
	for i, x := range v {
		t.SetAt(i, x)
	}
	return nil
}

// Copy sets all elements from another tensor of the same length, converting precision if need be.
func (t *Tensor) Copy(from *Tensor) error {
	switch {
	case from.Len() != t.Len():
		return &ShapeError{Op: "Copy", Got: fmt.Sprint(from.Shape), Want: fmt.Sprint(t.Shape)}
	case t.DType() != from.DType():
		return t.SetFloats(from.Floats())
	}
	copy(t.F32, from.F32)
	copy(t.F64, from.F64)
	return nil
}

// Zero sets all elements to 0.
func (t *Tensor) Zero() {
	clear(t.F32)
	clear(t.F64)
}

func (t *Tensor) raw() any {
	if t.F64 != nil {
		return t.F64
	}
	return t.F32
}

func (t *Tensor) setRaw(buf any) {
	t.F32, _ = buf.([]float32)
	t.F64, _ = buf.([]float64)
}

// maxElements bounds one tensor: a larger one is taken for a mistake in a size, not a wish for 8 GiB.
const maxElements = 1<<31 - 1

// checkShape reports what is wrong with a shape, or "".
func checkShape(shape []int) string {
	n := 1
	for _, d := range shape {
		if d < 1 {
			return "every dimension at least 1"
		}
		if d > maxElements/n {
			return fmt.Sprintf("at most %d elements", maxElements)
		}
		n *= d
	}
	return ""
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// strides returns the row-major strides of a shape.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
