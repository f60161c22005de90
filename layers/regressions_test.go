package layers_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
)

// The tests of this file each hold one fault that was found, and mended, in place.

// refused expects an error of the builder, not a panic, after f.
func refused(t *testing.T, w graph.Window, f func(b *graph.Builder)) {
	t.Helper()
	defer func() {
		t.Helper()
		if r := recover(); r != nil {
			t.Errorf("panic: %v", r)
		}
	}()
	b := graph.NewBuilder(w, graph.Options{})
	if f(b); b.Err() == nil {
		if _, err := b.Forward(nil); err == nil {
			t.Error("no error")
		}
	}
}

// TestUnrollLength: T*B overflows, and T alone is more than memory holds.
func TestUnrollLength(t *testing.T) {
	refused(t, graph.Window{T: 1 << 62, B: 4}, func(b *graph.Builder) {
		layers.Unroll(b, counter{}, b.Floats("x", 8, 2), cell.State{b.Floats("s", 4, 1)}, false)
	})
}

// wrongStates is a cell of a user whose step returns another number of states than it says it has.
type wrongStates struct {
	counter
	count int
}

func (c wrongStates) Step(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State) {
	return x, slices.Repeat(s[:1], c.count)
}

func TestStateCount(t *testing.T) {
	for _, count := range []int{0, 2} {
		refused(t, graph.Window{T: 1, B: 2}, func(b *graph.Builder) {
			layers.NewRecurrent(wrongStates{count: count}).Apply(b, b.Floats("x", 2, 2))
		})
	}
}

// TestReverseState: the direction that reads from the window's end began the next window, in time, with the
// state that the window before left at its first step. There is no order of windows in which that is what a
// bidirectional layer means; each window's reverse direction begins with zeros.
func TestReverseState(t *testing.T) {
	l := layers.NewGRU(2, 3, layers.GRUOptions{Bidirectional: true}, source())
	p := program(t, l, graph.Window{T: 3, B: 1}, 2, graph.Float32)
	if err := p.Run(1); err != nil {
		t.Fatal(err)
	}
	states := graph.States{}
	p.Store(states)
	if len(states) != 1 || states["h_l0"] == nil {
		t.Errorf("carried states: %v, want h_l0 only", states)
	}
}

// TestUnknownState: a name that no layer began is a mistake, of a model that was changed or a file that isn't its.
func TestUnknownState(t *testing.T) {
	p := program(t, layers.NewGRU(2, 3, layers.GRUOptions{}, source()), graph.Window{T: 3, B: 1}, 2, graph.Float32)
	err := p.Load(graph.States{"h_l1": graph.NewTensor(graph.Float32, 1, 3)})
	var e *graph.ArgumentError
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "h_l1") {
		t.Errorf("got %v", err)
	}
}

// TestBadDropout: a probability that can't be is a mistake also where it isn't used.
func TestBadDropout(t *testing.T) {
	refused(t, graph.Window{T: 1, B: 2}, func(b *graph.Builder) { layers.Dropout(1.5).Apply(b, b.Floats("x", 2, 2)) })
	refused(t, graph.Window{T: 1, B: 2, Train: true}, func(b *graph.Builder) {
		layers.NewRNN(2, 3, layers.RNNOptions{Dropout: 1.5}, source()).Apply(b, b.Floats("x", 2, 2))
	})
}

// TestNil: a layer or a random source that isn't there is an error, not a panic.
func TestNil(t *testing.T) {
	for name, l := range map[string]layers.Layer{
		"layer": layers.Sequential{nil}, "named layer": layers.Sequential{layers.Named{Name: "a"}},
		"layer of Highway": layers.NewHighway(nil, 2, rand.New(rand.NewPCG(1, 2))), "embedding": layers.NewTied(nil),
		"source of Linear": layers.NewLinear(2, 3, nil), "source of LSTM": layers.NewLSTM(2, 3, layers.LSTMOptions{}, nil),
		"source of Embedding": layers.Sequential{layers.NewEmbedding(2, 3, nil)}, "source of a cell": layers.NewRecurrent(cell.NewPhasedLSTM(2, 3, cell.Options{}, nil)),
	} {
		l.Params()
		b := graph.NewBuilder(graph.Window{T: 1, B: 1}, graph.Options{})
		x := b.Floats("x", 1, 2)
		if name == "source of Embedding" {
			x = b.Ints("k", 1)
		}
		l.Apply(b, x)
		if _, ok := errors.AsType[*graph.ArgumentError](b.Err()); !ok {
			t.Errorf("no %s: %v", name, b.Err())
		}
	}
}
