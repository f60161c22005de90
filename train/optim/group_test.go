package optim_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/optim"
)

// named is an arena of parameters with names, each of n random values.
func named(t testing.TB, d graph.DType, n int, names ...string) *graph.Arena {
	t.Helper()
	var params []graph.NamedParam
	for i, name := range names {
		p := graph.NewParam(graph.Zeros, nil, n)
		p.SetDType(d)
		if err := p.Value.Copy(random(n, uint64(100+i))); err != nil {
			t.Fatal(err)
		}
		params = append(params, graph.NamedParam{Name: name, Param: p})
	}
	a, err := graph.NewArena(params)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A parameter in a group goes as it does alone with the group's settings, whatever lies next to it in memory.
func TestGroups(t *testing.T) {
	const n = 10_007
	names := []string{"embedding.weight", "rnn.weight", "rnn.bias", "output.weight", "output.bias"}
	groups := func() []optim.Group {
		return []optim.Group{
			{Names: []string{"*.bias"}, NoDecay: true},
			{Names: []string{"embedding.*"}, Frozen: true},
			{Names: []string{"output.w*"}, Rate: 0.25, WeightDecay: 0.5},
		}
	}
	// The optimizer with groups, and that for one parameter alone.
	for name, o := range map[string]struct {
		grouped optim.Optimizer
		alone   func(rate, decay float64) optim.Optimizer
	}{
		"SGD": {&optim.SGD{LearningRate: 0.1, Momentum: 0.9, WeightDecay: 0.01, Groups: groups()},
			func(r, d float64) optim.Optimizer {
				return &optim.SGD{LearningRate: 0.1 * r, Momentum: 0.9, WeightDecay: d}
			}},
		"Adam": {&optim.Adam{LearningRate: 0.1, WeightDecay: 0.01, Groups: groups()},
			func(r, d float64) optim.Optimizer { return &optim.Adam{LearningRate: 0.1 * r, WeightDecay: d} }},
		"AdamW": {&optim.AdamW{LearningRate: 0.1, WeightDecay: 0.01, Groups: groups(), AMSGrad: true},
			func(r, d float64) optim.Optimizer {
				return &optim.AdamW{LearningRate: 0.1 * r, WeightDecay: d, AMSGrad: true}
			}},
		"RMSprop": {&optim.RMSprop{WeightDecay: 0.01, Groups: groups()},
			func(r, d float64) optim.Optimizer { return &optim.RMSprop{LearningRate: 0.01 * r, WeightDecay: d} }},
		"Adagrad": {&optim.Adagrad{WeightDecay: 0.01, Groups: groups()},
			func(r, d float64) optim.Optimizer { return &optim.Adagrad{LearningRate: 0.01 * r, WeightDecay: d} }},
		"Adadelta": {&optim.Adadelta{WeightDecay: 0.01, Groups: groups()},
			func(r, d float64) optim.Optimizer { return &optim.Adadelta{LearningRate: r, WeightDecay: d} }},
		"Adamax": {&optim.Adamax{WeightDecay: 0.01, Groups: groups()},
			func(r, d float64) optim.Optimizer { return &optim.Adamax{LearningRate: 2e-3 * r, WeightDecay: d} }},
		"NAdam": {&optim.NAdam{WeightDecay: 0.01, Groups: groups()},
			func(r, d float64) optim.Optimizer { return &optim.NAdam{LearningRate: 2e-3 * r, WeightDecay: d} }},
		"RAdam": {&optim.RAdam{WeightDecay: 0.01, Groups: groups()},
			func(r, d float64) optim.Optimizer { return &optim.RAdam{LearningRate: 1e-3 * r, WeightDecay: d} }},
		"Lion": {&optim.Lion{WeightDecay: 0.01, Groups: groups()},
			func(r, d float64) optim.Optimizer { return &optim.Lion{LearningRate: 1e-4 * r, WeightDecay: d} }},
		"LAMB": {&optim.LAMB{WeightDecay: 0.01, Groups: groups()},
			func(r, d float64) optim.Optimizer { return &optim.LAMB{LearningRate: 1e-3 * r, WeightDecay: d} }},
	} {
		a := named(t, graph.Float64, n, names...)
		var alone []*graph.Arena
		var optimizers []optim.Optimizer
		for i := range names {
			alone = append(alone, arena(t, graph.Float64, random(n, uint64(100+i))))
			rate, decay := 1.0, 0.01
			switch i {
			case 2, 4:
				decay = 0
			case 3:
				rate, decay = 0.25, 0.5
			}
			optimizers = append(optimizers, o.alone(rate, decay))
		}
		for k := range uint64(3) {
			g := random(n*len(names), k).F64
			step(t, o.grouped, a, g...)
			for i := 1; i < len(names); i++ {
				step(t, optimizers[i], alone[i], g[i*n:(i+1)*n]...)
			}
		}
		for i, p := range a.Params {
			want := alone[i].Values.F64
			for k, v := range p.Value.F64 {
				if d := v - want[k]; d > 1e-14 || d < -1e-14 {
					t.Errorf("%s: %s differs from what it is alone by %v", name, names[i], d)
					break
				}
			}
		}
	}
}

// What isn't a name may change between steps, and with it what the group does.
func TestGroupsThatChange(t *testing.T) {
	o := &optim.SGD{LearningRate: 1, Groups: []optim.Group{{Names: []string{"a"}, Frozen: true}}}
	a := named(t, graph.Float64, 1, "a", "b")
	start := slices.Clone(a.Values.F64)
	step(t, o, a, 1, 1)
	near(t, "frozen", a.Values, 1e-15, start[0], start[1]-1)
	o.Groups[0].Frozen, o.Groups[0].Rate = false, 0.5
	step(t, o, a, 1, 1)
	near(t, "thawed", a.Values, 1e-15, start[0]-0.5, start[1]-2)
	o.Groups = nil
	step(t, o, a, 1, 1)
	near(t, "without groups", a.Values, 1e-15, start[0]-1.5, start[1]-3)
}

// A frozen parameter of ASGD is its own average.
func TestFrozenAverage(t *testing.T) {
	o := &optim.ASGD{LearningRate: 1, Groups: []optim.Group{{Names: []string{"a"}, Frozen: true}}}
	a := named(t, graph.Float64, 1, "a", "b")
	frozen := a.Values.F64[0]
	step(t, o, a, 1, 1)
	if err := o.Swap(a); err != nil || a.Values.F64[0] != frozen {
		t.Errorf("swapped in as %v, want %v (%v)", a.Values.F64[0], frozen, err)
	}
}

func TestGroupErrors(t *testing.T) {
	group := func(names ...string) optim.Group { return optim.Group{Names: names} }
	for _, c := range []struct {
		name   string
		groups []optim.Group
	}{
		{"Groups[0].Names", []optim.Group{group("nobody")}},
		{"Groups[0].Names", []optim.Group{group("a.*", "nobody")}},
		{"Groups[0].Names", []optim.Group{group("[")}},
		{"Groups[0].Names", []optim.Group{{Frozen: true}}},
		{"Groups[1].Names", []optim.Group{group("a.*"), group("*.bias")}},
		{"Groups[2].Names", []optim.Group{group("a.*"), group("b.bias"), group("*")}},
		{"Groups[0].Rate", []optim.Group{{Names: []string{"*"}, Rate: -1}}},
		{"Groups[1].WeightDecay", []optim.Group{group("a.*"), {Names: []string{"b.*"}, WeightDecay: -1}}},
		{"Groups[0].WeightDecay", []optim.Group{{Names: []string{"*"}, WeightDecay: 1, NoDecay: true}}},
	} {
		a := named(t, graph.Float64, 1, "a.weight", "a.bias", "b.weight", "b.bias")
		before := slices.Clone(a.Values.F64)
		err := (&optim.SGD{LearningRate: 1, Groups: c.groups}).Step(a, 1)
		if e, ok := errors.AsType[*graph.ArgumentError](err); !ok || e.Name != c.name || !slices.Equal(a.Values.F64, before) {
			t.Errorf("%+v: got %v, want an *ArgumentError that names %s", c.groups, err, c.name)
		}
	}
	a := named(t, graph.Float64, 1, "a.weight", "a.bias")
	if err := (&optim.SGD{LearningRate: 1, Groups: []optim.Group{group("a.*", "*.bias")}}).Step(a, 1); err != nil {
		t.Errorf("two patterns of one group for one parameter: %v", err)
	}
}

// A parameter belongs to one optimizer: a step in an arena that it has left is an error, and changes nothing.
func TestMovedParameter(t *testing.T) {
	a := named(t, graph.Float64, 1, "a.weight", "b.weight")
	optimizer := &optim.SGD{LearningRate: 1}
	if err := optimizer.Step(a, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := graph.NewArena(a.Params[1:]); err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(a.Values.F64)
	_, lbfgs := (&optim.LBFGS{}).Minimize(a, func() (float64, error) { return 0, nil })
	for _, err := range []error{optimizer.Step(a, 1), (&optim.EMA{Optimizer: optimizer}).Step(a, 1), lbfgs} {
		if e, ok := errors.AsType[*graph.ArgumentError](err); !ok || e.Name != "parameter b.weight" || !slices.Equal(a.Values.F64, before) {
			t.Errorf("got %v", err)
		}
	}
}

// The error names parameters, but not thousands of them.
func TestGroupErrorIsShort(t *testing.T) {
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprint("p", i))
	}
	a := named(t, graph.Float64, 1, names...)
	err := (&optim.SGD{LearningRate: 1, Groups: []optim.Group{{Names: []string{"weight"}}}}).Step(a, 1)
	const want = `SGD: Groups[0].Names is "weight", which matches no parameter, want patterns for some of p0, p1, p2, p3, p4, p5, p6, p7, …`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
