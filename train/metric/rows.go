package metric

import (
	"fmt"
	"math"
	"slices"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// rows are the targets of a batch and the output's answers to them.
type rows struct {
	op       string
	output   *graph.Tensor
	width    int // of a row of the output
	target   seqdata.Array
	batch    *seqdata.Batch
	count    int
	weighted bool // they are those of the window's steps
}

// newRows checks that an output and a batch fit together.
func newRows(op string, output *graph.Tensor, batch *seqdata.Batch) (*rows, error) {
	if err := batch.Validate(); err != nil {
		return nil, fmt.Errorf("metric.%s: %w", op, err)
	}
	r := &rows{op: op, output: output, batch: batch, target: batch.Arrays[seqdata.Target]}
	switch shape := r.target.Shape; len(shape) {
	case 0:
		return nil, &graph.ArgumentError{Op: "metric." + op, Name: "batch", Got: "without a target", Want: "one"}
	case 1:
		r.count = shape[0]
	default:
		r.count = shape[0] * shape[1]
	}
	r.weighted = r.count == batch.T*batch.B
	good := output != nil && len(output.Shape) > 0 && output.Shape[0] == r.count
	if !good || output.Len() == 0 || product(output.Shape) != output.Len() {
		return nil, r.misfit(fmt.Sprintf("[%d, …], a row for each target", r.count))
	}
	r.width = output.Len() / r.count
	return r, nil
}

func (r *rows) misfit(want string) error {
	got := "no output"
	if r.output != nil {
		got = fmt.Sprint("an output ", r.output.Shape)
	}
	return &graph.ShapeError{Op: "metric." + r.op, Got: got, Want: want}
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// counts reports whether a row's target counts.
func (r *rows) counts(i int) bool {
	if !r.weighted {
		return true
	}
	mask, weight := r.batch.Arrays[seqdata.Mask].Floats, r.batch.Arrays[seqdata.Weight].Floats
	return (mask == nil || mask[i] != 0) && (weight == nil || weight[i] != 0)
}

// classes checks that targets are classes of the output [N, C], or one of them to ignore, and calls f for each that
// counts.
func (r *rows) classes(ignore []int, f func(row []float64, class int)) error {
	if ignore == nil {
		ignore = []int{-100}
	}
	if len(r.output.Shape) != 2 || r.target.Ints == nil || len(r.target.Ints) != r.count {
		return r.misfit("[N, C], and targets that are indices, one for each row")
	}
	counts := func(i int) bool { return r.counts(i) && !slices.Contains(ignore, int(r.target.Ints[i])) }
	for i, k := range r.target.Ints {
		if counts(i) && (k < 0 || int(k) >= r.width) {
			err := &graph.IndexError{Op: r.op, Position: i, Index: int(k), Limit: r.width}
			return fmt.Errorf("metric.%s: step %d of sequence %d: %w", r.op, i/r.batch.B, i%r.batch.B, err)
		}
	}
	row := make([]float64, r.width)
	for i, k := range r.target.Ints {
		if counts(i) {
			f(r.row(row, i), int(k))
		}
	}
	return nil
}

// row copies a row of the output.
func (r *rows) row(dst []float64, i int) []float64 {
	for k := range dst {
		dst[k] = r.output.At(i*r.width + k)
	}
	return dst
}

// numbers checks that the target is floats of the output's size, and calls f for each number in a row that counts.
func (r *rows) numbers(f func(column int, x, y float64)) error {
	if r.target.Floats == nil || len(r.target.Floats) != r.output.Len() {
		return r.misfit("as many numbers as the target, which is floats")
	}
	for i := range r.count {
		if !r.counts(i) {
			continue
		}
		for j := range r.width {
			f(j, r.output.At(i*r.width+j), float64(r.target.Floats[i*r.width+j]))
		}
	}
	return nil
}

// best returns the class with the highest score, the first of equal ones, and false if there is a NaN.
func best(row []float64) (class int, ok bool) {
	for k, v := range row {
		if v > row[class] {
			class = k
		}
		if math.IsNaN(v) {
			return k, false
		}
	}
	return class, true
}
