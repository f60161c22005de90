package optim_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/golden"
	"github.com/gobptt/bptt/train/optim"
)

// TestGoldenOptimizer makes the steps that PyTorch made.
func TestGoldenOptimizer(t *testing.T) {
	golden.Run(t, "../../internal/golden/testdata", []string{"optimizer"}, func(t *testing.T, c *golden.Case) {
		var s struct {
			Optimizer     string
			Params, Steps int
			Options       map[string]any
		}
		c.Decode(t, &s)
		var start []*graph.Tensor
		for i := range s.Params {
			start = append(start, c.Tensor(t, fmt.Sprintf("p%d.0", i)))
		}
		for _, d := range []graph.DType{graph.Float64, graph.Float32} {
			o, a := torchOptimizer(t, s.Optimizer, s.Options), arena(t, d, start...)
			for k := 1; k <= s.Steps; k++ {
				var gradient []float64
				for i := range s.Params {
					gradient = append(gradient, c.Tensor(t, fmt.Sprintf("g%d.%d", i, k)).F64...)
				}
				step(t, o, a, gradient...)
				for i, p := range a.Params {
					compare(t, c, fmt.Sprintf("p%d.%d", i, k), p.Value)
				}
			}
		}
	})
}

// compare holds a tensor of either precision against one of a case in float64.
func compare(t *testing.T, c *golden.Case, name string, got *graph.Tensor) {
	t.Helper()
	if got.DType() == c.Precision() {
		c.Compare(t, name, got)
		return
	}
	want := c.Tensor(t, name).F64
	largest := 0.0
	for _, w := range want {
		largest = math.Max(largest, math.Abs(w))
	}
	for i, w := range want {
		if g := got.At(i); !(math.Abs(g-w) <= 2e-5*largest) {
			t.Errorf("%v: %s[%d] = %.9g, want %.9g", got.DType(), name, i, g, w)
		}
	}
}

// torchOptimizer is an optimizer with PyTorch's names of the options.
func torchOptimizer(t *testing.T, name string, options map[string]any) optim.Optimizer {
	var known []string
	number := func(name string) float64 {
		known = append(known, name)
		v, _ := options[name].(float64)
		return v
	}
	flag := func(name string) bool {
		known = append(known, name)
		return options[name] == true
	}
	var betas [2]float64
	if b, ok := options["betas"].([]any); ok {
		betas = [2]float64{b[0].(float64), b[1].(float64)}
	}
	known = append(known, "betas")
	rate, decay, epsilon := number("lr"), number("weight_decay"), number("eps")
	var o optim.Optimizer
	switch name {
	case "SGD":
		o = &optim.SGD{LearningRate: rate, Momentum: number("momentum"), Dampening: number("dampening"), Nesterov: flag("nesterov"), WeightDecay: decay}
	case "Adam":
		o = &optim.Adam{LearningRate: rate, Beta1: betas[0], Beta2: betas[1], Epsilon: epsilon, WeightDecay: decay, AMSGrad: flag("amsgrad")}
	case "AdamW":
		o = &optim.AdamW{LearningRate: rate, Beta1: betas[0], Beta2: betas[1], Epsilon: epsilon, WeightDecay: decay, AMSGrad: flag("amsgrad")}
	case "RMSprop":
		o = &optim.RMSprop{LearningRate: rate, Alpha: number("alpha"), Epsilon: epsilon, Momentum: number("momentum"), Centered: flag("centered"), WeightDecay: decay}
	case "Adagrad":
		o = &optim.Adagrad{LearningRate: rate, RateDecay: number("lr_decay"), Initial: number("initial_accumulator_value"), Epsilon: epsilon, WeightDecay: decay}
	case "Adadelta":
		o = &optim.Adadelta{LearningRate: rate, Rho: number("rho"), Epsilon: epsilon, WeightDecay: decay}
	case "Adamax":
		o = &optim.Adamax{LearningRate: rate, Beta1: betas[0], Beta2: betas[1], Epsilon: epsilon, WeightDecay: decay}
	case "NAdam": // the vectors are of PyTorch 1.13
		o = &optim.NAdam{LearningRate: rate, Beta1: betas[0], Beta2: betas[1], Epsilon: epsilon, WeightDecay: decay, MomentumDecay: number("momentum_decay"), PyTorch1: true}
	case "RAdam":
		o = &optim.RAdam{LearningRate: rate, Beta1: betas[0], Beta2: betas[1], Epsilon: epsilon, WeightDecay: decay}
	case "ASGD":
		o = &optim.ASGD{LearningRate: rate, Lambda: number("lambd"), Alpha: number("alpha"), Start: number("t0"), WeightDecay: decay}
	default:
		t.Fatalf("unknown optimizer %s", name)
	}
	for option := range options {
		if !slices.Contains(known, option) {
			t.Fatalf("unknown option %s of %s", option, name)
		}
	}
	return o
}

// TestGoldenClipNorm clips what PyTorch clipped.
func TestGoldenClipNorm(t *testing.T) {
	golden.Run(t, "../../internal/golden/testdata", []string{"clip_norm"}, func(t *testing.T, c *golden.Case) {
		var s struct {
			Norm   any // a number, or "inf"
			Max    float64
			Params int
		}
		c.Decode(t, &s)
		order, ok := s.Norm.(float64)
		if !ok {
			order = math.Inf(1)
		}
		var shapes []*graph.Tensor
		var gradient []float64
		for i := range s.Params {
			g := c.Tensor(t, fmt.Sprint("g", i))
			shapes = append(shapes, g)
			gradient = append(gradient, g.F64...)
		}
		for _, d := range []graph.DType{graph.Float64, graph.Float32} {
			a := arena(t, d, shapes...)
			if err := a.Grads.SetFloats(gradient); err != nil {
				t.Fatal(err)
			}
			norm, err := (&optim.ClipGlobalNorm{Max: s.Max, Order: order}).Clip(a)
			if err != nil {
				t.Fatal(err)
			}
			n := graph.NewTensor(d, 1)
			n.SetAt(0, norm)
			compare(t, c, "norm", n)
			for i, p := range a.Params {
				compare(t, c, fmt.Sprint("clipped", i), p.Grad)
			}
		}
	})
}
