package decode

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/graph"
)

// LogProbs returns the log-softmax of sequence b of a batch, in its first steps, from an output of logits [T*batch, C]:
// [steps][C]. Logarithms of probabilities are left as they are.
func LogProbs(output *graph.Tensor, batch, b, steps int) ([][]float64, error) {
	switch {
	case output == nil || len(output.Shape) != 2 || output.Shape[0]*output.Shape[1] != output.Len() || output.Len() == 0:
		shape := "nil"
		if output != nil {
			shape = fmt.Sprintf("%v with %d values", output.Shape, output.Len())
		}
		return nil, &graph.ShapeError{Op: "decode.LogProbs", Got: shape, Want: "[T*B, C]"}
	case batch < 1 || output.Shape[0]%batch != 0:
		return nil, argument("LogProbs", "batch", fmt.Sprint(batch), fmt.Sprintf("a divisor of the output's %d rows", output.Shape[0]))
	case b < 0 || b >= batch:
		return nil, argument("LogProbs", "sequence", fmt.Sprint(b), fmt.Sprintf("0 to %d", batch-1))
	case steps < 0 || steps > output.Shape[0]/batch:
		return nil, argument("LogProbs", "steps", fmt.Sprint(steps), fmt.Sprintf("0 to %d", output.Shape[0]/batch))
	}
	classes := output.Shape[1]
	all := make([]float64, steps*classes)
	frames := make([][]float64, steps)
	for t := range frames {
		frames[t] = all[t*classes:][:classes:classes]
		top, sum := math.Inf(-1), 0.0
		for k := range frames[t] {
			frames[t][k] = output.At((t*batch+b)*classes + k)
			top = math.Max(top, frames[t][k])
		}
		for _, v := range frames[t] {
			sum += math.Exp(v - top)
		}
		for k, v := range frames[t] {
			frames[t][k] = (v - top) - math.Log(sum)
		}
	}
	return frames, nil
}

// check returns the number of classes, and an error unless all time steps have as many, the blank is one, and the
// values are logarithms: not NaN, and not +Inf.
func check(op string, logProbs [][]float64, blank int) (classes int, err error) {
	for t, frame := range logProbs {
		if t == 0 {
			classes = len(frame)
		}
		if len(frame) != classes {
			return 0, argument(op, fmt.Sprintf("step %d", t), fmt.Sprint(len(frame), " classes"), fmt.Sprintf("%d, as step 0 has", classes))
		}
		for k, v := range frame {
			if math.IsNaN(v) || math.IsInf(v, 1) {
				return 0, argument(op, fmt.Sprintf("class %d of step %d", k, t), fmt.Sprint(v), "the logarithm of a probability")
			}
		}
	}
	if blank < 0 || len(logProbs) > 0 && blank >= classes {
		return 0, argument(op, "blank", fmt.Sprint(blank), fmt.Sprintf("one of %d classes", classes))
	}
	return classes, nil
}

func argument(op, name, got, want string) error {
	return &graph.ArgumentError{Op: "decode." + op, Name: name, Got: got, Want: want}
}
