package graph

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Param is a trainable tensor: its value, and the gradient of the last run.
//
// Programs read Value and overwrite Grad. Whoever trains may change both between runs, in place. [NewArena] moves them
// into memory that all parameters of a model share.
type Param struct {
	Value *Tensor
	Grad  *Tensor

	// Frozen parameters are not trained: programs have no gradient for them and leave Grad alone, and NewArena leaves them
	// out, so optimizers and clipping don't see them. They are the model's all the same, and are saved with it. Set it
	// before NewArena and before programs are compiled.
	Frozen bool

	version int   // counts the moves of Value and Grad to other memory
	err     error // of its shape or initializer, reported by the first Builder or Arena that meets it
}

// NewParam returns a float32 parameter with initialized values. A shape that can't be (a size below 1, or far too many
// elements), and the initializer's error, are reported when the parameter is first used, so that layers can be written
// without error returns.
func NewParam(init Initializer, rng *rand.Rand, shape ...int) *Param {
	if want := checkShape(shape); want != "" {
		return badParam(shape, &ShapeError{Op: "NewParam", Got: fmt.Sprint("shape ", shape), Want: want})
	}
	values := make([]float64, size(shape))
	if err := init(values, shape, rng); err != nil {
		return badParam(shape, err)
	}
	p := &Param{Value: NewTensor(Float32, shape...), Grad: NewTensor(Float32, shape...)}
	for i, v := range values {
		p.Value.F32[i] = float32(v)
	}
	return p
}

func badParam(shape []int, err error) *Param {
	return &Param{Value: &Tensor{Shape: shape}, Grad: &Tensor{Shape: shape}, err: err}
}

// Shape returns the parameter's shape. The caller must not change it.
func (p *Param) Shape() []int { return p.Value.Shape }

// DType returns the parameter's precision.
func (p *Param) DType() DType { return p.Value.DType() }

// Err reports what is wrong with the shape that NewParam was given, or what the initializer said.
func (p *Param) Err() error { return p.err }

// SetDType converts the value to another precision and clears the gradient.
func (p *Param) SetDType(d DType) {
	if p.err != nil || d == p.DType() {
		return
	}
	value := NewTensor(d, p.Shape()...)
	if err := value.Copy(p.Value); err != nil {
		panic("graph: " + err.Error())
	}
	p.Value, p.Grad = value, NewTensor(d, p.Shape()...)
	p.version++
}

// ParamOf returns a float32 parameter with a tensor's values, which are copied. A tensor that can't be one is reported
// when the parameter is first used.
func ParamOf(t *Tensor) *Param {
	if t == nil {
		return &Param{Value: &Tensor{}, Grad: &Tensor{}, err: &ArgumentError{Op: "ParamOf", Name: "tensor", Got: "nil", Want: "a tensor"}}
	}
	p := NewParam(Zeros, nil, slices.Clone(t.Shape)...)
	switch {
	case p.err != nil:
	case t.Len() != p.Value.Len():
		p.err = &ShapeError{Op: "ParamOf", Got: fmt.Sprintf("shape %v with %d values", t.Shape, t.Len()), Want: "as many values as the shape has"}
	default:
		p.err = p.Value.Copy(t)
	}
	return p
}

// NamedParam is a parameter under the name that its model gives it, in PyTorch's manner: "0.weight", "rnn.bias_hh_l0".
type NamedParam struct {
	Name string
	*Param
}

// Prefixed returns the parameters with a prefix and a dot before each name.
func Prefixed(prefix string, params []NamedParam) []NamedParam {
	out := make([]NamedParam, len(params))
	for i, p := range params {
		out[i] = NamedParam{prefix + "." + p.Name, p.Param}
	}
	return out
}

// SetDType converts all parameters to another precision.
func SetDType(params []NamedParam, d DType) {
	for _, p := range params {
		p.SetDType(d)
	}
}
