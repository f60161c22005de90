package loss_test

import (
	"math"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/golden"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/loss"
)

type goldenCase struct {
	Loss, Reduction string
	LabelSmoothing  float64 `json:"label_smoothing"`
	IgnoreIndex     int     `json:"ignore_index"`
	Delta, Beta     float64
	Eps             float64
	Full            bool
	Blank           int
	ZeroInfinity    bool `json:"zero_infinity"`
}

// TestGolden holds values and gradients against PyTorch's, in both precisions. PyTorch's sum is the mean times the
// weight of the targets.
func TestGolden(t *testing.T) {
	golden.Run(t, "../../internal/golden/testdata", []string{"loss"}, func(t *testing.T, c *golden.Case) {
		for _, d := range []graph.DType{graph.Float64, graph.Float32} {
			var s goldenCase
			c.Decode(t, &s)
			in := c.Tensor(t, "input")
			r := newRig(t, d, in.Shape[0], 1)
			var l coster
			columns := func(name string) []float64 { return c.Tensor(t, name).F64 }
			switch s.Loss {
			case "cross_entropy":
				ce := loss.CrossEntropy{Smoothing: s.LabelSmoothing, Ignore: []int{s.IgnoreIndex}}
				if c.Has("weight") {
					ce.ClassWeights = columns("weight")
				}
				l = ce
				r.ints(seqdata.Target, c.Ints(t, "target"))
			case "ctc":
				l = loss.CTC{Blank: s.Blank, Sum: s.Reduction == "sum", ZeroInfinity: s.ZeroInfinity}
				steps, batch := in.Shape[0], in.Shape[1]
				r = newRig(t, d, steps, batch)
				r.ints(seqdata.Target, transposed(c.Ints(t, "target"), batch))
				r.ints(loss.InputLengths, c.Ints(t, "input_lengths"))
				r.ints(loss.TargetLengths, c.Ints(t, "target_lengths"))
				in.Shape = []int{steps * batch, in.Shape[2]}
			default:
				target := c.Tensor(t, "target")
				r.floats(seqdata.Target, target.F64, target.Shape...)
				switch s.Loss {
				case "mse":
					l = loss.MSE{}
				case "l1":
					l = loss.L1{}
				case "huber":
					l = loss.Huber{Delta: s.Delta}
				case "smooth_l1":
					l = loss.SmoothL1{Beta: s.Beta}
				case "bce_with_logits":
					bce := loss.BCEWithLogits{}
					if c.Has("pos_weight") {
						bce.PosWeight = columns("pos_weight")
					}
					l = bce
				case "gaussian_nll":
					l = loss.GaussianNLL{Eps: s.Eps, Full: s.Full}
					in = besides(in, c.Tensor(t, "variance"))
				default:
					t.Fatalf("unknown loss %q", s.Loss)
				}
			}
			if s.Reduction != "mean" && (s.Reduction != "sum" || s.Loss != "cross_entropy" && s.Loss != "ctc") {
				t.Fatalf("unknown reduction %q of %s", s.Reduction, s.Loss)
			}
			value, gradient := r.run(l, in)
			if s.Loss == "cross_entropy" && s.Reduction == "sum" {
				value *= r.weight()
				for i := range gradient {
					gradient[i] *= r.weight()
				}
			}
			if s.Loss == "gaussian_nll" {
				gradient = firstHalves(gradient, in.Shape[1])
			}
			tolerance := map[graph.DType]float64{graph.Float64: 1e-9, graph.Float32: 2e-5}[d]
			compare(t, d.String()+" value", []float64{value}, c.Tensor(t, "value").F64, tolerance)
			compare(t, d.String()+" gradient", gradient, c.Tensor(t, "grad.input").F64, tolerance)
		}
	})
}

// compare holds numbers to others, within a tolerance relative to the largest.
func compare(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	largest := 0.0
	for _, v := range want {
		largest = math.Max(largest, math.Abs(v))
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		if !(math.Abs(got[i]-w) <= tolerance*largest) {
			t.Errorf("%s[%d] = %.12g, want %.12g", what, i, got[i], w)
			return
		}
	}
}

// transposed turns [rows, cols] into [cols, rows].
func transposed(v []int32, rows int) []int32 {
	cols := len(v) / rows
	out := make([]int32, len(v))
	for i := range rows {
		for j := range cols {
			out[j*rows+i] = v[i*cols+j]
		}
	}
	return out
}

// besides puts the logarithms of variances beside means.
func besides(mean, variance *graph.Tensor) *graph.Tensor {
	rows, width := mean.Shape[0], mean.Shape[1]
	out := graph.NewTensor(graph.Float64, rows, 2*width)
	for i := range rows {
		for j := range width {
			out.F64[i*2*width+j] = mean.F64[i*width+j]
			out.F64[i*2*width+width+j] = math.Log(variance.F64[i*width+j])
		}
	}
	return out
}

// firstHalves returns the first half of every row.
func firstHalves(v []float64, width int) []float64 {
	var out []float64
	for ; len(v) > 0; v = v[width:] {
		out = append(out, v[:width/2]...)
	}
	return out
}
