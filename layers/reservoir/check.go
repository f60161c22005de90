package reservoir

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/gobptt/bptt/graph"
)

// Limits keep a slip in a size from asking for all memory there is.
const (
	maxUnits    = 1 << 14
	maxElements = 1<<31 - 1 // of one array
)

func argumentError(op, name string, got any, want string) error {
	return &graph.ArgumentError{Op: op, Name: name, Got: fmt.Sprint(got), Want: want}
}

func shapeError(op, got, want string) error { return &graph.ShapeError{Op: op, Got: got, Want: want} }

const anyWidth = -1

// checkMatrix wants a matrix of finite numbers of the given width.
func checkMatrix(op, what string, m *mat.Dense, width int) error {
	want := fmt.Sprintf("[T %d]", width)
	if width == anyWidth {
		want = "a matrix"
	}
	if m == nil || m.IsEmpty() {
		return shapeError(op, "no "+what, want)
	}
	rows, columns := m.Dims()
	if columns != width && width != anyWidth {
		return shapeError(op, fmt.Sprintf("%s [%d %d]", what, rows, columns), want)
	}
	for t := range rows {
		for j, v := range m.RawRowView(t) {
			if !finite(v) {
				return argumentError(op, fmt.Sprintf("%s at [%d %d]", what, t, j), v, "a finite number")
			}
		}
	}
	return nil
}

// checkVector is checkMatrix for one time step.
func checkVector(op, what string, v []float64, width int) error {
	if len(v) != width {
		return shapeError(op, fmt.Sprintf("%s [%d]", what, len(v)), fmt.Sprintf("[%d]", width))
	}
	for j, x := range v {
		if !finite(x) {
			return argumentError(op, fmt.Sprintf("%s at [%d]", what, j), x, "a finite number")
		}
	}
	return nil
}

// checkSteps wants at least one step, and a result of so many rows that can be.
func checkSteps(op string, steps, width int) error {
	if most := maxElements / width; steps < 1 || steps > most {
		return argumentError(op, "number of steps", steps, fmt.Sprintf("1 to %d at a time", most))
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
