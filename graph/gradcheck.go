package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// CheckGradients compares an expression's gradients, which the backward pass gives, with central differences of its
// values in float64, for all inputs and parameters together, each input alone, and the expression used twice; then that
// float32 gives the same gradients to its precision. The expression may have any shape, and may use the window's T and
// B. Of large tensors a sample of the elements is checked. The parameters are left in float32. It is meant for tests of
// ops, cells and layers.
func CheckGradients(w Window, params []NamedParam, expression func(b *Builder, in []*Node) *Node, inputs ...*Tensor) error {
	c := gradientCheck{window: w, params: params, expression: expression, inputs: inputs}
	SetDType(params, Float64)
	defer SetDType(params, Float32)
	exact, err := c.differences()
	if err != nil {
		return err
	}
	all := make([]int, len(inputs))
	for i := range all {
		all[i] = i
	}
	if err := c.compare("all together", Float64, 1, all, exact, 2e-6); err != nil {
		return err
	}
	for i := range inputs {
		if err := c.compare("alone", Float64, 1, []int{i}, exact, 2e-6); err != nil {
			return err
		}
	}
	if err := c.compare("used twice", Float64, 2, all, exact, 2e-6); err != nil {
		return err
	}
	SetDType(params, Float32)
	return c.compare("float32", Float32, 1, all, exact, 2e-3)
}

type gradientCheck struct {
	window     Window
	params     []NamedParam
	expression func(b *Builder, in []*Node) *Node
	inputs     []*Tensor
}

// differences are the central differences of the cost by element, first those of the inputs, then those of the
// parameters; unchecked elements are missing.
func (c *gradientCheck) differences() ([]map[int]float64, error) {
	p, err := c.program(Float64, 1, nil)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(7, 11))
	var out []map[int]float64
	for i := range c.inputs {
		d, err := differences(p, p.tensor(p.b.inputs[inputName(i)]), rng)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	for _, q := range c.params {
		d, err := differences(p, q.Value, rng)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// differences moves elements of t, which the program reads, up and down.
func differences(p *Program, t *Tensor, rng *rand.Rand) (map[int]float64, error) {
	const step = 1e-5
	d := map[int]float64{}
	for _, k := range rng.Perm(t.Len())[:min(t.Len(), 48)] {
		kept := t.At(k)
		t.SetAt(k, kept+step)
		if err := p.Run(1); err != nil {
			return nil, err
		}
		high := p.Cost()
		t.SetAt(k, kept-step)
		if err := p.Run(1); err != nil {
			return nil, err
		}
		t.SetAt(k, kept)
		d[k] = (high - p.Cost()) / (2 * step)
	}
	return d, nil
}

// compare holds the gradients of a program that uses the expression a number of times against the differences.
func (c *gradientCheck) compare(what string, d DType, times int, which []int, exact []map[int]float64, tolerance float64) error {
	p, err := c.program(d, times, which)
	if err == nil {
		err = p.Run(1)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	check := func(name string, got *Tensor, exact map[int]float64) error {
		largest := 1e-3
		for _, want := range exact {
			largest = math.Max(largest, math.Abs(want))
		}
		for k, want := range exact {
			g := 0.0
			if got != nil {
				g = got.At(k) / float64(times)
			}
			if !(math.Abs(g-want) <= tolerance*largest) {
				return fmt.Errorf("%s: gradient of %s, element %d: got %.9g, differences give %.9g", what, name, k, g, want)
			}
		}
		return nil
	}
	for _, i := range which {
		if err := check(fmt.Sprintf("input %d", i), p.InputGradient(inputName(i)), exact[i]); err != nil {
			return err
		}
	}
	for i, q := range c.params {
		if err := check(q.Name, q.Grad, exact[len(c.inputs)+i]); err != nil {
			return err
		}
	}
	return nil
}

// program compiles cost = Σ weights ⊙ expression, the weights being fixed random numbers.
func (c *gradientCheck) program(d DType, times int, which []int) (*Program, error) {
	b := NewBuilder(c.window, Options{DType: d})
	in := make([]*Node, len(c.inputs))
	for i, t := range c.inputs {
		in[i] = b.Floats(inputName(i), t.Shape...)
	}
	var cost *Node
	for i := range times {
		b.Enter(fmt.Sprintf("use%d", i))
		y := c.expression(b, in)
		b.Leave()
		if err := b.Err(); err != nil {
			return nil, err
		}
		weights := NewTensor(Float64, y.shape...)
		rng := rand.New(rand.NewPCG(3, 5))
		for i := range weights.F64 {
			weights.F64[i] = 2*rng.Float64() - 1
		}
		part := b.Sum(b.Mul(y, b.Const(weights)))
		if cost == nil {
			cost = part
		} else {
			cost = b.Add(cost, part)
		}
	}
	var p *Program
	var err error
	if which == nil {
		p, err = b.Forward(cost)
	} else {
		var want Gradients
		for _, i := range which {
			want.Inputs = append(want.Inputs, inputName(i))
		}
		p, err = b.Compile(cost, want)
	}
	if err != nil {
		return nil, err
	}
	for i, t := range c.inputs {
		if err := p.SetFloat64s(inputName(i), t.Floats()); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func inputName(i int) string { return fmt.Sprintf("in%d", i) }
