package optim

import (
	"fmt"
	"math"
	"slices"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// LBFGS minimizes a cost with the limited-memory method of Broyden, Fletcher, Goldfarb and Shanno (Nocedal 1980; two-loop
// recursion and strong Wolfe line search as in Nocedal and Wright 2006, algorithms 7.4, 3.5 and 3.6). The formulas and
// limits are those of PyTorch with line_search_fn="strong_wolfe".
//
// It evaluates the cost as often as it needs to, so it is not an [Optimizer]; a train.Trainer uses it by its Minimize. The
// cost must be the same function every time: that of all data, or of one large batch, with dropout only of a fixed seed.
type LBFGS struct {
	Iterations  int // at most so many in a call of Minimize; 0 means 20
	Evaluations int // no second iteration begins after so many; 0 means 5/4 of the iterations
	History     int // pairs of vectors, as long as all parameters, that describe the curvature; 0 means 100

	// Minimize ends when no element of the gradient is larger than GradTolerance, 0 means 1e-7, or when the cost or all
	// parameters change by no more than ChangeTolerance, 0 means 1e-9.
	GradTolerance, ChangeTolerance float64

	// Iterated is told of every iteration that was made, while the arena holds what it has found; nil: nobody is. An error
	// ends the search.
	Iterated func(Minimum) error

	steps int64   // iterations in all
	pairs []pair  // oldest first
	gamma float64 // what the inverse Hessian is without the pairs

	// Memory of a call of Minimize.
	values, grads, direction *graph.Tensor // at the start of an iteration
	trials                   [3]*graph.Tensor
	alpha                    []float64
}

// pair is a step and the change of the gradient over it.
type pair struct {
	s, y *graph.Tensor
	rho  float64 // 1/(y·s)
}

// Minimum is where a call of LBFGS.Minimize ended.
type Minimum struct {
	Cost        float64
	Gradient    float64 // its largest element
	Iterations  int
	Evaluations int
	Converged   bool // by a tolerance; else a limit was reached, or no lower cost found
}

// Minimize lowers a cost. The function computes the cost at the arena's present values, and its gradient into the arena;
// an error of it ends the search, and is returned. A step to where the cost or the gradient is not finite is shortened. Further calls go on
// with what is known of the curvature.
//
// In the end the arena holds the best values found, and unless there was an error their gradient.
func (o *LBFGS) Minimize(a *graph.Arena, cost func() (float64, error)) (Minimum, error) {
	if err := o.prepare(a, cost); err != nil {
		return Minimum{}, err
	}
	iterations := o.Iterations
	if iterations == 0 {
		iterations = 20
	}
	evaluations := o.Evaluations
	if evaluations == 0 {
		evaluations = iterations + iterations/4
	}
	gradTolerance, changeTolerance := orDefault(o.GradTolerance, 1e-7), orDefault(o.ChangeTolerance, 1e-9)

	f, err := cost()
	if err != nil {
		return Minimum{}, err
	}
	m := Minimum{Cost: f, Gradient: norm(inf, a.Grads), Evaluations: 1}
	if !finite(f) || !finite(m.Gradient) {
		return m, &graph.ArgumentError{Op: "LBFGS", Name: "cost", Got: fmt.Sprintf("%v, with a gradient up to %v", f, m.Gradient),
			Want: "finite at the start"}
	}
	search := &wolfe{spare: o.trials, tolerance: changeTolerance}
	search.evaluate = func(t float64, gradient *graph.Tensor) (f, slope float64, err error) {
		m.Evaluations++
		o.move(a, t)
		f, err = cost()
		assign(gradient, a.Grads)
		return f, dot(gradient, o.direction), err
	}
	for m.Gradient > gradTolerance {
		if m.Iterations >= iterations || m.Iterations > 0 && m.Evaluations >= evaluations {
			return m, nil
		}
		o.direct(a.Grads)
		slope, size := dot(a.Grads, o.direction), norm(inf, o.direction)
		if !finite(slope) { // an overflow
			return m, nil
		}
		if slope > -changeTolerance {
			break
		}
		first := 1.0
		if o.steps == 0 {
			first = min(1, 1/norm(1, a.Grads))
		}
		assign(o.values, a.Values)
		assign(o.grads, a.Grads)
		best, err := search.run(trial{0, m.Cost, slope, o.grads}, first, size)
		o.move(a, best.t)
		if err != nil {
			return m, err
		}
		assign(a.Grads, best.gradient)
		if best.t == 0 {
			return m, nil
		}
		change := math.Abs(best.f - m.Cost)
		m.Cost, m.Gradient, m.Iterations = best.f, norm(inf, a.Grads), m.Iterations+1
		o.steps++
		o.remember(best.t, a.Grads)
		if o.Iterated != nil {
			if err := o.Iterated(m); err != nil {
				return m, err
			}
		}
		if best.t*size <= changeTolerance || change < changeTolerance {
			break
		}
	}
	m.Converged = true
	return m, nil
}

// prepare checks the options and the state, and makes the memory that is needed.
func (o *LBFGS) prepare(a *graph.Arena, cost func() (float64, error)) error {
	for _, n := range []struct {
		name  string
		value int
	}{{"Iterations", o.Iterations}, {"Evaluations", o.Evaluations}, {"History", o.History}} {
		if n.value < 0 {
			return &graph.ArgumentError{Op: "LBFGS", Name: n.name, Got: fmt.Sprint(n.value), Want: "0 or more"}
		}
	}
	err := check("LBFGS",
		option{"GradTolerance", o.GradTolerance, 0, inf},
		option{"ChangeTolerance", o.ChangeTolerance, 0, inf},
	)
	if err != nil {
		return err
	}
	switch {
	case a == nil:
		return &graph.ArgumentError{Op: "LBFGS", Name: "arena", Got: "nil", Want: "an arena"}
	case cost == nil:
		return &graph.ArgumentError{Op: "LBFGS", Name: "cost", Got: "nil", Want: "a function"}
	}
	if err := a.Check(); err != nil {
		return err
	}
	n, d := a.Values.Len(), a.Values.DType()
	for _, p := range o.pairs {
		for _, t := range []*graph.Tensor{p.s, p.y} {
			if t.Len() != n || t.DType() != d {
				return &graph.ShapeError{Op: "LBFGS state", Got: fmt.Sprintf("%d values of %v", t.Len(), t.DType()),
					Want: fmt.Sprintf("%d of %v, as the parameters have", n, d)}
			}
		}
	}
	if o.values == nil || o.values.Len() != n || o.values.DType() != d {
		for _, t := range []**graph.Tensor{&o.values, &o.grads, &o.direction, &o.trials[0], &o.trials[1], &o.trials[2]} {
			*t = graph.NewTensor(d, n)
		}
	}
	return nil
}

// move sets the parameters to those at the start of the iteration, and t times the direction away.
func (o *LBFGS) move(a *graph.Arena, t float64) {
	assign(a.Values, o.values)
	axpy(t, o.direction, a.Values)
}

// direct sets the direction to minus the inverse Hessian times the gradient.
func (o *LBFGS) direct(gradient *graph.Tensor) {
	d := o.direction
	d.Zero()
	axpy(-1, gradient, d)
	if len(o.pairs) == 0 {
		return
	}
	o.alpha = o.alpha[:0]
	for i := len(o.pairs) - 1; i >= 0; i-- {
		p := o.pairs[i]
		alpha := p.rho * dot(p.s, d)
		axpy(-alpha, p.y, d)
		o.alpha = append(o.alpha, alpha)
	}
	times(o.gamma, d)
	for i, p := range o.pairs {
		axpy(o.alpha[len(o.pairs)-1-i]-p.rho*dot(p.y, d), p.s, d)
	}
}

// remember adds the step of length t that was made, to where the gradient is as given, to the history.
func (o *LBFGS) remember(t float64, gradient *graph.Tensor) {
	s, y := o.direction, o.grads
	times(t, s)
	times(-1, y)
	axpy(1, gradient, y)
	ys := dot(y, s)
	if ys <= 1e-10 {
		return
	}
	history := o.History
	if history == 0 {
		history = 100
	}
	o.pairs = append(o.pairs, pair{s, y, 1 / ys})
	o.gamma = ys / dot(y, y)
	if len(o.pairs) <= history {
		o.direction, o.grads = graph.NewTensor(s.DType(), s.Len()), graph.NewTensor(s.DType(), s.Len())
		return
	}
	o.direction, o.grads = o.pairs[0].s, o.pairs[0].y
	o.pairs = slices.Delete(o.pairs, 0, len(o.pairs)-history)
}

// State returns what is known of the curvature. The tensors are the optimizer's own.
func (o *LBFGS) State() State {
	s := State{Steps: o.steps}
	for i, p := range o.pairs {
		if i == 0 {
			s.Moments, s.Numbers = map[string]*graph.Tensor{}, map[string]float64{"gamma": o.gamma}
		}
		s.Moments[fmt.Sprint("s", i)], s.Moments[fmt.Sprint("y", i)] = p.s, p.y
		s.Numbers[fmt.Sprint("rho", i)] = p.rho
	}
	return s
}

// Restore takes over a state that State returned, for the same parameters.
func (o *LBFGS) Restore(s State) {
	o.steps, o.pairs, o.gamma = s.Steps, nil, s.Numbers["gamma"]
	for i := 0; ; i++ {
		p := pair{s.Moments[fmt.Sprint("s", i)], s.Moments[fmt.Sprint("y", i)], s.Numbers[fmt.Sprint("rho", i)]}
		if p.s == nil || p.y == nil {
			return
		}
		o.pairs = append(o.pairs, p)
	}
}

func assign(dst, src *graph.Tensor) {
	copy(dst.F32, src.F32)
	copy(dst.F64, src.F64)
}

func dot(x, y *graph.Tensor) float64 {
	if x.F64 != nil {
		return kernel.Dot(x.F64, y.F64)
	}
	return kernel.Dot(x.F32, y.F32)
}

// axpy adds alpha·x to y.
func axpy(alpha float64, x, y *graph.Tensor) {
	if x.F64 != nil {
		kernel.Axpy(alpha, x.F64, y.F64)
	} else {
		kernel.Axpy(float32(alpha), x.F32, y.F32)
	}
}

func times(alpha float64, x *graph.Tensor) {
	if x.F64 != nil {
		kernel.Scale(alpha, x.F64)
	} else {
		kernel.Scale(float32(alpha), x.F32)
	}
}

// norm is that of order 1, the sum of |x|, or infinity, the largest |x|.
func norm(order float64, x *graph.Tensor) float64 {
	if x.F64 != nil {
		return powers(order, x.F64)
	}
	return powers(order, x.F32)
}
