package graph

import "fmt"

// Arena holds the parameters of a model in two flat tensors, one of values and one of gradients, in the order given, so
// that clipping, optimizers and checkpoints are single passes over memory.
type Arena struct {
	Params []NamedParam
	Values *Tensor // [n]
	Grads  *Tensor // [n]
	Ranges []Range // of each parameter in Values and Grads
}

// Range is the part [From, To) of a flat tensor.
type Range struct{ From, To int }

// NewArena moves the parameters' values and gradients into an arena; the parameters keep their contents and from now
// on are views of it. It fails if there are none, a name comes twice, or precisions differ. A parameter that comes
// under two names (shared weights) is held once, under the first.
func NewArena(params []NamedParam) (*Arena, error) {
	if len(params) == 0 {
		return nil, &ArgumentError{Op: "NewArena", Name: "params", Got: "empty", Want: "at least one parameter"}
	}
	a := &Arena{}
	names := map[string]bool{}
	held := map[*Param]bool{}
	n := 0
	for _, p := range params {
		switch {
		case p.err != nil:
			return nil, fmt.Errorf("parameter %s: %w", p.Name, p.err)
		case names[p.Name]:
			return nil, &ArgumentError{Op: "NewArena", Name: "params", Got: fmt.Sprintf("two named %q", p.Name), Want: "different names"}
		case p.DType() != params[0].DType():
			return nil, &ArgumentError{Op: "NewArena", Name: "precision of " + p.Name, Got: p.DType().String(), Want: params[0].DType().String()}
		}
		names[p.Name] = true
		if held[p.Param] {
			continue
		}
		held[p.Param] = true
		a.Params = append(a.Params, p)
		a.Ranges = append(a.Ranges, Range{n, n + p.Value.Len()})
		n += p.Value.Len()
	}
	d := params[0].DType()
	a.Values, a.Grads = NewTensor(d, n), NewTensor(d, n)
	for i, p := range a.Params {
		p.Value = a.Values.move(a.Ranges[i], p.Value)
		p.Grad = a.Grads.move(a.Ranges[i], p.Grad)
		p.version++
	}
	return a, nil
}

// move copies a tensor into a range of the flat tensor t and returns the view of it.
func (t *Tensor) move(r Range, from *Tensor) *Tensor {
	v := &Tensor{Shape: from.Shape}
	if t.F64 != nil {
		v.F64 = t.F64[r.From:r.To:r.To]
	} else {
		v.F32 = t.F32[r.From:r.To:r.To]
	}
	if err := v.Copy(from); err != nil {
		panic("graph: " + err.Error())
	}
	return v
}
