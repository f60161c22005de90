package track

import (
	"bytes"
	"encoding/xml"
	"image"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/plot/plotter"
)

// run is a history of steps updates and a validation every so many of them.
func run(steps, every int) *History {
	random := rand.New(rand.NewPCG(1, 2))
	h := &History{}
	for step := 1; step <= steps; step++ {
		x := float64(step) / float64(steps)
		h.AddTrain(Point{Step: step, Loss: 1.3 + 3*math.Exp(-10*x) + 0.1*random.NormFloat64()})
		if step%every == 0 {
			h.AddValidation(Point{Step: step, Loss: 1.4 + 3*math.Exp(-10*x) + 0.2*x})
		}
	}
	return h
}

// losses is a history of these training and validation losses.
func losses(train, validation []float64) *History {
	h := &History{}
	for i, v := range train {
		h.AddTrain(Point{Step: i, Loss: v})
	}
	for i, v := range validation {
		h.AddValidation(Point{Step: i, Loss: v})
	}
	return h
}

func TestCurve(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	extreme := losses([]float64{math.MaxFloat64, -math.MaxFloat64, 1e99, -1e99, 1e-300}, []float64{math.MaxFloat64, 1e99})
	extreme.AddTrain(Point{Step: math.MaxInt, Loss: 1})
	extreme.AddTrain(Point{Step: math.MinInt, Loss: 1})
	for name, test := range map[string]struct {
		history           *History
		train, validation bool // whether there is such a line
	}{
		"run":              {run(2000, 100), true, true},
		"many validations": {run(2000, 2), true, true},
		"empty":            {&History{}, false, false},
		"nothing finite":   {losses([]float64{nan, inf, -inf}, []float64{nan}), false, false},
		"one training":     {losses([]float64{2}, nil), true, false},
		"one validation":   {losses(nil, []float64{2}), false, true},
		"no validation":    {losses([]float64{3, 2, 1}, nil), true, false},
		"some not finite":  {losses([]float64{nan, 3, inf, 2, -inf, 1, nan}, []float64{nan, 2, inf}), true, true},
		"constant":         {losses([]float64{2, 2, 2, 2}, []float64{2, 2}), true, true},
		"zero":             {losses([]float64{0, 0, 0}, []float64{0}), true, true},
		"negative":         {losses([]float64{-1, -20, -300}, []float64{-2}), true, true},
		"tiny":             {losses([]float64{3e-300, 2e-300}, []float64{2e-300}), true, true},
		"close":            {losses([]float64{1e15, 1e15 + 0.125}, nil), true, false},
		"denormal":         {losses([]float64{0, math.SmallestNonzeroFloat64}, nil), true, false},
		"last steps":       {&History{Train: []Point{{Step: math.MaxInt - 1, Loss: 2}, {Step: math.MaxInt, Loss: 1}}}, true, false},
		"extreme":          {extreme, true, true},
		"awkward":          {awkward(), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			picture, err := png.Decode(bytes.NewReader(test.history.PNG()))
			if err != nil {
				t.Fatal(err)
			}
			if size := picture.Bounds().Size(); size.X != 900 || size.Y != 500 {
				t.Errorf("PNG of %v, want 900 by 500", size)
			}
			pixels := picture.(*image.RGBA).Pix
			if got := bytes.Contains(pixels, []byte{blue.R, blue.G, blue.B, blue.A}); got != test.train {
				t.Errorf("training line drawn: %v, want %v", got, test.train)
			}
			if got := bytes.Contains(pixels, []byte{red.R, red.G, red.B, red.A}); got != test.validation {
				t.Errorf("validation line drawn: %v, want %v", got, test.validation)
			}

			if svg := test.history.SVG(); !strings.Contains(svg, `<svg width="675pt" height="375pt"`) {
				t.Errorf("SVG of another size than 675pt by 375pt: %.300s", svg)
			}
			shown := svgTexts(t, test.history.SVG())
			for text, want := range map[string]bool{
				"Learning curve":               true,
				"training step":                true,
				"loss (mean over the targets)": true,
				"training":                     test.train,
				"training, smoothed":           test.train,
				"no points to draw":            !test.train && !test.validation,
			} {
				if got := strings.Contains(shown, "\n"+text+"\n"); got != want {
					t.Errorf("SVG shows %q: %v, want %v", text, got, want)
				}
			}
			if got := strings.Contains(shown, "\nvalidation, best "); got != test.validation {
				t.Errorf("SVG shows the best validation: %v, want %v", got, test.validation)
			}
			if strings.Contains(shown, "NaN") || strings.Contains(shown, "Inf") {
				t.Error("SVG shows NaN or Inf")
			}
		})
	}
}

// svgTexts returns the texts of a picture, each with line breaks around it, and fails if it is no SVG.
func svgTexts(t *testing.T, svg string) string {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(svg))
	var texts strings.Builder
	var element string
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("SVG: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			element = token.Name.Local
			for _, a := range token.Attr {
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("SVG: %s has %s=%q", element, a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			if element == "text" {
				texts.WriteString("\n" + strings.TrimSpace(string(token)) + "\n")
			}
		}
	}
	return texts.String()
}

func TestCurveChangesNothing(t *testing.T) {
	h, want := run(2000, 100), run(2000, 100)
	h.SVG()
	checkSame(t, h.Train, want.Train)
	checkSame(t, h.Validation, want.Validation)
}

func TestCurveOfMillionPoints(t *testing.T) {
	h := &History{Train: make([]Point, 1e6)}
	for i := range h.Train {
		h.Train[i] = Point{Step: i, Loss: math.Sin(float64(i))}
	}
	if size := len(h.SVG()); size > 100_000 {
		t.Errorf("the SVG has %d bytes", size)
	}
}

func TestThin(t *testing.T) {
	for _, n := range []int{0, 1, 899, 900, 901, 1350, 12345} {
		xys := drawable(run(n, 1).Train)
		thinned := thin(xys)
		if want := min(n, 900); len(thinned) > 900 || len(thinned) < want/2 {
			t.Errorf("%d points: %d are left", n, len(thinned))
		}
		lowest, highest, left := math.Inf(1), math.Inf(-1), map[plotter.XY]bool{}
		for i, p := range thinned {
			left[p] = true
			if i > 0 && p.X < thinned[i-1].X {
				t.Errorf("%d points: step %v is after %v", n, p.X, thinned[i-1].X)
			}
			lowest, highest = min(lowest, p.Y), max(highest, p.Y)
		}
		for _, p := range xys {
			delete(left, p)
			if p.Y < lowest || p.Y > highest {
				t.Errorf("%d points: %v is lost, the extremes are %v and %v", n, p.Y, lowest, highest)
			}
		}
		if len(left) > 0 {
			t.Errorf("%d points: made up %v", n, left)
		}
	}
}

// The two passes must give what the definition says: weights decay^distance, over all points.
func TestSmoothed(t *testing.T) {
	for _, n := range []int{1, 2, 7, 300} {
		xys := drawable(run(n, 1).Train)
		decay := math.Exp(-1 / max(0.5, float64(n)/100))
		for i, got := range smoothed(xys, math.Inf(-1), math.Inf(1)) {
			var sum, total float64
			for k, p := range xys {
				weight := math.Pow(decay, math.Abs(float64(i-k)))
				sum, total = sum+weight*p.Y, total+weight
			}
			if want := sum / total; math.Abs(got.Y-want) > 1e-12*math.Abs(want) || got.X != xys[i].X {
				t.Errorf("%d points: point %d is %v, want a loss of %v", n, i, got, want)
			}
		}
	}
	flat := smoothed(drawable(losses([]float64{1, 1, 1e9, 1, 1}, nil).Train), 0, 1)
	for i, p := range flat {
		if math.Abs(p.Y-1) > 1e-15 {
			t.Errorf("point %d: got %v, want 1: the spike is out of range", i, p.Y)
		}
	}
}

func TestLossRange(t *testing.T) {
	spiked := run(3000, 100)
	spiked.Train[1000].Loss = 1e6
	low, high := lossRange(drawable(spiked.Train), drawable(spiked.Validation))
	if low > 1.2 || low < 0 || high < 4 || high > 15 {
		t.Errorf("with a spike: got %v to %v, want about 1 to 12", low, high)
	}
	low, high = lossRange(drawable(losses([]float64{1, 2, 1000}, nil).Train))
	if low > 1 || high < 1000 {
		t.Errorf("short line: got %v to %v, want all of it", low, high)
	}
}

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		marker    ticks
		low, high float64
		want      string
	}{
		{ticks{wanted: 8, whole: true}, 0, 5000, "0 1,000 2,000 3,000 4,000 5,000"},
		{ticks{wanted: 8, whole: true}, 0, 1e6, "0 200,000 400,000 600,000 800,000 1,000,000"},
		{ticks{wanted: 8, whole: true}, 0, 1, "0 1"},
		{ticks{wanted: 8, whole: true}, -1, 1, "-1 0 1"},
		{ticks{wanted: 8, whole: true}, 4999, 5001, "4,999 5,000 5,001"},
		{ticks{wanted: 6}, 1.1, 4.4, "2 3 4"},
		{ticks{wanted: 6}, -0.25, 0.55, "-0.2 0.0 0.2 0.4"},
		{ticks{wanted: 6}, 1.35, 1.3565, "1.350 1.352 1.354 1.356"},
		{ticks{wanted: 6}, -170, -110, "-170 -160 -150 -140 -130 -120 -110"},
		{ticks{wanted: 6}, 0, 3.1e-7, "0 1e-07 2e-07 3e-07"},
		{ticks{wanted: 6}, 0, 5.1e8, "0 1e+08 2e+08 3e+08 4e+08 5e+08"},
		{ticks{wanted: 6}, 999999.5, 1000001, "999999.5 1000000 1000000.5 1000001"},
	} {
		var labels []string
		for _, mark := range test.marker.Ticks(test.low, test.high) {
			labels = append(labels, mark.Label)
		}
		if got := strings.Join(labels, " "); got != test.want {
			t.Errorf("%v to %v: got %s, want %s", test.low, test.high, got, test.want)
		}
	}
}

// The axis names the unit of the losses.
func TestCurveUnit(t *testing.T) {
	h := losses([]float64{3, 2}, nil)
	h.Unit = "squared error"
	if shown := svgTexts(t, h.SVG()); !strings.Contains(shown, "\nloss (squared error)\n") {
		t.Errorf("SVG shows %q", shown)
	}
}
