package optim_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/optim"
)

// arena holds parameters of the given values, and zero gradients.
func arena(t testing.TB, d graph.DType, values ...*graph.Tensor) *graph.Arena {
	t.Helper()
	var params []graph.NamedParam
	for i, v := range values {
		p := graph.NewParam(graph.Zeros, nil, v.Shape...)
		p.SetDType(d)
		if err := p.Value.Copy(v); err != nil {
			t.Fatal(err)
		}
		params = append(params, graph.NamedParam{Name: fmt.Sprint("p", i), Param: p})
	}
	a, err := graph.NewArena(params)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func vector(v ...float64) *graph.Tensor { return &graph.Tensor{Shape: []int{len(v)}, F64: v} }

// random is a vector with the seed of its numbers.
func random(n int, seed uint64) *graph.Tensor {
	rng := rand.New(rand.NewPCG(seed, 1))
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(float32(rng.NormFloat64())) // the same in both precisions
	}
	return vector(v...)
}

func step(t testing.TB, o optim.Optimizer, a *graph.Arena, gradient ...float64) {
	t.Helper()
	err := a.Grads.SetFloats(gradient)
	if err == nil {
		err = o.Step(a, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Three steps of each optimizer from 1 and -2, worked out with the formulas of its comment in decimal arithmetic.
func TestStepsByHand(t *testing.T) {
	gradients := [3][]float64{{0.5, -1}, {0.25, 2}, {-1, 0}}
	for _, c := range []struct {
		name string
		new  func() optim.Optimizer
		want [3][2]float64
	}{
		{"SGD", func() optim.Optimizer { return &optim.SGD{LearningRate: 0.1} },
			[3][2]float64{{0.95, -1.9}, {0.925, -2.1}, {1.025, -2.1}}},
		{"SGD, momentum", func() optim.Optimizer { return &optim.SGD{LearningRate: 0.1, Momentum: 0.9} },
			[3][2]float64{{0.95, -1.9}, {0.88, -2.01}, {0.917, -2.109}}},
		{"SGD, Nesterov, weight decay", func() optim.Optimizer {
			return &optim.SGD{LearningRate: 0.1, Momentum: 0.9, Nesterov: true, WeightDecay: 0.01}
		}, [3][2]float64{{0.9031, -1.8062}, {0.81257411, -2.10014822}, {0.942869708191, -2.182336916382}}},
		{"SGD, dampening", func() optim.Optimizer { return &optim.SGD{LearningRate: 0.1, Momentum: 0.9, Dampening: 0.5} },
			[3][2]float64{{0.95, -1.9}, {0.8925, -1.91}, {0.89075, -1.919}}},
		{"Adam", func() optim.Optimizer { return &optim.Adam{LearningRate: 0.1} },
			[3][2]float64{{0.900000002, -1.900000001}, {0.806782040477462, -1.93661035347208}, {0.827417742885411, -1.96491026200093}}},
		{"Adam, all options", func() optim.Optimizer {
			return &optim.Adam{LearningRate: 0.1, Beta1: 0.8, Beta2: 0.99, Epsilon: 1e-6, WeightDecay: 0.5}
		}, [3][2]float64{{0.9000000999999, -1.90000004999998}, {0.803369664895103, -1.88084276526597}, {0.771895853230554, -1.84068971866788}}},
		{"AdamW", func() optim.Optimizer { return &optim.AdamW{LearningRate: 0.1, WeightDecay: 0.5} },
			[3][2]float64{{0.850000002, -1.800000001}, {0.714282040377462, -1.74661035342208}, {0.699203640766538, -1.68757974427983}}},
		{"RMSprop", func() optim.Optimizer { return &optim.RMSprop{LearningRate: 0.1} },
			[3][2]float64{{1.99999960000008e-7, -1.0000001}, {-0.44901297442183, -1.89532302199152}, {0.425726616071325, -1.89532302199152}}},
		{"RMSprop, all options", func() optim.Optimizer {
			return &optim.RMSprop{LearningRate: 0.1, Alpha: 0.9, Epsilon: 0.1, WeightDecay: 0.5}
		}, [3][2]float64{{0.759746926647958, -1.72694588100837}, {0.622848519679984, -1.86911724655201}, {0.759168393967978, -1.75602324047733}}},
		{"Lion", func() optim.Optimizer { return &optim.Lion{LearningRate: 0.1} },
			[3][2]float64{{0.9, -1.9}, {0.8, -2}, {0.9, -2.1}}},
		{"Lion, all options", func() optim.Optimizer {
			return &optim.Lion{LearningRate: 0.1, Beta1: 0.5, Beta2: 0.8, WeightDecay: 0.5}
		}, [3][2]float64{{0.85, -1.8}, {0.7075, -1.81}, {0.772125, -1.8195}}},
	} {
		for d, tolerance := range map[graph.DType]float64{graph.Float64: 1e-13, graph.Float32: 1e-6} {
			o, a := c.new(), arena(t, d, vector(1), vector(-2))
			for k, g := range gradients {
				step(t, o, a, g...)
				near(t, fmt.Sprintf("%s, %v, step %d", c.name, d, k+1), a.Values, tolerance, c.want[k][:]...)
			}
			if n := o.State().Steps; n != 3 {
				t.Errorf("%s counts %d steps", c.name, n)
			}
		}
	}
}

// The same steps as PyTorch made them, with every option. NAdam's are those of foreach=True, which has PyTorch 2's formula.
func TestStepsOfPyTorch(t *testing.T) {
	gradients := [3][]float64{{0.5, -1}, {0.25, 2}, {-1, 0}}
	for _, c := range []struct {
		name string
		new  func() optim.Optimizer
		want [3][2]float64
	}{
		{"Rprop", func() optim.Optimizer { return &optim.Rprop{} },
			[3][2]float64{{0.99, -1.99}, {0.978, -1.99}, {0.978, -1.99}}},
		{"Rprop, all options", func() optim.Optimizer {
			return &optim.Rprop{LearningRate: 0.1, Shrink: 0.4, Grow: 1.5, Smallest: 0.05, Largest: 0.12}
		}, [3][2]float64{{0.9, -1.9}, {0.78, -1.9}, {0.78, -1.9}}},
		{"NAdam", func() optim.Optimizer { return &optim.NAdam{LearningRate: 0.1} },
			[3][2]float64{{0.894354824277365, -1.89435482322091}, {0.841962495565936, -1.98501057191563}, {0.936023836976967, -1.98861191808557}}},
		{"NAdam, all options", func() optim.Optimizer {
			return &optim.NAdam{LearningRate: 0.1, Beta1: 0.8, Beta2: 0.99, Epsilon: 1e-6, MomentumDecay: 0.01, WeightDecay: 0.5}
		}, [3][2]float64{{0.890466303779726, -1.89046624901291}, {0.817897926204822, -1.93471783900623}, {0.860048871527479, -1.88281199783078}}},
		{"NAdam, PyTorch1", func() optim.Optimizer { return &optim.NAdam{LearningRate: 0.1, PyTorch1: true} },
			[3][2]float64{{0.89504688513814, -1.89504688408861}, {0.843113474197954, -1.98552239776116}, {0.937114399501154, -1.98904088896976}}},
		{"RAdam, not rectified", func() optim.Optimizer { return &optim.RAdam{LearningRate: 0.1, WeightDecay: 0.5} },
			[3][2]float64{{0.9, -1.8}, {0.815789473684211, -1.76315789473684}, {0.78450184501845, -1.70738007380074}}},
		{"ASGD", func() optim.Optimizer {
			return &optim.ASGD{LearningRate: 0.1, Lambda: 0.01, Alpha: 0.5, Start: 1, WeightDecay: 0.5}
		}, [3][2]float64{{0.899, -1.798}, {0.828186397953746, -1.90624788957944}, {0.885891215663987, -1.80912632026791}}},
		{"Adamax", func() optim.Optimizer {
			return &optim.Adamax{LearningRate: 0.1, Beta1: 0.8, Beta2: 0.99, Epsilon: 1e-3, WeightDecay: 0.5}
		}, [3][2]float64{{0.9000999000999, -1.90004997501249}, {0.816006106685125, -1.88462488768225}, {0.790605738631149, -1.85573770460291}}},
		{"Adam, AMSGrad", func() optim.Optimizer {
			return &optim.Adam{LearningRate: 0.1, AMSGrad: true, Beta1: 0.8, Beta2: 0.5, WeightDecay: 0.5}
		}, [3][2]float64{{0.900000001, -1.9000000005}, {0.797937929600014, -1.88128862062648}, {0.765464099599993, -1.8438619662157}}},
		{"AdamW, AMSGrad", func() optim.Optimizer {
			return &optim.AdamW{LearningRate: 0.1, AMSGrad: true, Beta1: 0.8, Beta2: 0.5, WeightDecay: 0.5}
		}, [3][2]float64{{0.850000002, -1.800000001}, {0.719046207799496, -1.74849001867375}, {0.707977393437076, -1.68560097586099}}},
		{"RMSprop, centered, momentum", func() optim.Optimizer {
			return &optim.RMSprop{LearningRate: 0.1, Alpha: 0.9, Epsilon: 0.1, Momentum: 0.5, Centered: true, WeightDecay: 0.5}
		}, [3][2]float64{{0.75, -1.71428571428571}, {0.478037558462377, -1.71476090665203}, {0.490480925120325, -1.60821325714789}}},
		{"Adagrad", func() optim.Optimizer {
			return &optim.Adagrad{LearningRate: 0.1, RateDecay: 0.1, Initial: 0.5, Epsilon: 0.01, WeightDecay: 0.5}
		}, [3][2]float64{{0.919011609347851, -1.90616145498524}, {0.873761246578998, -1.94622488209492}, {0.904365839125416, -1.91464582225266}}},
		{"Adadelta", func() optim.Optimizer {
			return &optim.Adadelta{LearningRate: 0.5, Rho: 0.8, Epsilon: 0.01, WeightDecay: 0.5}
		}, [3][2]float64{{0.890891054882004, -1.88888888888889}, {0.796814724247001, -1.96853312135315}, {0.884938986084868, -1.88963938277615}}},
	} {
		for d, tolerance := range map[graph.DType]float64{graph.Float64: 1e-8, graph.Float32: 1e-6} { // ASGD rounds to float32
			o, a := c.new(), arena(t, d, vector(1), vector(-2))
			for k, g := range gradients {
				step(t, o, a, g...)
				near(t, fmt.Sprintf("%s, %v, step %d", c.name, d, k+1), a.Values, tolerance, c.want[k][:]...)
			}
		}
	}
}

// LAMB's norms are those of a tensor: two numbers of one parameter, by a plain computation.
func TestLAMB(t *testing.T) {
	for d, tolerance := range map[graph.DType]float64{graph.Float64: 1e-13, graph.Float32: 1e-6} {
		o, a := &optim.LAMB{LearningRate: 0.1, Beta1: 0.8, Beta2: 0.99, Epsilon: 1e-3, WeightDecay: 0.5}, arena(t, d, vector(1, -2))
		for k, want := range [][]float64{{0.865907357636686, -1.8210610068654}, {0.6764254175461, -1.75208868048114}, {0.662621482599186, -1.56478381594819}} {
			step(t, o, a, [][]float64{{0.5, -1}, {0.25, 2}, {-1, 0}}[k]...)
			near(t, fmt.Sprint("LAMB, step ", k+1), a.Values, tolerance, want...)
		}
		// Without weights there is no norm to go by.
		o, a = &optim.LAMB{LearningRate: 0.1}, arena(t, d, vector(0, 0))
		step(t, o, a, 1, 0)
		near(t, "LAMB from 0", a.Values, 1e-6, -0.1, 0)
	}
	// A tensor of many blocks has one norm: it is scaled as a whole, and in proportion to its weights.
	const n = 40_001
	small, large := arena(t, graph.Float64, random(n, 1)), arena(t, graph.Float64, random(n, 1))
	for i := range large.Values.F64 {
		large.Values.F64[i] *= 8
	}
	step(t, &optim.LAMB{}, small, random(n, 2).F64...)
	step(t, &optim.LAMB{}, large, random(n, 2).F64...)
	for i, w := range random(n, 1).F64 {
		s, l := small.Values.F64[i]-w, large.Values.F64[i]-8*w
		if math.Abs(l-8*s) > 1e-13 {
			t.Fatalf("value %d moved by %v, by %v from weights 8 times as large", i, s, l)
		}
	}
}

// near holds values against what is wanted.
func near(t testing.TB, what string, got *graph.Tensor, tolerance float64, want ...float64) {
	t.Helper()
	for i, w := range want {
		if g := got.At(i); !(math.Abs(g-w) <= tolerance*(1+math.Abs(w))) {
			t.Errorf("%s: value %d is %.15g, want %.15g", what, i, g, w)
		}
	}
}

// everyKind are optimizers with every moment that they can have, by their types' names and by those with other options.
var everyKind = map[string]func() optim.Optimizer{
	"SGD":        func() optim.Optimizer { return &optim.SGD{LearningRate: 0.1, Momentum: 0.9, Dampening: 0.3} },
	"SGD, plain": func() optim.Optimizer { return &optim.SGD{LearningRate: 0.1, WeightDecay: 0.1} },
	"SGD, Nesterov": func() optim.Optimizer {
		return &optim.SGD{LearningRate: 0.1, Momentum: 0.9, Nesterov: true, WeightDecay: 0.1}
	},
	"Adam":           func() optim.Optimizer { return &optim.Adam{WeightDecay: 0.1} },
	"Adam, AMSGrad":  func() optim.Optimizer { return &optim.Adam{WeightDecay: 0.1, AMSGrad: true} },
	"AdamW":          func() optim.Optimizer { return &optim.AdamW{WeightDecay: 0.1} },
	"RMSprop":        func() optim.Optimizer { return &optim.RMSprop{WeightDecay: 0.1, Centered: true, Momentum: 0.5} },
	"RMSprop, plain": func() optim.Optimizer { return &optim.RMSprop{} },
	"Adagrad":        func() optim.Optimizer { return &optim.Adagrad{LearningRate: 0.1, RateDecay: 0.1, Initial: 0.1} },
	"Adadelta":       func() optim.Optimizer { return &optim.Adadelta{WeightDecay: 0.1} },
	"Adamax":         func() optim.Optimizer { return &optim.Adamax{WeightDecay: 0.1} },
	"NAdam":          func() optim.Optimizer { return &optim.NAdam{WeightDecay: 0.1} },
	"RAdam":          func() optim.Optimizer { return &optim.RAdam{Beta2: 0.9, WeightDecay: 0.1} },
	"ASGD":           func() optim.Optimizer { return &optim.ASGD{LearningRate: 0.1, Start: 1, WeightDecay: 0.1} },
	"Rprop":          func() optim.Optimizer { return &optim.Rprop{} },
	"Lion":           func() optim.Optimizer { return &optim.Lion{LearningRate: 0.01, WeightDecay: 0.1} },
	"LAMB":           func() optim.Optimizer { return &optim.LAMB{LearningRate: 0.01, WeightDecay: 0.1} },
	"L1":             func() optim.Optimizer { return &optim.L1{Optimizer: &optim.SGD{LearningRate: 0.1}, Penalty: 0.01} },
	"Noise":          func() optim.Optimizer { return &optim.Noise{Optimizer: &optim.Adam{}, Variance: 1e-4} },
	"EMA":            func() optim.Optimizer { return &optim.EMA{Optimizer: &optim.NAdam{}, Decay: 0.9} },
	"SWA":            func() optim.Optimizer { return &optim.SWA{Optimizer: &optim.Adam{}, Start: 3, Every: 2} },
	"NTASGD":         func() optim.Optimizer { return &optim.NTASGD{Optimizer: &optim.SGD{LearningRate: 0.1}} },
	"EMA of Noise of L1": func() optim.Optimizer {
		return &optim.EMA{Optimizer: &optim.Noise{Optimizer: &optim.L1{Optimizer: &optim.Adam{}, Penalty: 0.01}, Variance: 1e-4}}
	},
}

// notElementwise are those whose step for a number depends on others, or on its place.
var notElementwise = []string{"LAMB", "Noise", "EMA of Noise of L1"}

// Every type that is an optimizer is in the list above.
func TestEveryOptimizerIsTested(t *testing.T) {
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
			if !ok || m.Recv == nil || m.Name.Name != "Step" {
				continue
			}
			receiver := m.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name
			found++
			if everyKind[receiver] == nil {
				t.Errorf("%s is not in everyKind", receiver)
			}
		}
	}
	if found < 18 {
		t.Errorf("found only %d optimizers: this test no longer understands the code", found)
	}
}

// Sizes around the multiples that kernels and threads work in. Every element is updated once, as it is alone.
func TestStepIsElementwise(t *testing.T) {
	for _, n := range []int{1, 2, 15, 16, 17, 8191, 8192, 8193, 20_001} {
		// A short parameter comes first, so that the long one isn't cut where threads' ranges are.
		start, gradients := random(n, 1), [3][]float64{}
		for k := range gradients {
			gradients[k] = append([]float64{1, 1, 1}, random(n, 2+uint64(k)).F64...)
		}
		for name, newOptimizer := range everyKind {
			for _, d := range []graph.DType{graph.Float32, graph.Float64} {
				var first []float64
				for _, threads := range []int{1, 2, 3} {
					a, o := arena(t, d, vector(1, 2, 3), start), newOptimizer()
					a.Threads = threads
					for _, g := range gradients {
						step(t, o, a, g...)
					}
					got := a.Values.Floats()[3:]
					if first == nil {
						first = got
					}
					if !slices.Equal(got, first) {
						t.Fatalf("%s, %v: %d values with %d threads differ from those with one", name, d, n, threads)
					}
				}
				if slices.Contains(notElementwise, name) {
					continue
				}
				for _, i := range []int{0, n / 3, n - 1} {
					one, o := arena(t, d, vector(start.F64[i])), newOptimizer()
					for _, g := range gradients {
						step(t, o, one, g[3+i])
					}
					// A vector instruction may fuse what the remainder of a loop rounds twice.
					if want := one.Values.At(0); math.Abs(first[i]-want) > 1e-6*(1+math.Abs(want)) {
						t.Errorf("%s, %v: value %d of %d is %v, alone %v", name, d, i, n, first[i], want)
					}
				}
			}
		}
	}
}

// copied is a state as a checkpoint brings it back: tensors, and numbers in JSON.
func copied(t *testing.T, s optim.State) optim.State {
	t.Helper()
	c := optim.State{Steps: s.Steps, Moments: map[string]*graph.Tensor{}}
	for name, m := range s.Moments {
		c.Moments[name] = graph.NewTensor(m.DType(), m.Len())
		if err := c.Moments[name].Copy(m); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(s.Numbers)
	if err == nil {
		err = json.Unmarshal(text, &c.Numbers)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What State gives makes an optimizer go on as if it were the same, and State of a new one is empty.
func TestRestore(t *testing.T) {
	for name, newOptimizer := range everyKind {
		a, o := arena(t, graph.Float32, random(100, 1)), newOptimizer()
		if s := o.State(); s.Steps != 0 || len(s.Moments) != 0 || len(s.Numbers) != 0 {
			t.Errorf("%s: a new one has the state %v", name, s)
		}
		losses := []float64{1, 2, 3, 4, 5, 4.5, 6, 1, 2, 3}
		observe := func(o optim.Optimizer, k uint64) {
			if n, ok := o.(*optim.NTASGD); ok {
				n.Observe(losses[k])
			}
		}
		for k := range uint64(5) {
			observe(o, k)
			step(t, o, a, random(100, 2+k).F64...)
		}
		if n := o.State().Steps; n != 5 {
			t.Errorf("%s counts %d steps of 5", name, n)
		}
		b, other := arena(t, graph.Float32, a.Values), newOptimizer()
		other.Restore(copied(t, o.State()))
		for k := range uint64(5) {
			for _, p := range []struct {
				o optim.Optimizer
				a *graph.Arena
			}{{o, a}, {other, b}} {
				observe(p.o, 5+k)
				step(t, p.o, p.a, random(100, 12+k).F64...)
			}
		}
		if !slices.Equal(a.Values.F32, b.Values.F32) {
			t.Errorf("%s: goes on differently", name)
		}
		if x, y := copied(t, o.State()), copied(t, other.State()); !reflect.DeepEqual(x, y) {
			t.Errorf("%s: the state goes on differently: %v and %v", name, x, y)
		}

		if len(o.State().Moments) == 0 {
			continue
		}
		for _, d := range []graph.DType{graph.Float32, graph.Float64} {
			n := map[graph.DType]int{graph.Float32: 99, graph.Float64: 100}[d]
			wrong := arena(t, d, random(n, 1))
			before := wrong.Values.Floats()
			err := o.Step(wrong, 1)
			if _, ok := errors.AsType[*graph.ShapeError](err); !ok || !slices.Equal(wrong.Values.Floats(), before) {
				t.Errorf("%s: %d parameters of %v with moments of 100 of float32: %v", name, n, d, err)
			}
		}
	}
}

// A state of another optimizer, or of other options, isn't taken for one's own.
func TestRestoreOfAnother(t *testing.T) {
	made := func(o optim.Optimizer) optim.State {
		step(t, o, arena(t, graph.Float64, vector(1, 2)), 1, 1)
		return copied(t, o.State())
	}
	for _, c := range []struct {
		name     string
		from, to optim.Optimizer
	}{
		{"Adam's for SGD", &optim.Adam{}, &optim.SGD{LearningRate: 1}},
		{"SGD's for Adam", &optim.SGD{LearningRate: 1}, &optim.Adam{}},
		{"with momentum for one without", &optim.SGD{LearningRate: 1, Momentum: 0.5}, &optim.SGD{LearningRate: 1}},
		{"without momentum for one with", &optim.SGD{LearningRate: 1}, &optim.SGD{LearningRate: 1, Momentum: 0.5}},
		{"without AMSGrad for one with", &optim.Adam{}, &optim.Adam{AMSGrad: true}},
		{"Adam's for NAdam", &optim.Adam{}, &optim.NAdam{}},
		{"that of the inner one", &optim.EMA{Optimizer: &optim.Adam{}}, &optim.EMA{Optimizer: &optim.SGD{LearningRate: 1}}},
		{"the inner one's", &optim.Adam{}, &optim.EMA{Optimizer: &optim.Adam{}}},
		{"the outer one's", &optim.EMA{Optimizer: &optim.Adam{}}, &optim.Adam{}},
	} {
		c.to.Restore(made(c.from))
		a := arena(t, graph.Float64, vector(1, 2))
		err := c.to.Step(a, 1)
		if _, ok := errors.AsType[*graph.ArgumentError](err); !ok || a.Values.F64[0] != 1 {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	without := made(&optim.EMA{Optimizer: &optim.Adam{}})
	without.Numbers = nil
	for what, c := range map[string]struct {
		o optim.Optimizer
		s optim.State
	}{
		"-1 steps":        {&optim.SGD{LearningRate: 1}, optim.State{Steps: -1}},
		"without numbers": {&optim.EMA{Optimizer: &optim.Adam{}}, without},
	} {
		c.o.Restore(c.s)
		if err := c.o.Step(arena(t, graph.Float64, vector(1, 2)), 1); err == nil {
			t.Errorf("a state of %s: no error", what)
		}
	}
}

func TestOptionsOutOfRange(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	sgd := &optim.SGD{LearningRate: 1}
	for _, c := range []struct {
		name string
		o    optim.Optimizer
	}{
		{"LearningRate", &optim.SGD{}},
		{"LearningRate", &optim.SGD{LearningRate: -1}},
		{"LearningRate", &optim.SGD{LearningRate: nan}},
		{"LearningRate", &optim.SGD{LearningRate: inf}},
		{"Momentum", &optim.SGD{LearningRate: 1, Momentum: -0.1}},
		{"Momentum", &optim.SGD{LearningRate: 1, Momentum: 1}},
		{"Dampening", &optim.SGD{LearningRate: 1, Dampening: nan}},
		{"WeightDecay", &optim.SGD{LearningRate: 1, WeightDecay: -1}},
		{"LearningRate", &optim.Adam{LearningRate: -1}},
		{"LearningRate", &optim.Adam{LearningRate: nan}},
		{"Beta1", &optim.Adam{Beta1: 1}},
		{"Beta2", &optim.Adam{Beta2: -0.5}},
		{"Epsilon", &optim.Adam{Epsilon: -1}},
		{"WeightDecay", &optim.Adam{WeightDecay: nan}},
		{"Beta2", &optim.AdamW{Beta2: 1}},
		{"WeightDecay", &optim.AdamW{WeightDecay: -1}},
		{"LearningRate", &optim.RMSprop{LearningRate: inf}},
		{"Alpha", &optim.RMSprop{Alpha: 1}},
		{"Epsilon", &optim.RMSprop{Epsilon: nan}},
		{"Momentum", &optim.RMSprop{Momentum: 1}},
		{"WeightDecay", &optim.RMSprop{WeightDecay: -1}},
		{"LearningRate", &optim.Adagrad{LearningRate: -1}},
		{"RateDecay", &optim.Adagrad{RateDecay: -1}},
		{"Initial", &optim.Adagrad{Initial: -1}},
		{"Epsilon", &optim.Adagrad{Epsilon: -1}},
		{"WeightDecay", &optim.Adagrad{WeightDecay: -1}},
		{"LearningRate", &optim.Adadelta{LearningRate: nan}},
		{"Rho", &optim.Adadelta{Rho: 1}},
		{"Epsilon", &optim.Adadelta{Epsilon: -1}},
		{"WeightDecay", &optim.Adadelta{WeightDecay: -1}},
		{"LearningRate", &optim.Adamax{LearningRate: nan}},
		{"Beta1", &optim.Adamax{Beta1: 1}},
		{"Beta2", &optim.Adamax{Beta2: nan}},
		{"Epsilon", &optim.Adamax{Epsilon: -1}},
		{"WeightDecay", &optim.Adamax{WeightDecay: inf}},
		{"LearningRate", &optim.NAdam{LearningRate: -1}},
		{"Beta1", &optim.NAdam{Beta1: 1}},
		{"Beta2", &optim.NAdam{Beta2: 1}},
		{"Epsilon", &optim.NAdam{Epsilon: -1}},
		{"MomentumDecay", &optim.NAdam{MomentumDecay: -1}},
		{"WeightDecay", &optim.NAdam{WeightDecay: -1}},
		{"LearningRate", &optim.RAdam{LearningRate: -1}},
		{"Beta1", &optim.RAdam{Beta1: 1}},
		{"Beta2", &optim.RAdam{Beta2: 1}},
		{"Epsilon", &optim.RAdam{Epsilon: -1}},
		{"WeightDecay", &optim.RAdam{WeightDecay: -1}},
		{"LearningRate", &optim.ASGD{LearningRate: -1}},
		{"Lambda", &optim.ASGD{Lambda: -1}},
		{"Alpha", &optim.ASGD{Alpha: -1}},
		{"Start", &optim.ASGD{Start: -1}},
		{"WeightDecay", &optim.ASGD{WeightDecay: -1}},
		{"LearningRate", &optim.Rprop{LearningRate: -1}},
		{"Shrink", &optim.Rprop{Shrink: 1}},
		{"Grow", &optim.Rprop{Grow: 0.9}},
		{"Smallest", &optim.Rprop{Smallest: -1}},
		{"Largest", &optim.Rprop{Largest: 1e-7}},
		{"Groups[0].WeightDecay", &optim.Rprop{Groups: []optim.Group{{Names: []string{"*"}, WeightDecay: 1}}}},
		{"LearningRate", &optim.Lion{LearningRate: -1}},
		{"Beta1", &optim.Lion{Beta1: 1}},
		{"Beta2", &optim.Lion{Beta2: 1}},
		{"WeightDecay", &optim.Lion{WeightDecay: -1}},
		{"LearningRate", &optim.LAMB{LearningRate: -1}},
		{"Beta1", &optim.LAMB{Beta1: 1}},
		{"Beta2", &optim.LAMB{Beta2: 1}},
		{"Epsilon", &optim.LAMB{Epsilon: -1}},
		{"WeightDecay", &optim.LAMB{WeightDecay: -1}},
		{"Optimizer", &optim.L1{Penalty: 1}},
		{"Penalty", &optim.L1{Optimizer: sgd}},
		{"Penalty", &optim.L1{Optimizer: sgd, Penalty: nan}},
		{"Names", &optim.L1{Optimizer: sgd, Penalty: 1, Names: []string{"nobody"}}},
		{"Names", &optim.L1{Optimizer: sgd, Penalty: 1, Names: []string{"["}}},
		{"Optimizer", &optim.Noise{Variance: 1}},
		{"Variance", &optim.Noise{Optimizer: sgd}},
		{"Decay", &optim.Noise{Optimizer: sgd, Variance: 1, Decay: -1}},
		{"Optimizer", &optim.EMA{}},
		{"Optimizer", &optim.EMA{Optimizer: (*optim.SGD)(nil)}},
		{"Decay", &optim.EMA{Optimizer: sgd, Decay: 1}},
		{"Optimizer", &optim.SWA{}},
		{"Start or Every", &optim.SWA{Optimizer: sgd, Start: -1}},
		{"Start or Every", &optim.SWA{Optimizer: sgd, Every: -1}},
		{"Optimizer", &optim.NTASGD{}},
		{"Patience", &optim.NTASGD{Optimizer: sgd, Patience: -1}},
		{"LearningRate", &optim.EMA{Optimizer: &optim.SGD{}}}, // of the inner one
	} {
		a := arena(t, graph.Float32, vector(1, 2))
		if err := a.Grads.SetFloats([]float64{1, 1}); err != nil {
			t.Fatal(err)
		}
		err := c.o.Step(a, 1)
		if e, ok := errors.AsType[*graph.ArgumentError](err); !ok || e.Name != c.name {
			t.Errorf("%T %+v: got %v, want an *ArgumentError that names %s", c.o, c.o, err, c.name)
		}
		if a.Values.At(0) != 1 || a.Values.At(1) != 2 || c.o.State().Steps != 0 {
			t.Errorf("%T made a step in spite of the error %v", c.o, err)
		}
	}
	for name, newOptimizer := range everyKind {
		for _, factor := range []float64{-1, nan, inf} {
			a := arena(t, graph.Float32, vector(1, 2))
			err := newOptimizer().Step(a, factor)
			if e, ok := errors.AsType[*graph.ArgumentError](err); !ok || e.Name != "factor" || a.Values.At(0) != 1 {
				t.Errorf("%s, factor %v: %v", name, factor, err)
			}
		}
		if err := newOptimizer().Step(nil, 1); err == nil {
			t.Errorf("%s: no error without an arena", name)
		}
	}
}

// The factor is one of the learning rate: a step at factor f is one at f times the rate, and at 0 none.
func TestFactor(t *testing.T) {
	for name, newOptimizer := range everyKind {
		a, b := arena(t, graph.Float64, vector(1, -2)), arena(t, graph.Float64, vector(1, -2))
		for x, factor := range map[*graph.Arena]float64{a: 1, b: 0.5} {
			if err := x.Grads.SetFloats([]float64{0.5, -1}); err != nil {
				t.Fatal(err)
			}
			if err := newOptimizer().Step(x, factor); err != nil {
				t.Fatal(err)
			}
		}
		// The first step of all of them is proportional to the rate.
		near(t, name+", half a step", b.Values, 1e-7, (1+a.Values.F64[0])/2, (-2+a.Values.F64[1])/2)
		if a.Values.F64[0] == 1 {
			t.Errorf("%s made no step", name)
		}
	}
}

// Rate is the learning rate with its factor, also of an optimizer inside another one.
func TestRate(t *testing.T) {
	for name, o := range map[string]optim.Optimizer{
		"Adam":    &optim.Adam{LearningRate: 0.1, Groups: []optim.Group{{Names: []string{"p0"}, Rate: 3}}},
		"RAdam":   &optim.RAdam{LearningRate: 0.1},
		"Adamax":  &optim.Adamax{LearningRate: 0.1},
		"Adagrad": &optim.Adagrad{LearningRate: 0.2, RateDecay: 1},
		"wrapped": &optim.SWA{Optimizer: &optim.EMA{Optimizer: &optim.Noise{Optimizer: &optim.L1{Optimizer: &optim.SGD{LearningRate: 0.1}, Penalty: 1}, Variance: 1}}},
	} {
		a := arena(t, graph.Float64, vector(1))
		for range 2 {
			if err := o.Step(a, 0.5); err != nil {
				t.Fatal(err)
			}
		}
		if got := o.(interface{ Rate() float64 }).Rate(); math.Abs(got-0.05) > 1e-15 {
			t.Errorf("%s: rate %v, want 0.05", name, got)
		}
	}
}

// Each comes near the minimum of (x-3)² + 10·(y+1)² from 0.
func TestConverge(t *testing.T) {
	for name, o := range map[string]optim.Optimizer{
		"SGD":           &optim.SGD{LearningRate: 0.04},
		"SGD, Nesterov": &optim.SGD{LearningRate: 0.02, Momentum: 0.9, Nesterov: true},
		"Adam":          &optim.Adam{LearningRate: 0.1},
		"Adam, AMSGrad": &optim.Adam{LearningRate: 0.1, AMSGrad: true},
		"AdamW":         &optim.AdamW{LearningRate: 0.1},
		"RMSprop":       &optim.RMSprop{LearningRate: 0.1, Centered: true},
		"Adagrad":       &optim.Adagrad{LearningRate: 1},
		"Adadelta":      &optim.Adadelta{LearningRate: 10},
		"Adamax":        &optim.Adamax{LearningRate: 0.1},
		"NAdam":         &optim.NAdam{LearningRate: 0.1},
		"RAdam":         &optim.RAdam{LearningRate: 0.1},
		"ASGD":          &optim.ASGD{LearningRate: 0.04, Lambda: 1e-6},
		"Rprop":         &optim.Rprop{},
		"Lion":          &optim.Lion{LearningRate: 0.1},
		"LAMB":          &optim.LAMB{LearningRate: 0.1},
		"L1":            &optim.L1{Optimizer: &optim.SGD{LearningRate: 0.04}, Penalty: 1e-4},
		"Noise":         &optim.Noise{Optimizer: &optim.SGD{LearningRate: 0.04}, Variance: 1e-4},
		"EMA":           &optim.EMA{Optimizer: &optim.SGD{LearningRate: 0.04}},
	} {
		a := arena(t, graph.Float64, vector(0.1, 0.1)) // one tensor: LAMB couldn't bring a number alone past 0
		for k := range 1000 {
			p, g := a.Values.F64, a.Grads.F64
			g[0], g[1] = 2*(p[0]-3), 20*(p[1]+1)
			if err := o.Step(a, 1-float64(k)/1000); err != nil { // to nothing, for those with steps of one size
				t.Fatal(err)
			}
		}
		near(t, name, a.Values, 1e-2, 3, -1)
	}
}

// A NaN in the gradient makes its number NaN, where it is noticed, and no other one; with LAMB, the whole parameter.
func TestNaN(t *testing.T) {
	for name, newOptimizer := range everyKind {
		for _, d := range []graph.DType{graph.Float32, graph.Float64} {
			a, o := arena(t, d, random(40, 1), random(40, 2)), newOptimizer()
			g := random(80, 3).F64
			step(t, o, a, g...)
			g[7] = math.NaN()
			step(t, o, a, g...)
			for i := range 80 {
				want := i == 7 || name == "LAMB" && i < 40
				if got := math.IsNaN(a.Values.At(i)); got != want {
					t.Errorf("%s, %v: value %d is %v", name, d, i, a.Values.At(i))
				}
			}
		}
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	for name, newOptimizer := range everyKind {
		a, o := arena(t, graph.Float32, random(50, 1), random(20_000, 2)), newOptimizer()
		a.Threads = 1 // with more, a helper may be started
		if n, ok := o.(*optim.NTASGD); ok {
			for k := range 7 {
				n.Observe(float64(k))
			}
		}
		for range 4 {
			step(t, o, a, random(20_050, 3).F64...)
		}
		if n := testing.AllocsPerRun(5, func() {
			if err := o.Step(a, 1); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a step", name, n)
		}
	}
}
