package optim_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/optim"
)

// rosenbrock is Rosenbrock's function of two numbers, and counts its calls.
func rosenbrock(a *graph.Arena, calls *int) func() (float64, error) {
	return func() (float64, error) {
		*calls++
		x, y := a.Values.At(0), a.Values.At(1)
		a.Grads.SetAt(0, -2*(1-x)-400*x*(y-x*x))
		a.Grads.SetAt(1, 200*(y-x*x))
		return (1-x)*(1-x) + 100*(y-x*x)*(y-x*x), nil
	}
}

// Calls of four iterations with three pairs of history: the places, costs and numbers of evaluations that PyTorch has.
func TestLBFGSIsPyTorchs(t *testing.T) {
	a, calls := arena(t, graph.Float64, vector(-1.2, 1)), 0
	o := &optim.LBFGS{Iterations: 4, Evaluations: 1000, History: 3}
	for i, want := range []struct {
		x, y, cost float64
		calls      int
	}{
		{-1.02761776638, 1.05841207827, 4.11181645176, 6},
		{-0.848679237961, 0.671305628719, 3.65723320496, 11},
		{-0.357461407885, 0.096735223334, 1.93907095827, 18},
		{0.0188272100618, -0.0107798963811, 0.975097441466, 23},
		{0.383506978494, 0.118849985958, 0.459743479436, 29},
		{0.692588411233, 0.462727960509, 0.123234666837, 34},
		{0.916143998364, 0.829456392936, 0.0167605596774, 39},
		{0.978658301655, 0.957583775041, 0.000459013640065, 44},
		{0.999998008155, 0.999997210012, 1.4645897067e-10, 49},
		{0.999998008155, 0.999997210012, 1.4645897067e-10, 50},
	} {
		m, err := o.Minimize(a, rosenbrock(a, &calls))
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprint("call ", i+1), a.Values, 1e-6, want.x, want.y)
		if math.Abs(m.Cost-want.cost) > 1e-7 || calls != want.calls {
			t.Errorf("call %d: cost %.12g after %d evaluations, want %.12g after %d", i+1, m.Cost, calls, want.cost, want.calls)
		}
		if limit := i < 9; m.Converged == limit || limit && m.Iterations != 4 {
			t.Errorf("call %d ended with %+v", i+1, m)
		}
	}
}

// Places, costs and numbers of evaluations that PyTorch has after twelve iterations on a function with many minima, where a
// line has to be searched for long.
func TestLBFGSLineSearch(t *testing.T) {
	for _, c := range []struct {
		x0, y0, x, y, cost float64
		calls              int
	}{
		{4, 1, 3.0727337876, -0.1373625909, -0.0337624450, 11},
		{-3, 2, -3.1222356074, -0.0064043057, 0.4377385648, 15},
		{0.3, -2, -1.0197120907, -0.8944557364, -0.8699266506, 10},
		{7, 7, 7.1644068714, 0.9816880586, 4.2543398124, 10},
		{-6.5, 0, -6.8944718757, -1.4179892025, 10.4158875123, 14},
		{2.2, -5, 3.0727324282, -0.1373665054, -0.0337624450, 13},
		{9, -9, 9.2045598011, -0.4263278860, 7.6828026366, 19},
	} {
		a := arena(t, graph.Float64, vector(c.x0, c.y0))
		m, err := (&optim.LBFGS{Iterations: 12, Evaluations: 1000}).Minimize(a, func() (float64, error) {
			x, y := a.Values.F64[0], a.Values.F64[1]
			d, e := y-math.Sin(2*x), math.Exp(y-x)/50
			a.Grads.F64[0] = -3*math.Sin(3*x) + 0.2*x - 20*d*math.Cos(2*x) - e
			a.Grads.F64[1] = 10*d + e
			return math.Cos(3*x) + 0.1*x*x + 5*d*d + e, nil
		})
		if err != nil || math.Abs(m.Cost-c.cost) > 1e-9 || m.Evaluations != c.calls {
			t.Errorf("from %v, %v: %+v (%v), want a cost of %v after %d evaluations", c.x0, c.y0, m, err, c.cost, c.calls)
		}
		near(t, fmt.Sprint("from ", c.x0, ", ", c.y0), a.Values, 1e-8, c.x, c.y)
	}
}

// valley is Σ cᵢ·(xᵢ - i)², with curvatures from 1 to 100.
func valley(a *graph.Arena) func() (float64, error) {
	return func() (float64, error) {
		cost, n := 0.0, a.Values.Len()
		for i := range n {
			c, d := 1+99*float64(i)/float64(n), a.Values.At(i)-float64(i)
			cost += c * d * d
			a.Grads.SetAt(i, 2*c*d)
		}
		return cost, nil
	}
}

func TestLBFGSConverges(t *testing.T) {
	for d, tolerance := range map[graph.DType]float64{graph.Float64: 1e-6, graph.Float32: 1e-4} {
		a, want := arena(t, d, random(50, 1)), make([]float64, 50)
		for i := range want {
			want[i] = float64(i)
		}
		m, err := (&optim.LBFGS{Iterations: 500}).Minimize(a, valley(a))
		if err != nil || !m.Converged {
			t.Errorf("%v: %+v, %v", d, m, err)
		}
		near(t, d.String(), a.Values, tolerance, want...)
		cost, _ := valley(a)()
		if math.Abs(cost-m.Cost) > 1e-6 || m.Gradient > 1 {
			t.Errorf("%v: reports %+v of a cost of %v", d, m, cost)
		}
	}
}

// The arena's gradient belongs to the values found.
func TestLBFGSLeavesTheGradient(t *testing.T) {
	a, calls := arena(t, graph.Float64, vector(-1.2, 1)), 0
	cost := rosenbrock(a, &calls)
	for range 10 {
		m, err := (&optim.LBFGS{Iterations: 3}).Minimize(a, cost)
		if err != nil {
			t.Fatal(err)
		}
		got := slices.Clone(a.Grads.F64)
		f, _ := cost()
		if !slices.Equal(got, a.Grads.F64) || f != m.Cost || m.Gradient != math.Max(math.Abs(got[0]), math.Abs(got[1])) {
			t.Errorf("gradient %v and %+v; at the values it is %v, and the cost %v", got, m, a.Grads.F64, f)
		}
	}
}

// Iterated sees every iteration with the arena as it is then, and may end the search.
func TestLBFGSIterated(t *testing.T) {
	a, calls := arena(t, graph.Float64, vector(-1.2, 1)), 0
	cost, enough := rosenbrock(a, &calls), errors.New("enough")
	var told []optim.Minimum
	o := &optim.LBFGS{Iterated: func(m optim.Minimum) error {
		if told = append(told, m); m.Iterations == 7 {
			return enough
		}
		return nil
	}}
	m, err := o.Minimize(a, cost)
	if err != enough || len(told) != 7 || told[6] != m {
		t.Fatalf("%v, %+v after %+v", err, m, told)
	}
	for i, m := range told {
		if m.Iterations != i+1 || i > 0 && m.Cost >= told[i-1].Cost {
			t.Errorf("iteration %d: %+v", i+1, m)
		}
	}
	if f, _ := cost(); f != m.Cost {
		t.Errorf("the arena holds a cost of %v, want %v", f, m.Cost)
	}
}

// Calls of one iteration, each with an optimizer restored from the one before, are calls of one.
func TestLBFGSRestore(t *testing.T) {
	a, b, n := arena(t, graph.Float64, vector(-1.2, 1)), arena(t, graph.Float64, vector(-1.2, 1)), 0
	one, other := &optim.LBFGS{Iterations: 1, History: 3}, &optim.LBFGS{}
	for k := range 15 {
		other2 := &optim.LBFGS{Iterations: 1, History: 3}
		other2.Restore(copied(t, other.State()))
		other = other2
		if _, err := one.Minimize(a, rosenbrock(a, &n)); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Minimize(b, rosenbrock(b, &n)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.Values.F64, b.Values.F64) {
			t.Fatalf("iteration %d: %v and %v", k+1, a.Values.F64, b.Values.F64)
		}
	}
	if s := one.State(); s.Steps != 15 || len(s.Moments) != 6 {
		t.Errorf("state of %d steps and %d vectors", s.Steps, len(s.Moments))
	}
	wrong := arena(t, graph.Float64, vector(1))
	if _, err := one.Minimize(wrong, valley(wrong)); err == nil {
		t.Error("another arena: no error")
	} else if _, ok := errors.AsType[*graph.ShapeError](err); !ok {
		t.Errorf("another arena: %v", err)
	}
}

// A cost that is defined only for positive values: steps beyond are shortened.
func TestLBFGSNotFinite(t *testing.T) {
	for _, beyond := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		a := arena(t, graph.Float64, vector(40))
		m, err := (&optim.LBFGS{Iterations: 100}).Minimize(a, func() (float64, error) {
			x := a.Values.F64[0]
			if x <= 0 {
				a.Grads.F64[0] = beyond
				return beyond, nil
			}
			a.Grads.F64[0] = 1 - 1/x
			return x - math.Log(x), nil
		})
		if err != nil || math.Abs(a.Values.F64[0]-1) > 1e-4 || !m.Converged {
			t.Errorf("%v beyond: %v, %+v, %v", beyond, a.Values.F64[0], m, err)
		}
	}
}

// Where the gradient points the wrong way, no lower cost is found, and the values stay.
func TestLBFGSWrongGradient(t *testing.T) {
	a := arena(t, graph.Float64, vector(3, 4))
	cost := valley(a)
	m, err := (&optim.LBFGS{}).Minimize(a, func() (float64, error) {
		f, err := cost()
		for i, g := range a.Grads.F64 {
			a.Grads.F64[i] = -g
		}
		return f, err
	})
	if err != nil || m.Converged || m.Iterations != 0 || a.Values.F64[0] != 3 || a.Values.F64[1] != 4 {
		t.Errorf("%+v, %v, values %v", m, err, a.Values.F64)
	}
}

func TestLBFGSErrors(t *testing.T) {
	a := arena(t, graph.Float64, vector(1, 2))
	for name, o := range map[string]*optim.LBFGS{
		"Iterations": {Iterations: -1}, "Evaluations": {Evaluations: -1}, "History": {History: -1},
		"GradTolerance": {GradTolerance: math.NaN()}, "ChangeTolerance": {ChangeTolerance: -1},
	} {
		_, err := o.Minimize(a, valley(a))
		if e, ok := errors.AsType[*graph.ArgumentError](err); !ok || e.Name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	var o optim.LBFGS
	if _, err := o.Minimize(nil, valley(a)); err == nil {
		t.Error("no arena: no error")
	}
	if _, err := o.Minimize(a, nil); err == nil {
		t.Error("no cost: no error")
	}
	if _, err := o.Minimize(a, func() (float64, error) { return math.NaN(), nil }); err == nil {
		t.Error("a cost of NaN at the start: no error")
	}
	// An error in the midst of a search comes back, and the best values stay.
	failure, calls := errors.New("failure"), 0
	for at := 1; at < 20; at++ {
		a := arena(t, graph.Float64, vector(-1.2, 1))
		calls = 0
		cost := rosenbrock(a, &calls)
		_, err := (&optim.LBFGS{Iterations: 100}).Minimize(a, func() (float64, error) {
			f, _ := cost()
			if calls == at {
				return 0, failure
			}
			return f, nil
		})
		if f, _ := cost(); err != failure || f > 24.2+1e-9 {
			t.Errorf("failure at call %d: %v, cost %v", at, err, f)
		}
	}
}
