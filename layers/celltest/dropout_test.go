package celltest_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
	"github.com/gobptt/bptt/layers/celltest"
)

// Cells with dropout of every kind are whole cells in evaluation.
func TestRegularizedCells(t *testing.T) {
	o := cell.Options{RecurrentDropout: 0.3, WeightDrop: 0.3}
	t.Run("LSTM", func(t *testing.T) {
		t.Parallel()
		celltest.Run(t, 3, func(rng *rand.Rand) cell.Cell { return cell.NewLSTM(3, 5, o, rng) })
	})
	t.Run("GRU", func(t *testing.T) {
		t.Parallel()
		celltest.Run(t, 3, func(rng *rand.Rand) cell.Cell { return cell.NewGRU(3, 5, o, rng) })
	})
	t.Run("GRU with zoneout", func(t *testing.T) {
		t.Parallel()
		celltest.Run(t, 3, func(rng *rand.Rand) cell.Cell { return cell.NewZoneout(cell.NewGRU(3, 5, o, rng), 0.3) })
	})
}

// TestDropoutOptions: every cell either applies the options of dropout, in training only and as a function of the seed, or
// refuses them. A probability that can't be is refused in any case.
func TestDropoutOptions(t *testing.T) {
	const steps, batch, input, hidden = 4, 2, 3, 5
	run := func(t *testing.T, newCell func(int, int, cell.Options, *rand.Rand) cell.Cell, o cell.Options, train bool, seed uint64) ([]float32, error) {
		t.Helper()
		w := graph.Window{T: steps, B: batch, Train: train}
		b := graph.NewBuilder(w, graph.Options{})
		l := layers.NewRecurrent(newCell(input, hidden, o, rand.New(rand.NewPCG(1, 2))))
		x := random(steps*batch, input)
		b.Output("y", l.Apply(b, b.Const(x)))
		p, err := b.Forward(nil)
		if err != nil {
			return nil, err
		}
		if err := p.Run(seed); err != nil {
			t.Fatal(err)
		}
		return slices.Clone(p.Output("y").F32), nil
	}
	for name, newCell := range cells {
		if name == "NewLMU" {
			continue // has no options
		}
		plain, err := run(t, newCell, cell.Options{}, false, 1)
		if err != nil {
			t.Fatal(err)
		}
		for what, o := range map[string]cell.Options{"RecurrentDropout": {RecurrentDropout: 0.5}, "WeightDrop": {WeightDrop: 0.5}} {
			t.Run(name+" "+what, func(t *testing.T) {
				one, err := run(t, newCell, o, true, 1)
				var refused *graph.ArgumentError
				if errors.As(err, &refused) {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				again, _ := run(t, newCell, o, true, 1)
				other, _ := run(t, newCell, o, true, 2)
				evaluated, _ := run(t, newCell, o, false, 1)
				none, _ := run(t, newCell, cell.Options{}, true, 1)
				if slices.Equal(one, none) || slices.Equal(one, other) || !slices.Equal(one, again) {
					t.Error("it is not there while training, or not a function of the seed")
				}
				if !slices.Equal(evaluated, plain) {
					t.Error("it is there in evaluation")
				}
			})
		}
		for _, o := range []cell.Options{{RecurrentDropout: 1}, {RecurrentDropout: -0.1}, {WeightDrop: 1.5}, {WeightDrop: -1}} {
			if _, err := run(t, newCell, o, false, 1); !errors.As(err, new(*graph.ArgumentError)) {
				t.Errorf("%s with %+v: got error %v", name, o, err)
			}
		}
	}
}

func random(shape ...int) *graph.Tensor {
	rng := rand.New(rand.NewPCG(3, 4))
	t := graph.NewTensor(graph.Float32, shape...)
	for i := range t.F32 {
		t.F32[i] = float32(rng.NormFloat64())
	}
	return t
}
