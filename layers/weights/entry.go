package weights

import (
	"fmt"
	"math"
	"slices"

	"github.com/gobptt/bptt/graph"
)

// entry is a tensor of a file, made of parts of parameters.
type entry struct {
	name  string
	shape []int
	parts []part // at least one
}

// part is a matrix of numbers in a parameter that is also one in a tensor of the file.
type part struct {
	param         graph.NamedParam
	rows, columns int
	here, there   grid // in the parameter, in the tensor
	// added: the tensor holds the sum of this part and one before it. The sum is read into the other, 0 into this one.
	added bool
}

// grid says where a matrix lies in a flat array: element (i, j) at start + i·row + j·column.
type grid struct{ start, row, column int }

// whole is a parameter that is a tensor as it is.
func whole(p graph.NamedParam) part {
	all := grid{0, p.Value.Len(), 1}
	return part{param: p, rows: 1, columns: p.Value.Len(), here: all, there: all}
}

// transposed is a parameter [n, m] that is a tensor [m, n].
func transposed(p graph.NamedParam) part {
	n, m := p.Shape()[0], p.Shape()[1]
	return part{param: p, rows: n, columns: m, here: grid{0, m, 1}, there: grid{0, 1, n}}
}

// isWhole reports whether the tensor is a parameter as it is.
func (e entry) isWhole() bool {
	p := e.parts[0]
	return len(e.parts) == 1 && p.here == p.there && p.rows*p.columns == p.param.Value.Len()
}

func (e entry) holds(param string) bool {
	return slices.ContainsFunc(e.parts, func(p part) bool { return p.param.Name == param })
}

// encode returns the tensor for the parameters' values.
func (e entry) encode() *graph.Tensor {
	if e.isWhole() {
		return e.parts[0].param.Value
	}
	d := graph.Float32
	for _, p := range e.parts {
		d = max(d, p.param.DType())
	}
	t := graph.NewTensor(d, e.shape...)
	for _, p := range e.parts {
		copyMatrix(p, t, p.there, p.param.Value, p.here)
	}
	return t
}

// read reads the tensor from a file.
func (e entry) read(s stored) (*graph.Tensor, error) {
	fail := func(got, want string, err error) (*graph.Tensor, error) {
		return nil, &FileError{Tensor: e.name, Param: e.parts[0].param.Name, Got: got, Want: want, Err: err}
	}
	shape, err := s.shape()
	if err != nil {
		return fail("", "", err)
	}
	if !slices.Equal(shape, e.shape) {
		return fail(fmt.Sprint("of shape ", shape), fmt.Sprint(e.shape), nil)
	}
	t, err := s.read()
	if err != nil {
		return fail("", "", err)
	}
	n := 1
	for _, d := range e.shape {
		n *= d
	}
	if t.Len() != n {
		return fail(fmt.Sprintf("of %d elements", t.Len()), fmt.Sprint(n), nil) // the file was changed meanwhile
	}
	t.Shape = e.shape
	for i, v := range t.F64 {
		if e.parts[0].param.DType() == graph.Float32 && math.IsInf(float64(float32(v)), 0) && !math.IsInf(v, 0) {
			return fail(fmt.Sprintf("%g at %d", v, i), "numbers within float32", nil)
		}
	}
	return t, nil
}

// decode puts the tensor's numbers into values of the parameters.
func (e entry) decode(t *graph.Tensor, values map[string]*graph.Tensor) {
	for _, p := range e.parts {
		name := p.param.Name
		if e.isWhole() && t.DType() == p.param.DType() {
			values[name] = t
			return
		}
		if values[name] == nil {
			values[name] = graph.NewTensor(p.param.DType(), p.param.Shape()...)
		}
		if !p.added {
			copyMatrix(p, values[name], p.here, t, p.there)
		}
	}
}

// copyMatrix copies a part from one array to another, or adds it if it is written as a term of a sum.
func copyMatrix(p part, dst *graph.Tensor, to grid, src *graph.Tensor, from grid) {
	for i := range p.rows {
		for j := range p.columns {
			d := to.start + i*to.row + j*to.column
			v := src.At(from.start + i*from.row + j*from.column)
			if p.added {
				v += dst.At(d)
			}
			dst.SetAt(d, v)
		}
	}
}
