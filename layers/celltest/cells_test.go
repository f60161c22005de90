package celltest_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/cell"
	"github.com/gobptt/bptt/layers/celltest"
)

// cells are all cells of package cell, by the name of their constructor. A test in internal/arrows fails if one is missing.
var cells = map[string]constructor{
	"NewRNN":     func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell { return cell.NewRNN(i, h, o, rng) },
	"NewReLURNN": func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell { return cell.NewReLURNN(i, h, o, rng) },
	"NewLSTM":    func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell { return cell.NewLSTM(i, h, o, rng) },
	"NewGRU":     func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell { return cell.NewGRU(i, h, o, rng) },

	"NewPeepholeLSTM":   of(cell.NewPeepholeLSTM),
	"NewCoupledLSTM":    of(cell.NewCoupledLSTM),
	"NewJANET":          of(cell.NewJANET),
	"NewMGU":            of(cell.NewMGU),
	"NewResetBeforeGRU": of(cell.NewResetBeforeGRU),
	"NewMLSTM":          of(cell.NewMLSTM),
	"NewMILSTM":         of(cell.NewMILSTM),
	"NewMIRNN":          of(cell.NewMIRNN),
	"NewLayerNormLSTM":  of(cell.NewLayerNormLSTM),
	"NewLayerNormGRU":   of(cell.NewLayerNormGRU),
	"NewProjectedLSTM": func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell {
		return cell.NewProjectedLSTM(i, h, 2, o, rng)
	},
	"NewZoneout": func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell {
		return cell.NewZoneout(cell.NewLSTM(i, h, o, rng), 0.3, 0.3)
	},

	"NewIndRNN":     of(cell.NewIndRNN),
	"NewTanhIndRNN": of(cell.NewTanhIndRNN),
	"NewSCRN":       func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell { return cell.NewSCRN(i, h, 2, o, rng) },
	"NewClockworkRNN": func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell {
		return cell.NewClockworkRNN(i, h+h%2, 2, o, rng)
	},
	"NewSRU":        of(cell.NewSRU),
	"NewQRNN":       of(cell.NewQRNN),
	"NewMinimalRNN": of(cell.NewMinimalRNN),
	"NewAntisymmetricRNN": func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell {
		return cell.NewAntisymmetricRNN(i, h, 0.5, 0.1, o, rng)
	},
	"NewLMU":        func(i, h int, _ cell.Options, rng *rand.Rand) cell.Cell { return cell.NewLMU(i, h, 4, 7.5, rng) },
	"NewPhasedLSTM": of(cell.NewPhasedLSTM),
	"NewCTRNN": func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell {
		return cell.NewCTRNN(i, h, 0.5, 2, o, rng)
	},
	"NewLeakyRNN": func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell {
		return cell.NewLeakyRNN(i, h, 0.3, o, rng)
	},
}

type constructor func(input, hidden int, o cell.Options, rng *rand.Rand) cell.Cell

// of makes a constructor of a concrete type one of cells.
func of[C cell.Cell](newCell func(input, hidden int, o cell.Options, rng *rand.Rand) C) constructor {
	return func(i, h int, o cell.Options, rng *rand.Rand) cell.Cell { return newCell(i, h, o, rng) }
}

func TestCells(t *testing.T) {
	for name, newCell := range cells {
		for what, o := range map[string]cell.Options{"": {}, " without bias": {NoBias: true}} {
			t.Run(name+what, func(t *testing.T) {
				t.Parallel()
				celltest.Run(t, 3, func(rng *rand.Rand) cell.Cell { return newCell(3, 5, o, rng) })
			})
		}
		if _, ok := newCell(1, 3, cell.Options{}, rand.New(rand.NewPCG(1, 2))).(cell.Fused); !ok {
			continue // tiles only matter to a fused recurrence
		}
		t.Run(name+" wider than a tile", func(t *testing.T) {
			t.Parallel()
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

// gates are the activations that cells record; h only where it is bounded.
var gates = map[string]string{
	"NewRNN": "h", "NewMIRNN": "h", "NewTanhIndRNN": "h", "NewLMU": "h", "NewSCRN": "h",
	"NewReLURNN": "", "NewIndRNN": "", // nothing is bounded
	"NewLSTM": "input forget candidate output h", "NewPeepholeLSTM": "input forget candidate output h",
	"NewMLSTM": "input forget candidate output h", "NewMILSTM": "input forget candidate output h",
	"NewLayerNormLSTM": "input forget candidate output h", "NewZoneout": "input forget candidate output h",
	"NewPhasedLSTM": "input forget candidate output h time", "NewProjectedLSTM": "input forget candidate output",
	"NewCoupledLSTM": "input candidate output h", "NewJANET": "forget candidate",
	"NewGRU": "reset update candidate h", "NewResetBeforeGRU": "reset update candidate h", "NewLayerNormGRU": "reset update candidate h",
	"NewMGU": "forget candidate h", "NewMinimalRNN": "update candidate h",
	"NewLeakyRNN": "candidate h", "NewCTRNN": "candidate h", "NewClockworkRNN": "candidate h", "NewAntisymmetricRNN": "candidate",
	"NewSRU": "forget highway", "NewQRNN": "candidate forget output",
}

// TestGates: unrolled cells record their gates, with all activations in the range that the gate has, and on both sides of
// its middle, if it isn't one that is nearly always shut.
func TestGates(t *testing.T) {
	w := graph.Window{T: 5, B: 9}
	x := random(w.T*w.B, 3)
	for name, newCell := range cells {
		want, ok := gates[name]
		if !ok {
			t.Errorf("%s isn't in gates", name)
		}
		c := newCell(3, 6, cell.Options{}, rand.New(rand.NewPCG(1, 2)))
		b := graph.NewBuilder(w, graph.Options{Observe: true})
		var s cell.State
		for _, v := range c.States() {
			s = append(s, b.Const(graph.NewTensor(graph.Float32, w.B, v.Width)))
		}
		y, _ := layers.Unroll(b, c, b.Scale(b.Const(x), 3), s, false)
		b.Output("y", y)
		p, err := b.Forward(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(1); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, g := range p.Recordings()[0].Gates {
			got = append(got, g.Name)
			low, high := 0, 0
			for i, n := range g.Bins {
				if i < len(g.Bins)/2 {
					low += n
				} else {
					high += n
				}
			}
			if low+high != w.T*2*6 || (low == 0 || high == 0) && g.Name != "time" {
				t.Errorf("%s %s: %d low and %d high activations, want %d in all", name, g.Name, low, high, w.T*2*6)
			}
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s: got %q, want %q", name, g, want)
		}
	}
}
