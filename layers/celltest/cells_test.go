package celltest_test

import (
	"math/rand/v2"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers/cell"
	"github.com/gobptt/bptt/layers/celltest"
)

// cells are all cells of package cell, by the name of their constructor. A test in internal/arrows fails if one is missing.
var cells = map[string]func(input, hidden int, o cell.Options, rng *rand.Rand) cell.Cell{
	"NewRNN":     func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell { return cell.NewRNN(i, h, o, rng) },
	"NewReLURNN": func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell { return cell.NewReLURNN(i, h, o, rng) },
	"NewLSTM":    func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell { return cell.NewLSTM(i, h, o, rng) },
	"NewGRU":     func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell { return cell.NewGRU(i, h, o, rng) },
	"NewProjectedLSTM": func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell {
		return cell.NewProjectedLSTM(i, h, 2, o, rng)
	},
	"NewZoneout": func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell {
		return cell.NewZoneout(cell.NewLSTM(i, h, o, rng), 0.3, 0.3)
	},
}

func TestCells(t *testing.T) {
	for name, newCell := range cells {
		for what, o := range map[string]cell.Options{"": {}, " without bias": {NoBias: true}} {
			t.Run(name+what, func(t *testing.T) {
				celltest.Run(t, 3, func(rng *rand.Rand) cell.Cell { return newCell(3, 5, o, rng) })
			})
		}
		t.Run(name+" wider than a tile", func(t *testing.T) {
			celltest.Run(t, 1, func(rng *rand.Rand) cell.Cell { return newCell(1, 67, cell.Options{}, rng) })
		})
	}
}

// elman is a cell as a user writes one: a step in graph ops.
type elman struct{ W, U, Bias *graph.Param }

func (c *elman) States() []cell.StateSpec { return []cell.StateSpec{{Name: "h", Width: 5}} }

func (c *elman) Params() []graph.NamedParam {
	return []graph.NamedParam{{Name: "w", Param: c.W}, {Name: "u", Param: c.U}, {Name: "bias", Param: c.Bias}}
}

func (c *elman) Step(b *graph.Builder, x *graph.Node, s cell.State) (*graph.Node, cell.State) {
	h := b.Tanh(b.Add(b.Add(b.MatMul(x, b.Param(c.W)), b.MatMul(s[0], b.Param(c.U))), b.Param(c.Bias)))
	return h, cell.State{h}
}

func TestCustomCell(t *testing.T) {
	celltest.Run(t, 3, func(rng *rand.Rand) cell.Cell {
		draw := graph.Normal(0.5)
		return &elman{graph.NewParam(draw, rng, 3, 5), graph.NewParam(draw, rng, 5, 5), graph.NewParam(draw, rng, 5)}
	})
}
