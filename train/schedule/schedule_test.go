package schedule_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/schedule"
)

func near(t *testing.T, what string, s schedule.Schedule, want ...float64) {
	t.Helper()
	if err := s.Check(); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	for step, w := range want {
		if got := s.Factor(step); !(math.Abs(got-w) <= 1e-9) {
			t.Errorf("%s: factor %.10g at step %d, want %.10g", what, got, step, w)
		}
	}
}

// Rates that PyTorch gave for a rate of 1, beside those of the reference vectors.
func TestFactorsOfPyTorch(t *testing.T) {
	for _, c := range []struct {
		s    schedule.Schedule
		want []float64
	}{
		{schedule.Cyclic{Up: 2, Down: 3, Min: 0.2},
			[]float64{0.2, 0.6, 1, 0.7333333333, 0.4666666667, 0.2, 0.6, 1, 0.7333333333, 0.4666666667, 0.2, 0.6}},
		{schedule.Cyclic{Up: 2, Min: 0.2, PerCycle: 0.5},
			[]float64{0.2, 0.6, 1, 0.6, 0.2, 0.4, 0.6, 0.4, 0.2, 0.3, 0.4, 0.3}},
		{schedule.Cyclic{Up: 2, Min: 0.2, PerStep: 0.9},
			[]float64{0.2, 0.56, 0.848, 0.4916, 0.2, 0.436196, 0.6251528, 0.39131876}},
		{schedule.OneCycle{Steps: 10, Rise: 0.3, ThreePhase: true, Start: 0.1, End: 0.001},
			[]float64{0.1, 0.55, 1, 0.55, 0.1, 0.09054634122, 0.06579634122, 0.03520365878, 0.01045365878, 0.001}},
		{schedule.OneCycle{Steps: 10, Rise: 0.35, Linear: true},
			[]float64{0.04, 0.424, 0.808, 0.9230772308, 0.7692316923, 0.6153861538, 0.4615406154, 0.3076950769, 0.1538495385, 4e-06}},
		{schedule.Polynomial{Steps: 5, Power: 2}, []float64{1, 0.64, 0.36, 0.16, 0.04, 0, 0, 0}},
		{schedule.Linear{From: 1. / 3, To: 1, Steps: 5},
			[]float64{0.3333333333, 0.4666666667, 0.6, 0.7333333333, 0.8666666667, 1, 1, 1}},
		{schedule.MultiStep{At: []int{2, 2, 4}, Gamma: 0.5}, []float64{1, 1, 0.25, 0.25, 0.125, 0.125}},
		{schedule.CosineRestarts{Steps: 3, Min: 0.1}, []float64{1, 0.775, 0.325, 1, 0.775, 0.325, 1, 0.775, 0.325, 1}},
		{schedule.CosineRestarts{Steps: 2, Multiply: 3},
			[]float64{1, 0.5, 1, 0.9330127019, 0.75, 0.5, 0.25, 0.06698729811, 1, 0.9924038765, 0.9698463104, 0.9330127019, 0.8830222216,
				0.8213938048, 0.75, 0.6710100717, 0.5868240888, 0.5, 0.4131759112, 0.3289899283, 0.25, 0.1786061952}},
	} {
		near(t, fmt.Sprintf("%T%+v", c.s, c.s), c.s, c.want...)
	}
}

func TestFactors(t *testing.T) {
	half := schedule.Func(func(step int) float64 { return 1 / (1 + float64(step)) })
	for _, c := range []struct {
		s    schedule.Schedule
		want []float64
	}{
		{schedule.Constant{}, []float64{1, 1}},
		{schedule.Constant{Value: 0.25}, []float64{0.25, 0.25}},
		{schedule.Step{Every: 2}, []float64{1, 1, 0.1, 0.1, 0.01}},
		{schedule.MultiStep{}, []float64{1, 1}},
		{schedule.Exponential{Gamma: 0.5}, []float64{1, 0.5, 0.25}},
		{schedule.Linear{From: 1, To: 0, Steps: 4}, []float64{1, 0.75, 0.5, 0.25, 0, 0}},
		{schedule.Polynomial{Steps: 2, Min: 0.5}, []float64{1, 0.75, 0.5, 0.5}},
		{schedule.Cosine{Steps: 2, Min: 0.2}, []float64{1, 0.6, 0.2, 0.2, 0.2}}, // PyTorch's would rise again
		{schedule.OneCycle{Steps: 1}, []float64{4e-6, 4e-6}},
		{schedule.OneCycle{Steps: 2, Rise: 1}, []float64{0.04, 1, 4e-6, 4e-6}},
		{schedule.OneCycle{Steps: 4, Rise: 0.5, ThreePhase: true, Linear: true}, []float64{0.04, 1, 0.04, 4e-6, 4e-6}},
		{schedule.InverseSqrt{Warmup: 4}, []float64{0.25, 0.5, 0.75, 1, math.Sqrt(4. / 5), math.Sqrt(4. / 6)}},
		{schedule.Warmup{Steps: 2}, []float64{0, 0.5, 1, 1}},
		{schedule.Warmup{Steps: 4, From: 0.2, Schedule: half}, []float64{0.2, 0.4, 0.6, 0.8, 1, 0.5, 1. / 3}},
		{schedule.Warmup{Steps: 2, Schedule: schedule.Constant{Value: 0.5}}, []float64{0, 0.25, 0.5}},
		{schedule.Sequence{{2, half}, {1, schedule.Constant{Value: 7}}, {0, half}}, []float64{1, 0.5, 7, 1, 0.5, 1. / 3}},
		{schedule.Product{half, schedule.Linear{From: 1, To: 3, Steps: 2}}, []float64{1, 1, 1, 0.75}},
		{schedule.PerEpoch{Steps: 3, Schedule: half}, []float64{1, 1, 1, 0.5, 0.5, 0.5, 1. / 3}},
	} {
		near(t, fmt.Sprintf("%T%+v", c.s, c.s), c.s, c.want...)
	}
}

// A schedule gives a finite factor of 0 or more at any step, in no time.
func TestFarSteps(t *testing.T) {
	for _, s := range good {
		for _, step := range []int{0, 1, 1 << 31, math.MaxInt} {
			if f := s.Factor(step); !(f >= 0 && f < 1e6) {
				t.Errorf("%T: factor %v at step %d", s, f, step)
			}
		}
	}
}

var good = []schedule.Schedule{
	schedule.Constant{}, schedule.Step{Every: 1}, schedule.MultiStep{At: []int{5}}, schedule.Exponential{Gamma: 0.99},
	schedule.Linear{To: 1, Steps: 1}, schedule.Polynomial{Steps: 3}, schedule.Cosine{Steps: 3}, schedule.CosineRestarts{Steps: 1},
	schedule.CosineRestarts{Steps: 1, Multiply: 2}, schedule.OneCycle{Steps: 9}, schedule.Cyclic{Up: 1}, schedule.InverseSqrt{Warmup: 1},
	schedule.Warmup{Steps: 1}, schedule.Sequence{{1, schedule.Constant{}}, {0, &schedule.Plateau{}}}, schedule.Product{schedule.Constant{}},
	schedule.PerEpoch{Steps: 1, Schedule: schedule.Constant{}}, &schedule.Plateau{}, schedule.Func(func(int) float64 { return 1 }),
}

func TestErrors(t *testing.T) {
	nan, inf, constant := math.NaN(), math.Inf(1), schedule.Constant{}
	for _, c := range []struct {
		name string
		s    schedule.Schedule
	}{
		{"Value", schedule.Constant{Value: -1}},
		{"Every", schedule.Step{}},
		{"Gamma", schedule.Step{Every: 1, Gamma: -1}},
		{"At", schedule.MultiStep{At: []int{2, 1}}},
		{"At", schedule.MultiStep{At: []int{-1}}},
		{"Gamma", schedule.MultiStep{Gamma: nan}},
		{"Gamma", schedule.Exponential{}},
		{"Gamma", schedule.Exponential{Gamma: inf}},
		{"From", schedule.Linear{From: -1, Steps: 1}},
		{"To", schedule.Linear{To: nan, Steps: 1}},
		{"Steps", schedule.Linear{}},
		{"Steps", schedule.Polynomial{}},
		{"Power", schedule.Polynomial{Steps: 1, Power: -1}},
		{"Min", schedule.Polynomial{Steps: 1, Min: 2}},
		{"Steps", schedule.Cosine{Steps: -1}},
		{"Min", schedule.Cosine{Steps: 1, Min: -1}},
		{"Steps", schedule.CosineRestarts{}},
		{"Multiply", schedule.CosineRestarts{Steps: 1, Multiply: -1}},
		{"Min", schedule.CosineRestarts{Steps: 1, Min: nan}},
		{"Steps", schedule.OneCycle{}},
		{"Rise", schedule.OneCycle{Steps: 1, Rise: 1.1}},
		{"Rise", schedule.OneCycle{Steps: 1, Rise: 0.6, ThreePhase: true}},
		{"Start", schedule.OneCycle{Steps: 1, Start: -1}},
		{"End", schedule.OneCycle{Steps: 1, End: 2}},
		{"Up", schedule.Cyclic{}},
		{"Down", schedule.Cyclic{Up: 1, Down: -1}},
		{"Min", schedule.Cyclic{Up: 1, Min: -1}},
		{"PerCycle", schedule.Cyclic{Up: 1, PerCycle: 2}},
		{"PerStep", schedule.Cyclic{Up: 1, PerStep: -1}},
		{"Warmup", schedule.InverseSqrt{}},
		{"Steps", schedule.Warmup{}},
		{"From", schedule.Warmup{Steps: 1, From: 2}},
		{"Every", schedule.Warmup{Steps: 1, Schedule: schedule.Step{}}},
		{"schedules", schedule.Sequence{}},
		{"Steps of phase 0", schedule.Sequence{{0, constant}, {1, constant}}},
		{"Schedule", schedule.Sequence{{1, constant}, {1, nil}}},
		{"Value", schedule.Sequence{{1, constant}, {1, schedule.Constant{Value: nan}}}},
		{"schedules", schedule.Product{}},
		{"Schedule", schedule.Product{constant, nil}},
		{"Steps", schedule.PerEpoch{Schedule: constant}},
		{"Schedule", schedule.PerEpoch{Steps: 1}},
		{"function", schedule.Func(nil)},
		{"schedule", (*schedule.Plateau)(nil)},
		{"Reduce", &schedule.Plateau{Reduce: 1}},
		{"Reduce", &schedule.Plateau{Reduce: nan}},
		{"Reduce", &schedule.Plateau{Reduce: -1}},
		{"Threshold", &schedule.Plateau{Threshold: -1}},
		{"Cooldown", &schedule.Plateau{Cooldown: -1}},
		{"Min", &schedule.Plateau{Min: 2}},
	} {
		err := c.s.Check()
		if e, ok := errors.AsType[*graph.ArgumentError](err); !ok || e.Name != c.name {
			t.Errorf("%T %+v: got %v, want an *ArgumentError that names %s", c.s, c.s, err, c.name)
		}
		for _, step := range []int{0, 3} {
			if f := c.s.Factor(step); !math.IsNaN(f) {
				t.Errorf("%T %+v: factor %v in spite of the error", c.s, c.s, f)
			}
		}
	}
}

// Every type of the package that is a schedule is checked at far steps.
func TestEveryScheduleIsTested(t *testing.T) {
	tested := map[string]bool{}
	for _, s := range good {
		_, name, _ := strings.Cut(fmt.Sprintf("%T", s), ".")
		tested[name] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			m, ok := d.(*ast.FuncDecl)
			if !ok || m.Recv == nil || m.Name.Name != "Factor" {
				continue
			}
			receiver := m.Recv.List[0].Type
			if p, ok := receiver.(*ast.StarExpr); ok {
				receiver = p.X
			}
			found++
			if name := receiver.(*ast.Ident).Name; !tested[name] {
				t.Errorf("%s is not in the list of schedules", name)
			}
		}
	}
	if found < 15 {
		t.Errorf("found only %d schedules: this test no longer understands the code", found)
	}
}

// Rates that PyTorch's ReduceLROnPlateau gave for these metrics.
func TestPlateau(t *testing.T) {
	falling, rising := []float64{5, 4, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 3, 3}, []float64{1, 2, 2.5, 2.6, 2.7, 2.8, 2.9, 3.6, 3.7, 3.8}
	for i, c := range []struct {
		s             *schedule.Plateau
		metrics, want []float64
	}{
		{&schedule.Plateau{Reduce: 0.5, Patience: 1, Cooldown: 2, Min: 0.2}, falling,
			[]float64{1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2}},
		{&schedule.Plateau{Reduce: 0.5, Patience: -1}, falling, []float64{1, 1, 1, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.03125, 0.015625,
			0.0078125, 0.00390625, 0.001953125, 0.0009765625, 0.00048828125, 0.000244140625}},
		{&schedule.Plateau{Reduce: 0.5, Patience: 1, Maximize: true, Threshold: 0.5, Absolute: true}, rising,
			[]float64{1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5}},
		{&schedule.Plateau{Reduce: 0.5, Patience: 1, Maximize: true, Threshold: 0.2}, rising,
			[]float64{1, 1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25}},
		// A metric below 0 is better when it is lower, and one that is no number never is.
		{&schedule.Plateau{Reduce: 0.5, Patience: -1, Threshold: 0.1}, []float64{-1, -1.2, -1.15, -2, math.NaN(), math.Inf(-1), 0},
			[]float64{1, 1, 1, 0.5, 0.5, 0.25, 0.125}},
		// 10 evaluations are let pass, and the factor falls to a tenth.
		{&schedule.Plateau{}, make([]float64, 13), []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.1}},
	} {
		for step, metric := range c.metrics {
			if got := c.s.Factor(step); math.Abs(got-c.want[step]) > 1e-12 {
				t.Errorf("case %d: factor %v at step %d, want %v", i, got, step, c.want[step])
			}
			c.s.Observe(metric)
		}
	}
}

// A plateau within other schedules is told, saved and restored; a state of another schedule is an error.
func TestState(t *testing.T) {
	build := func() schedule.Schedule {
		return schedule.Sequence{
			{10, schedule.Cosine{Steps: 10}},
			{0, schedule.Warmup{Steps: 2, Schedule: schedule.Product{&schedule.Plateau{Patience: 1, Reduce: 0.5}, schedule.Exponential{Gamma: 0.9}, &schedule.Plateau{Patience: 2}}}},
		}
	}
	s := build()
	metrics := []float64{3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2}
	for k, m := range metrics {
		other := build()
		text, err := json.Marshal(schedule.State(s))
		state := map[string]float64{}
		if err == nil {
			err = json.Unmarshal(text, &state)
		}
		if err == nil {
			err = schedule.Restore(other, state)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range metrics[k:] {
			schedule.Observe(other, m)
		}
		schedule.Observe(s, m)
		want := build()
		for _, m := range metrics {
			schedule.Observe(want, m)
		}
		if !maps.Equal(schedule.State(other), schedule.State(want)) || other.Factor(14) != want.Factor(14) {
			t.Fatalf("restored after %d evaluations, it ends with %v, want %v", k, schedule.State(other), schedule.State(want))
		}
	}
	if f := s.Factor(12); math.Abs(f-0.0625*0.01) > 1e-12 {
		t.Errorf("factor %v of both plateaus, want 0.0625·0.01", f)
	}

	state := schedule.State(s)
	for name, err := range map[string]error{
		"for another schedule": schedule.Restore(schedule.Constant{}, state),
		"for a plateau":        schedule.Restore(&schedule.Plateau{}, state),
		"empty":                schedule.Restore(s, nil),
		"factor 0":             schedule.Restore(&schedule.Plateau{}, map[string]float64{"factor": 0, "bad": 0, "cooldown": 0}),
		"bad NaN":              schedule.Restore(&schedule.Plateau{}, map[string]float64{"factor": 1, "bad": math.NaN(), "cooldown": 0}),
		"unknown":              schedule.Restore(schedule.Constant{}, map[string]float64{"x": 1}),
	} {
		if _, ok := errors.AsType[*graph.ArgumentError](err); !ok {
			t.Errorf("a state %s: %v", name, err)
		}
	}
	for _, s := range []schedule.Schedule{nil, schedule.Constant{}, schedule.PerEpoch{}} {
		schedule.Observe(s, 1)
		if state := schedule.State(s); len(state) != 0 || schedule.Restore(s, state) != nil {
			t.Errorf("%T has the state %v", s, state)
		}
	}
}
