package reservoir

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 11)) }

// ok takes the results of a function that must not fail.
func ok[V any](t testing.TB) func(V, error) V {
	return func(v V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// random returns numbers from U(-1, 1).
func random(rng *rand.Rand, rows, columns int) *mat.Dense {
	m := mat.NewDense(rows, columns, nil)
	fillUniform(m.RawMatrix().Data, 1, rng)
	return m
}

// part returns some rows of m, in its memory.
func part(m *mat.Dense, from, to int) *mat.Dense {
	_, columns := m.Dims()
	return m.Slice(from, to, 0, columns).(*mat.Dense)
}

// series returns n values of the Mackey–Glass series as inputs, and the values after each as targets.
func series(t testing.TB, n int) (inputs, targets *mat.Dense) {
	t.Helper()
	s := ok[[]float64](t)(seqdata.MackeyGlass(n+1, seqdata.MackeyGlassOptions{}))
	return mat.NewDense(n, 1, s[:n]), mat.NewDense(n, 1, s[1:])
}

func rSquared(predicted, targets *mat.Dense) float64 {
	return stat.RSquaredFrom(mat.Col(nil, 0, predicted), mat.Col(nil, 0, targets), nil)
}

// near compares relative to the largest element of want.
func near(t *testing.T, what string, tolerance float64, got, want *mat.Dense) {
	t.Helper()
	var d mat.Dense
	d.Sub(got, want)
	if off := mat.Norm(&d, math.Inf(1)); !(off <= tolerance*mat.Norm(want, math.Inf(1))) {
		t.Errorf("%s: off by %g", what, off)
	}
}

// wrong wants a typed error whose text has all the words.
func wrong(t *testing.T, err error, words ...string) {
	t.Helper()
	var shape *graph.ShapeError
	var argument *graph.ArgumentError
	if !errors.As(err, &shape) && !errors.As(err, &argument) {
		t.Errorf("got %v, want an error about %v", err, words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %q, want %q in it", err, w)
		}
	}
}
