package track

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestChart: lines are drawn where their points can be, on both kinds of axes.
func TestChart(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, test := range map[string]struct {
		chart Chart
		drawn int // lines
	}{
		"empty":          {Chart{}, 0},
		"nothing finite": {Chart{Lines: []Line{{Name: "a", Y: []float64{nan, inf, -inf}}}}, 0},
		"not positive":   {Chart{LogY: true, Lines: []Line{{Name: "a", Y: []float64{0, -1}}}}, 0},
		"one point":      {Chart{Lines: []Line{{Name: "a", Y: []float64{3}}}}, 1},
		"constant":       {Chart{LogY: true, Lines: []Line{{Name: "a", Y: []float64{3, 3, 3}}}}, 1},
		"two":            {Chart{Lines: []Line{{Name: "a", Y: []float64{1, nan, 2}}, {Name: "b", X: []float64{-5, 5}, Y: []float64{4, 3, 2}}}}, 2},
		"decades":        {Chart{LogY: true, LogX: true, Lines: []Line{{Name: "a", X: []float64{1e-99, 1, 1e99}, Y: []float64{1e-99, 1, 1e99}}}}, 1},
		"extreme":        {Chart{Lines: []Line{{Name: "a", Y: []float64{math.MaxFloat64, -1e100, 1e100}}}}, 1},
		"tiny":           {Chart{Lines: []Line{{Name: "a", Y: []float64{0, math.SmallestNonzeroFloat64}}}}, 1},
	} {
		test.chart.Title, test.chart.X, test.chart.Y = "The title", "time (s)", "height (m)"
		picture, err := png.Decode(bytes.NewReader(test.chart.PNG()))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, c := range []color.Color{blue, red} {
			c := c.(color.RGBA)
			if got := bytes.Contains(picture.(*image.RGBA).Pix, []byte{c.R, c.G, c.B, c.A}); got != (i < test.drawn) {
				t.Errorf("%s: line %d is drawn: %v", name, i, got)
			}
		}
		texts := svgTexts(t, test.chart.SVG())
		for text, want := range map[string]bool{
			"The title": true, "time (s)": true, "height (m)": true, "no points to draw": test.drawn == 0, "NaN": false,
		} {
			if got := strings.Contains(texts, "\n"+text+"\n"); got != want {
				t.Errorf("%s: shows %q: %v, want %v", name, text, got, want)
			}
		}
	}
	long := Chart{Lines: []Line{{Name: strings.Repeat("long ", 20), Y: []float64{1, 2}}}}
	for range 40 {
		long.Lines = append(long.Lines, Line{Name: "line", Y: []float64{1, 2}})
	}
	if texts := svgTexts(t, long.SVG()); !strings.Contains(texts, "\nand 15 more\n") || !strings.Contains(texts, "long …\n") {
		t.Errorf("of many lines: %q", texts)
	}
}

func TestChartCSV(t *testing.T) {
	c := Chart{Lines: []Line{{Name: `a "b", c`, Y: []float64{1, math.NaN()}}, {Name: "d", X: []float64{0.5}, Y: []float64{2, 3}}}}
	if got, want := c.CSV(), "line,x,y\n\"a \"\"b\"\", c\",0,1\n\"a \"\"b\"\", c\",1,NaN\nd,0.5,2\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLogTicks(t *testing.T) {
	for _, test := range []struct {
		low, high float64
		want      string
	}{
		{0.01, 100, "0.01 0.1 1 10 100"},
		{1e-9, 1, "1e-8 1e-6 1e-4 0.01 1"},
		{1.5, 30, "2 3 4 5 6 8 10 20 30"},
		{1.5, 7, "2 3 4 5 6"},
		{2e-6, 5e-4, "2e-6 5e-6 1e-5 2e-5 5e-5 1e-4 2e-4 5e-4"},
	} {
		var labels []string
		for _, mark := range (logTicks{}).Ticks(test.low, test.high) {
			labels = append(labels, mark.Label)
		}
		if got := strings.Join(labels, " "); got != test.want {
			t.Errorf("%v to %v: got %s, want %s", test.low, test.high, got, test.want)
		}
	}
}

func TestSpread(t *testing.T) {
	for n, want := range map[int][]int{0: nil, 1: {0}, 2: {0, 1}, 3: {0, 1, 2}, 10: {0, 4, 9}} {
		if got := spread(n, 3); !slices.Equal(got, want) {
			t.Errorf("of %d: %v, want %v", n, got, want)
		}
	}
}
