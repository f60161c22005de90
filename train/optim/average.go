package optim

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
	"github.com/gobptt/bptt/internal/missing"
)

// averaged is the memory of what keeps an average of the weights of several steps, as the moment "average".
type averaged struct {
	memory
	weight float64 // of the present weights in the average
}

// Swap exchanges the arena's values and their average, for evaluation, or for use of the trained model; a second Swap
// exchanges them back, which must come before the next Step. As long as nothing is averaged, it does nothing.
func (v *averaged) Swap(a *graph.Arena) error {
	average := v.moments["average"]
	switch {
	case a == nil:
		return &graph.ArgumentError{Op: "Swap", Name: "arena", Got: "nil", Want: "an arena"}
	case average == nil || v.numbers["averaged"] == 0:
		return nil
	case average.Len() != a.Values.Len() || average.DType() != a.Values.DType():
		return &graph.ShapeError{Op: "Swap", Got: fmt.Sprintf("%d values of %v", average.Len(), average.DType()),
			Want: fmt.Sprintf("%d of %v, as the parameters have", a.Values.Len(), a.Values.DType())}
	}
	swap(a.Values.F32, average.F32)
	swap(a.Values.F64, average.F64)
	if v.swapped() {
		delete(v.numbers, "swapped")
	} else {
		v.set("swapped", 1)
	}
	return nil
}

func swap[F kernel.Float](x, y []F) {
	for i := range x {
		x[i], y[i] = y[i], x[i]
	}
}

func (v *averaged) swapped() bool { return v.numbers["swapped"] != 0 }

// beginAround prepares a step of an optimizer that averages the weights that another one makes.
func (v *averaged) beginAround(op string, a *graph.Arena, inner Optimizer) error {
	if err := v.unswapped(op); err != nil {
		return err
	}
	if err := wanted(op, inner); err != nil {
		return err
	}
	return v.begin(op, a, nil, "average")
}

func (v *averaged) unswapped(op string) error {
	if v.swapped() {
		return &graph.ArgumentError{Op: op, Name: "values", Got: "swapped for their average", Want: "swapped back before a step"}
	}
	return nil
}

// wanted returns an error if there is no inner optimizer.
func wanted(op string, inner Optimizer) error {
	if missing.Value(inner) {
		return &graph.ArgumentError{Op: op, Name: "Optimizer", Got: "nil", Want: "an optimizer"}
	}
	return nil
}

// add makes the present values a part of the average: average ← average + weight·(values - average).
func (v *averaged) add(weight float64) {
	v.set("averaged", v.numbers["averaged"]+1)
	v.weight = weight
	v.sweep(v, v.rate, 0)
}

func (v *averaged) update(r part) {
	if v.double() {
		mix[float64](v, r)
	} else {
		mix[float32](v, r)
	}
}

func mix[F kernel.Float](v *averaged, r part) {
	p, _, average, _, _ := elements[F](&v.memory, r)
	if v.weight == 1 {
		copy(average, p)
		return
	}
	weight := F(v.weight)
	for i, x := range p {
		average[i] += weight * (x - average[i])
	}
}
