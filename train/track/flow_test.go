package track

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
)

// decaying is a recording whose norms fall with the distance from the last step.
func decaying(state string, steps int, decay float64) graph.Recording {
	r := graph.Recording{State: state, Gates: []graph.GateRecording{
		{Name: "update", To: 1, Bins: slices.Repeat([]int{3}, 20), Low: 0.1, High: 0.1},
		{Name: "h", From: -1, To: 1, Bins: make([]int, 20)},
	}}
	for t := range steps {
		r.Norms = append(r.Norms, math.Pow(decay, float64(steps-1-t)))
	}
	return r
}

// flowOf is a run of updates of a small model.
func flowOf(updates int, recordings ...graph.Recording) *GradientFlow {
	rng := rand.New(rand.NewPCG(1, 2))
	arena, err := graph.NewArena([]graph.NamedParam{
		{Name: "0.weight_hh_l0", Param: graph.NewParam(graph.Normal(1), rng, 6, 2)},
		{Name: "1.weight", Param: graph.NewParam(graph.Normal(1), rng, 3, 2)},
	})
	if err != nil {
		panic(err)
	}
	f := &GradientFlow{}
	for i := range updates {
		arena.Grads.Zero()
		arena.Grads.SetAt(0, min(float64(i%4), 2)) // clipped to 2
		f.BeforeStep(arena, float64(i%4))
		for k := range arena.Values.Len() {
			arena.Values.SetAt(k, arena.Values.At(k)*1.01)
		}
		f.AfterStep(i+1, arena, recordings)
	}
	return f
}

// pictures are all that a flow can draw.
func pictures(f *GradientFlow) map[string]interface {
	SVG() string
	PNG() []byte
} {
	return map[string]interface {
		SVG() string
		PNG() []byte
	}{
		"HeatMap": f.HeatMap(), "Unrolled": f.Unrolled(), "Activations": f.Activations(), "ByLag": f.ByLag(), "Norms": f.Norms(),
		"Ratios": f.Ratios(), "SpectralRadii": f.SpectralRadii(), "Saturation": f.Saturation(), "itself": f,
	}
}

// TestFlowPictures: every picture of every run, strange ones included, can be read, has its title and no number that is
// none.
func TestFlowPictures(t *testing.T) {
	odd := decaying("0.h_l0", 5, 0.5)
	odd.Norms = []float64{math.NaN(), math.Inf(1), 0, 1e-300, 1e300}
	backwards := decaying("1.h_l0_reverse", 30, 0.5)
	backwards.Reverse = true
	var many []graph.Recording
	for i := range 20 {
		many = append(many, decaying(fmt.Sprintf("encoder.block.%d.h_l0", i), 3, 0.5))
	}
	made := &GradientFlow{Params: []string{"a"}, Updates: []FlowUpdate{
		{Step: 7, Recurrences: []graph.Recording{decaying("0.h_l0", 3, 0.1), backwards}, Stride: -1, Ratios: []float64{1, 2, 3}},
		{Step: 3, Recurrences: []graph.Recording{decaying("0.h_l0", 9, 0.1)}},
		{Step: math.MaxInt},
		{Step: math.MinInt, Recurrences: []graph.Recording{{}}, GradNorm: math.NaN(), Clipped: 1},
	}, Radii: []FlowRadii{{Gates: [][]float64{{1}, {2}}}, {}}}
	for name, f := range map[string]*GradientFlow{
		"nil": nil, "empty": {}, "one step": flowOf(1, decaying("0.h_l0", 1, 1)), "nothing observed": flowOf(3),
		"run": flowOf(9, decaying("0.h_l0", 40, 0.5), backwards), "odd": flowOf(3, odd), "many": flowOf(2, many...), "made": made,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for which, p := range pictures(f) {
				if name == "run" || name == "odd" { // it takes a while
					if _, err := png.Decode(bytes.NewReader(p.PNG())); err != nil {
						t.Errorf("%s: %v", which, err)
					}
				}
				texts := svgTexts(t, p.SVG())
				if strings.Contains(texts, "NaN") || strings.Contains(texts, "Inf") || !strings.Contains(texts, "\n") {
					t.Errorf("%s: %q", which, texts)
				}
				if name != "run" {
					continue
				}
				for _, want := range map[string][]string{
					"HeatMap":       {"Gradient at every time step, as training goes on", "training step", "time step t, counted from the last", "log10 of the", "norm of ∂L/∂h_t", "0.h_l0", "1.h_l0_reverse", "-30", "-2", "white: none"},
					"itself":        {"Gradient at every time step, as training goes on"},
					"Unrolled":      {"The network unrolled over time, and the gradient of step 9", "input", "0.h_l0", "-39", "0", "time step t, counted from the last: one in 3 is drawn"},
					"Activations":   {"update", "h", "0.h_l0"},
					"ByLag":         {"0.h_l0, step 1", "0.h_l0, step 9", "time steps back from the last", "1e-4"},
					"Norms":         {"Norm of the gradient: 22.2 % of the updates were clipped", "after clipping"},
					"Ratios":        {"0.weight_hh_l0", "1.weight"},
					"SpectralRadii": {"0.weight_hh_l0, update", "0.weight_hh_l0, h", "0.weight_hh_l0, gate 2"},
					"Saturation":    {"0.h_l0 update low", "share of all activations"},
				}[which] {
					if !strings.Contains(texts, "\n"+want+"\n") {
						t.Errorf("%s doesn't show %q: %q", which, want, texts)
					}
				}
			}
			for _, write := range []func() string{f.HTML, f.DOT, f.CSV} {
				if write() == "" {
					t.Error("nothing")
				}
			}
			if name == "nil" {
				f.BeforeStep(nil, 1)
				f.AfterStep(1, nil, nil)
				if f.ClipRate() != 0 {
					t.Error("a nil flow has clipped")
				}
			}
		})
	}
}

// TestHeatMapCells: each norm has its place, the last step at the right and the last update at the top, and its colour.
func TestHeatMapCells(t *testing.T) {
	f := &GradientFlow{Updates: []FlowUpdate{
		{Step: 10, Stride: 1, Recurrences: []graph.Recording{{Norms: []float64{1e-3, 1e-2, 1e-1}}}},
		{Step: 20, Stride: 1, Recurrences: []graph.Recording{{Norms: []float64{math.NaN(), 1}}}},
		{Step: 30, Stride: 1, Recurrences: []graph.Recording{{Norms: []float64{1e-3, 0, 1e-2}}}},
	}}
	img := f.cells(0, 3, 0, 30, f.scale())
	size := img.Bounds().Size()
	dark, bright := viridis[0], viridis[len(viridis)-1]
	third, twoThirds := f.scale().color(1e-2), f.scale().color(1e-1)
	white := color.RGBA{255, 255, 255, 255}
	for row, want := range [][]color.RGBA{{dark, white, third}, {{}, red, bright}, {dark, third, twoThirds}} {
		for column, want := range want {
			if got := img.At(size.X*(2*column+1)/6, size.Y*(2*row+1)/6); got != want {
				t.Errorf("row %d, column %d: %v, want %v", row, column, got, want)
			}
		}
	}
	if third.G <= dark.G || twoThirds.G <= third.G || bright.G <= twoThirds.G {
		t.Errorf("not brighter and brighter: %v %v %v %v", dark, third, twoThirds, bright)
	}
	// The picture has them too.
	picture, err := png.Decode(bytes.NewReader(f.PNG()))
	if err != nil {
		t.Fatal(err)
	}
	found := map[color.Color]int{}
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			found[picture.At(x, y)]++
		}
	}
	for _, c := range []color.RGBA{dark, bright, third, twoThirds, red} {
		if found[c] < 1000 {
			t.Errorf("%v: %d pixels", c, found[c])
		}
	}
	extreme := &GradientFlow{Updates: []FlowUpdate{{Recurrences: []graph.Recording{{Norms: []float64{1e-300, 1e3}}}}}}
	if s := extreme.scale(); s.low != -7 || s.high != 3 || s.color(1e-300) != viridis[0] {
		t.Errorf("scale %v", s)
	}
	exploded := &GradientFlow{Updates: []FlowUpdate{{Recurrences: []graph.Recording{{Norms: append(slices.Repeat([]float64{0.1, 1}, 100), 1e20)}}}}}
	if s := exploded.scale(); math.Abs(s.low+1) > 1e-9 || s.high != 1 || s.color(1e20) != viridis[len(viridis)-1] {
		t.Errorf("scale %v", s)
	}
}

// TestFlowKeepsFew: of a long run, few updates and few time steps are kept, evenly spaced, and no numbers are made up.
func TestFlowKeepsFew(t *testing.T) {
	const updates, steps = 1400, 2300
	f := flowOf(updates, decaying("0.h_l0", steps, 0.999))
	for i, u := range f.Updates {
		if u.Step != 1+4*i || u.GradNorm != 0 || u.Clipped != 0 || math.Abs(u.Ratios[0]-0.01/1.01) > 1e-6 {
			t.Fatalf("update %d: %v", i, u)
		}
	}
	if len(f.Updates) != updates/4 || f.ClipRate() != 0.25 {
		t.Errorf("%d updates, clip rate %v", len(f.Updates), f.ClipRate())
	}
	u := f.Updates[0]
	if norms := u.Recurrences[0].Norms; u.Stride != 3 || len(norms) != (steps+2)/3 || norms[len(norms)-1] != 1 || norms[len(norms)-2] != math.Pow(0.999, 3) {
		t.Errorf("stride %d, %d norms", u.Stride, len(norms))
	}
	if len(f.Radii) != updates/200 || f.Radii[1].Step != 200 {
		t.Errorf("%d looks at the radii", len(f.Radii))
	}
	f = flowOf(1)
	arena, err := graph.NewArena([]graph.NamedParam{{Name: "weight_hh", Param: graph.NewParam(graph.Zeros, nil, 1, 1)}})
	if err != nil {
		t.Fatal(err)
	}
	f.RadiusEvery = 1
	for i := range 1200 {
		f.BeforeStep(arena, 1)
		f.AfterStep(i, arena, nil)
	}
	if len(f.Radii) > mostLooks || len(f.Radii) < mostLooks/4 {
		t.Errorf("%d looks", len(f.Radii))
	}
}

// TestFlowCut: what came after the step that a run went back to is forgotten.
func TestFlowCut(t *testing.T) {
	f := flowOf(500)
	f.Cut(300)
	if n := len(f.Updates); n != 300 || f.Updates[n-1].Step != 300 || len(f.Radii) != 2 || f.Radii[1].Step != 200 {
		t.Errorf("%d updates, radii %v", n, f.Radii)
	}
	f.Cut(0)
	(*GradientFlow)(nil).Cut(0)
	if len(f.Updates) != 0 || len(f.Radii) != 1 {
		t.Errorf("%d updates, radii %v", len(f.Updates), f.Radii)
	}
}

// TestSpectralRadii: of each block of a recurrent weight, and of nothing else.
func TestSpectralRadii(t *testing.T) {
	param := func(name string, values []float64, shape ...int) graph.NamedParam {
		p := graph.NewParam(graph.Zeros, nil, shape...)
		if err := p.Value.SetFloats(values); err != nil {
			t.Fatal(err)
		}
		return graph.NamedParam{Name: name, Param: p}
	}
	params := []graph.NamedParam{
		// A rotation by 30° that shrinks, a diagonal, a nilpotent matrix, one that isn't finite.
		param("weight_hh_l0", []float64{0.433, -0.25, 0.25, 0.433, -3, 0, 0, 2, 0, 9, 0, 0, math.NaN(), 0, 0, 1}, 8, 2),
		param("weight_ih_l0", []float64{1, 2, 3, 4}, 2, 2),
		param("weight_hh_l1", []float64{1, 2, 3, 4, 5, 6}, 2, 3), // of a projection
		param("weight_hh_l2", []float64{1, 2}, 2),
	}
	f := &GradientFlow{}
	f.look(params)
	got := f.Radii[0]
	if len(got.Gates) != 4 || got.Gates[1] != nil || got.Gates[2] != nil || got.Gates[3] != nil {
		t.Fatalf("got %+v", got)
	}
	for i, want := range []float64{0.5, 3, 0} {
		if math.Abs(got.Gates[0][i]-want) > 1e-4 {
			t.Errorf("gate %d: %v, want %v", i, got.Gates[0][i], want)
		}
	}
	if !math.IsNaN(got.Gates[0][3]) {
		t.Errorf("of NaN: %v", got.Gates[0][3])
	}
}

// TestFlowFiles: the formats hold what was recorded.
func TestFlowFiles(t *testing.T) {
	backwards := decaying("1.h_l0_reverse", 4, 0.5)
	backwards.Reverse = true
	f := flowOf(2, decaying("0.h_l0", 4, 0.5), backwards)
	rows, err := csv.NewReader(strings.NewReader(f.CSV())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, r := range rows[1:] {
		count[r[2]]++
	}
	want := map[string]int{"grad_norm": 2, "clipped": 2, "norm": 16, "low": 8, "high": 8, "bin": 160, "ratio": 4, "radius": 3}
	if fmt.Sprint(count) != fmt.Sprint(want) {
		t.Errorf("CSV: %v, want %v", count, want)
	}
	if !slices.ContainsFunc(rows, func(r []string) bool { return strings.Join(r, ",") == "2,0.h_l0,norm,-2,0.25" }) {
		t.Error("CSV: no line 2,0.h_l0,norm,-2,0.25")
	}

	dot := f.DOT()
	for want, n := range map[string]int{
		" -> ": 3 + 3 + 4 + 4, `"0.h_l0 t-3" -> "0.h_l0 t-2"`: 1, `"1.h_l0_reverse t-2" -> "1.h_l0_reverse t-3"`: 1, "1.2e-01": 2,
		`"input t0" -> "0.h_l0 t0"`: 1, `"input t0" -> "1.h_l0_reverse t0"`: 1, "{": 5, "}": 5,
	} {
		if got := strings.Count(dot, want); got != n {
			t.Errorf("DOT has %s %d times, want %d:\n%s", want, got, n, dot)
		}
	}
	page := f.HTML()
	if got := strings.Count(page, "<svg"); got != 8 || strings.Contains(page, "<?xml") || !strings.Contains(page, "2 updates, of which 2 are kept; 0.0 % were clipped.") {
		t.Errorf("HTML with %d pictures", got)
	}
	for _, part := range strings.Split(page, "<div>")[1:] {
		svg, _, _ := strings.Cut(part, "</div>")
		svgTexts(t, svg)
	}

	dir := t.TempDir()
	for name, begin := range map[string]string{"f.csv": "step,", "f.dot": "digraph", "f.HTML": "<!DOCTYPE", "f.png": "\x89PNG", "f.svg": "<?xml"} {
		if err := f.WriteFile(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.HasPrefix(string(data), begin) {
			t.Errorf("%s: %.10q, %v", name, data, err)
		}
	}
	for want, err := range map[string]error{
		`track: extension of "f.gif" is ".gif", want .csv, .dot, .html, .png or .svg`: f.WriteFile("f.gif"),
		`track: extension of "f" is "", want .png or .svg`:                            f.HeatMap().WriteFile("f"),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if err := f.WriteFile(filepath.Join(dir, "none", "f.csv")); err == nil || !strings.HasPrefix(err.Error(), "track: write gradient flow: ") {
		t.Errorf("got %v", err)
	}
}

func TestHistoryHTML(t *testing.T) {
	h := run(2000, 100)
	page := h.HTML()
	for _, want := range []string{"<svg", "2,000 steps", "last training loss", "best validation loss", "at step"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	if page := (&History{}).HTML(); !strings.Contains(page, "no points to draw") {
		t.Errorf("without points: %s", page)
	}
}
