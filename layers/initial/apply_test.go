package initial_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/initial"
)

// model is a language model of two layers, one of them in two directions.
func model(rng *rand.Rand) layers.Sequential {
	return layers.Sequential{
		layers.NewEmbedding(11, 6, rng),
		layers.NewLSTM(6, 8, layers.LSTMOptions{Bidirectional: true}, rng),
		layers.NewGRU(16, 5, layers.GRUOptions{Layers: 2}, rng),
		layers.Named{Name: "out.put", Layer: layers.NewLinear(5, 11, rng)},
	}
}

// values of a model by name.
func values(l layers.Layer) map[string][]float64 {
	v := map[string][]float64{}
	for _, p := range l.Params() {
		v[p.Name] = p.Value.Floats()
	}
	return v
}

func TestApplyByName(t *testing.T) {
	for _, c := range []struct {
		pattern string
		want    string // the names
	}{
		{"*", "all"},
		{"0.weight", "0.weight"},
		{"*weight_hh*", "1.weight_hh_l0 1.weight_hh_l0_reverse 2.weight_hh_l0 2.weight_hh_l1"},
		{"1.weight_*", "1.weight_ih_l0 1.weight_hh_l0 1.weight_ih_l0_reverse 1.weight_hh_l0_reverse"},
		{"*_reverse", "1.weight_ih_l0_reverse 1.weight_hh_l0_reverse 1.bias_ih_l0_reverse 1.bias_hh_l0_reverse"},
		{"*.bias", "out.put.bias"},
		{"2*ih*l*1", "2.weight_ih_l1 2.bias_ih_l1"},
		{"**weight", "0.weight out.put.weight"},
		{"o*.*weight", "out.put.weight"},
	} {
		m := model(source())
		before := values(m)
		if err := initial.Apply(m.Params(), source(), initial.Rules{c.pattern: initial.Constant(7)}); err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		var changed []string
		for _, p := range m.Params() {
			switch v := p.Value.Floats(); {
			case slices.Equal(v, slices.Repeat([]float64{7}, len(v))):
				changed = append(changed, p.Name)
			case !slices.Equal(v, before[p.Name]):
				t.Errorf("%s: %s has other values", c.pattern, p.Name)
			}
		}
		got := strings.Join(changed, " ")
		if c.want == "all" && len(changed) != len(m.Params()) || c.want != "all" && got != c.want {
			t.Errorf("%s: %s, want %s", c.pattern, got, c.want)
		}
	}
}

// The order of the draws is that of the parameters, whatever the order of the rules; and parameters that are views of an
// arena, in any precision, are set in place.
func TestApplyDraws(t *testing.T) {
	m := model(source())
	graph.SetDType(m.Params(), graph.Float64)
	arena, err := graph.NewArena(m.Params())
	if err != nil {
		t.Fatal(err)
	}
	err = initial.Apply(m.Params(), source(), initial.Rules{
		"*bias*":      initial.TruncatedNormal(1),
		"*weight_hh*": initial.PerGate(1, graph.Normal(1)),
		"*.weight":    graph.Uniform(1),
	})
	if err != nil {
		t.Fatal(err)
	}
	rng, drawn := source(), 0
	for i, p := range arena.Params {
		want := make([]float64, p.Value.Len())
		switch {
		case strings.Contains(p.Name, "bias"):
			err = initial.TruncatedNormal(1)(want, p.Shape(), rng)
		case strings.Contains(p.Name, "_hh"):
			err = graph.Normal(1)(want, p.Shape(), rng)
		case strings.HasSuffix(p.Name, ".weight"):
			err = graph.Uniform(1)(want, p.Shape(), rng)
		default:
			continue
		}
		if r := arena.Ranges[i]; err != nil || !slices.Equal(arena.Values.F64[r.From:r.To], want) {
			t.Errorf("%s: other values than drawn in the order of the parameters (%v)", p.Name, err)
		}
		drawn++
	}
	if drawn != 15 {
		t.Errorf("%d parameters were to be set, want 15", drawn)
	}
}

// Shared weights are filled once, under their first name.
func TestApplySharedWeights(t *testing.T) {
	shared := graph.NewParam(graph.Zeros, nil, 3, 2)
	params := []graph.NamedParam{{Name: "a.weight", Param: shared}, {Name: "b.weight", Param: shared}}
	if err := initial.Apply(params, source(), initial.Rules{"a*": initial.Constant(1), "b*": initial.Constant(2)}); err != nil {
		t.Fatal(err)
	}
	if shared.Value.At(0) != 1 {
		t.Errorf("value %v, want that of the first name", shared.Value.At(0))
	}
	if err := initial.Apply(params, source(), initial.Rules{"b*": initial.Constant(2)}); err != nil || shared.Value.At(0) != 2 {
		t.Errorf("value %v (%v), want that of the only name that matches", shared.Value.At(0), err)
	}
}

func TestApplyMisuse(t *testing.T) {
	for _, c := range []struct {
		rules initial.Rules
		want  string
	}{
		{initial.Rules{"*weight_hx*": graph.Zeros}, `initial.Apply: pattern is "*weight_hx*", want one that matches a parameter`},
		{initial.Rules{"": graph.Zeros}, `initial.Apply: pattern is "", want one that matches a parameter`},
		{initial.Rules{"weight": graph.Zeros, "*weight": graph.Zeros}, `initial.Apply: pattern is "weight", want one that matches a parameter`},
		{initial.Rules{"0.weight*weight": graph.Zeros}, `initial.Apply: pattern is "0.weight*weight", want one that matches a parameter`},
		{initial.Rules{"*weight*": graph.Zeros, "*_hh*": graph.Zeros},
			`initial.Apply: rules is ["*_hh*" "*weight*"] for parameter 1.weight_hh_l0, want one pattern that matches`},
		{initial.Rules{"0.weight": nil}, "initial.Apply: initializer of 0.weight is nil, want an initializer"},
		{initial.Rules{"0.weight": initial.Identity(1)}, "parameter 0.weight: initial.Identity: got [11 6], want [H, H]"},
		{initial.Rules{"1.bias_ih_l0": initial.PerGate(5, graph.Zeros)}, "parameter 1.bias_ih_l0: initial.PerGate: got [32], want [5·H, …]"},
	} {
		m := model(source())
		before := values(m)
		err := initial.Apply(m.Params(), source(), c.rules)
		if err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
		if !typed(err) {
			t.Errorf("%v is a %T", err, err)
		}
		for name, v := range values(m) {
			if !slices.Equal(v, before[name]) {
				t.Errorf("%s has other values after %v", name, err)
			}
		}
	}
	zeros := initial.Rules{"*": graph.Zeros}
	for name, apply := range map[string]func() error{
		"no source":        func() error { return initial.Apply(model(source()).Params(), nil, zeros) },
		"no parameters":    func() error { return initial.Apply(nil, source(), zeros) },
		"a nil parameter":  func() error { return initial.Apply([]graph.NamedParam{{Name: "a"}}, source(), zeros) },
		"a bad shape":      func() error { return initial.Apply(bad("a"), source(), zeros) },
		"PyTorch, nil":     func() error { return initial.PyTorch([]graph.NamedParam{{Name: "weight"}}, source()) },
		"PyTorch, shape":   func() error { return initial.PyTorch(bad("weight", "bias"), source()) },
		"PyTorch, source":  func() error { return initial.PyTorch(model(source()).Params(), nil) },
		"PyTorch, unknown": func() error { return initial.PyTorch(named("0.log_decay"), source()) },
		"PyTorch, bias":    func() error { return initial.PyTorch(named("0.bias"), source()) },
		"PyTorch, no U":    func() error { return initial.PyTorch(named("0.weight_ih"), source()) },
		"PyTorch, lines":   func() error { return initial.PyTorch(named("a\nb", ""), source()) },
		"Keras, nil":       func() error { return initial.Keras([]graph.NamedParam{{Name: "weight"}}, source()) },
		"Keras, shape":     func() error { return initial.Keras(bad("weight_ih", "weight_hh"), source()) },
		"Keras, source":    func() error { return initial.Keras(model(source()).Params(), nil) },
		"Keras, unknown":   func() error { return initial.Keras(named("0.log_decay"), source()) },
		"Keras, vector":    func() error { return initial.Keras(named("0.weight_hh"), source()) },
	} {
		if err := apply(); !typed(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := initial.Apply(nil, source(), nil); err != nil {
		t.Errorf("no rules: %v", err)
	}
}

func typed(err error) bool {
	_, argument := errors.AsType[*graph.ArgumentError](err)
	_, shape := errors.AsType[*graph.ShapeError](err)
	return argument || shape
}

// named are vectors under the given names.
func named(names ...string) []graph.NamedParam {
	var params []graph.NamedParam
	for _, name := range names {
		params = append(params, graph.NamedParam{Name: name, Param: graph.NewParam(graph.Zeros, nil, 3)})
	}
	return params
}

// bad are parameters of a shape that can't be.
func bad(names ...string) []graph.NamedParam {
	var params []graph.NamedParam
	for _, name := range names {
		params = append(params, graph.NamedParam{Name: name, Param: graph.NewParam(graph.Zeros, nil, 0, 3)})
	}
	return params
}

// normalization is a layer with a gain and a shift.
type normalization struct{ layers.Linear }

func newNormalization(width int) *normalization {
	draw := graph.Normal(1)
	return &normalization{layers.Linear{Weight: graph.NewParam(draw, source(), width), Bias: graph.NewParam(draw, source(), width)}}
}

// PyTorch's values are those of the constructors, bit for bit.
func TestPyTorch(t *testing.T) {
	m := model(source())
	want := values(m)
	if err := initial.Apply(m.Params(), source(), initial.Rules{"*": graph.Zeros}); err != nil {
		t.Fatal(err)
	}
	norm := newNormalization(4)
	params := append(m.Params(), graph.Prefixed("norm", norm.Params())...)
	if err := initial.PyTorch(params, source()); err != nil {
		t.Fatal(err)
	}
	for name, v := range values(m) {
		if !slices.Equal(v, want[name]) {
			t.Errorf("%s has other values than the constructor gives", name)
		}
	}
	wantConstant(t, "norm.weight", norm.Weight.Value.Floats(), 1)
	wantConstant(t, "norm.bias", norm.Bias.Value.Floats(), 0)

	// With a projection [P, H], the units are as many as its columns.
	params = []graph.NamedParam{
		{Name: "weight_ih_l0", Param: graph.NewParam(graph.Zeros, nil, 400, 7)},
		{Name: "weight_hh_l0", Param: graph.NewParam(graph.Zeros, nil, 400, 2)},
		{Name: "weight_hr_l0", Param: graph.NewParam(graph.Zeros, nil, 2, 100)},
	}
	if err := initial.PyTorch(params, source()); err != nil {
		t.Fatal(err)
	}
	for _, p := range params {
		if _, _, largest, _ := moments(p.Value.Floats()); largest > 0.1 || largest < 0.098 {
			t.Errorf("%s: largest value %v, want 1/√100", p.Name, largest)
		}
	}
}

func wantConstant(t *testing.T, what string, got []float64, want float64) {
	t.Helper()
	for _, v := range got {
		if v != want {
			t.Errorf("%s: %v, want all %v", what, got, want)
			return
		}
	}
}

func TestKeras(t *testing.T) {
	m := model(source())
	norm := newNormalization(4)
	params := append(m.Params(), graph.Prefixed("norm", norm.Params())...)
	if err := initial.Keras(params, source()); err != nil {
		t.Fatal(err)
	}
	got := values(m)
	for _, c := range []struct {
		name    string
		in, out float64
	}{
		{"1.weight_ih_l0", 6, 32}, {"1.weight_ih_l0_reverse", 6, 32}, {"2.weight_ih_l0", 16, 15}, {"2.weight_ih_l1", 5, 15}, {"out.put.weight", 5, 11},
	} {
		bound := math.Sqrt(6 / (c.in + c.out))
		if _, _, largest, _ := moments(got[c.name]); largest > bound*(1+1e-6) || largest < 0.93*bound {
			t.Errorf("%s: largest value %v, want up to %v", c.name, largest, bound)
		}
	}
	for _, c := range []struct {
		name          string
		rows, columns int
	}{{"1.weight_hh_l0", 32, 8}, {"1.weight_hh_l0_reverse", 32, 8}, {"2.weight_hh_l0", 15, 5}, {"2.weight_hh_l1", 15, 5}} {
		if d := deviation(got[c.name], c.rows, c.columns, 1); d > 1e-6 {
			t.Errorf("%s: products of columns differ by %g from I", c.name, d)
		}
	}
	for _, name := range []string{"1.bias_ih_l0", "1.bias_ih_l0_reverse"} {
		wantConstant(t, name+" i", got[name][:8], 0)
		wantConstant(t, name+" f", got[name][8:16], 1)
		wantConstant(t, name+" g and o", got[name][16:], 0)
	}
	for _, name := range []string{"1.bias_hh_l0", "1.bias_hh_l0_reverse", "2.bias_ih_l0", "2.bias_hh_l0", "2.bias_ih_l1", "2.bias_hh_l1", "out.put.bias"} {
		wantConstant(t, name, got[name], 0)
	}
	if _, _, largest, _ := moments(got["0.weight"]); largest > 0.05*(1+1e-6) || largest < 0.045 {
		t.Errorf("embedding: largest value %v, want up to 0.05", largest)
	}
	wantConstant(t, "norm.weight", norm.Weight.Value.Floats(), 1)
	wantConstant(t, "norm.bias", norm.Bias.Value.Floats(), 0)

	// Without biases there is nothing to set to 1; the LSTM with a projection has its forget gate too.
	small := layers.NewLSTM(3, 4, layers.LSTMOptions{NoBias: true}, source())
	if err := initial.Keras(small.Params(), source()); err != nil {
		t.Error(err)
	}
	projected := append(named("bias_ih"), graph.NamedParam{Name: "weight_hh", Param: graph.NewParam(graph.Zeros, nil, 12, 2)},
		graph.NamedParam{Name: "weight_hr", Param: graph.NewParam(graph.Zeros, nil, 2, 3)})
	projected[0].Param = graph.NewParam(graph.Zeros, nil, 12)
	if err := initial.Keras(projected, source()); err != nil {
		t.Fatal(err)
	}
	if v := projected[0].Value.Floats(); !slices.Equal(v, []float64{0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0}) {
		t.Errorf("bias of an LSTM with a projection is %v", v)
	}
}
