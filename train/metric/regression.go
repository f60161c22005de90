package metric

import (
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// MAE is the mean absolute error.
type MAE struct{ mean mean }

// Add counts a batch, for an output and a target of as many numbers.
func (m *MAE) Add(output *graph.Tensor, batch *seqdata.Batch) error {
	return m.mean.add("MAE", output, batch, func(x, y float64) float64 { return math.Abs(x - y) })
}

// Value returns the error so far.
func (m *MAE) Value() float64 { return m.mean.value() }

// Reset begins anew.
func (m *MAE) Reset() { *m = MAE{} }

// RMSE is the square root of the mean squared error.
type RMSE struct{ mean mean }

// Add counts a batch, for an output and a target of as many numbers.
func (m *RMSE) Add(output *graph.Tensor, batch *seqdata.Batch) error {
	return m.mean.add("RMSE", output, batch, func(x, y float64) float64 { return (x - y) * (x - y) })
}

// Value returns the error so far.
func (m *RMSE) Value() float64 { return math.Sqrt(m.mean.value()) }

// Reset begins anew.
func (m *RMSE) Reset() { *m = RMSE{} }

// MAPE is the mean of |output - target|/|target|, a share, not a percentage. A target of 0 that is missed makes it
// +Inf.
type MAPE struct{ mean mean }

// Add counts a batch, for an output and a target of as many numbers.
func (m *MAPE) Add(output *graph.Tensor, batch *seqdata.Batch) error {
	return m.mean.add("MAPE", output, batch, func(x, y float64) float64 {
		if x == y {
			return 0
		}
		return math.Abs(x-y) / math.Abs(y)
	})
}

// Value returns the error so far.
func (m *MAPE) Value() float64 { return m.mean.value() }

// Reset begins anew.
func (m *MAPE) Reset() { *m = MAPE{} }

// mean is that of a function of the output's and the target's numbers.
type mean struct {
	sum   float64
	count int
}

func (m *mean) add(op string, output *graph.Tensor, batch *seqdata.Batch, f func(x, y float64) float64) error {
	r, err := newRows(op, output, batch)
	if err != nil {
		return err
	}
	return r.numbers(func(_ int, x, y float64) {
		m.sum += f(x, y)
		m.count++
	})
}

func (m *mean) value() float64 { return m.sum / float64(m.count) }
