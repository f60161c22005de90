package track

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Chart is lines in a common pair of axes, such as the losses of several runs. It draws itself.
type Chart struct {
	Title      string
	X, Y       string // what the axes show, and in which unit
	LogX, LogY bool
	Lines      []Line
}

// Line is a named series of points. Those that are NaN, infinite or, on a logarithmic axis, not positive aren't drawn.
type Line struct {
	Name string
	X, Y []float64 // a nil X stands for 0, 1, 2, …
}

// SVG returns the chart as a picture in SVG.
func (c Chart) SVG() string { return c.picture().SVG() }

// PNG returns the chart as a picture of 900 by 450 pixels in PNG.
func (c Chart) PNG() []byte { return c.picture().PNG() }

// CSV returns the points as comma-separated values: the lines' names, x and y.
func (c Chart) CSV() string {
	var b strings.Builder
	b.WriteString("line,x,y\n")
	for _, l := range c.Lines {
		for i := range l.len() {
			b.WriteString(quoted(l.Name) + "," + number(l.x(i)) + "," + number(l.Y[i]) + "\n")
		}
	}
	return b.String()
}

// WriteFile writes the chart to a file, in the format that the extension of its name says: .csv, .png or .svg. A file of
// that name is replaced.
func (c Chart) WriteFile(path string) error {
	return writeFile("chart", path, map[string]func() []byte{
		".csv": func() []byte { return []byte(c.CSV()) },
		".png": c.PNG,
		".svg": func() []byte { return []byte(c.SVG()) },
	})
}

func (l Line) len() int {
	if l.X == nil {
		return len(l.Y)
	}
	return min(len(l.X), len(l.Y))
}

func (l Line) x(i int) float64 {
	if l.X == nil {
		return float64(i)
	}
	return l.X[i]
}

// quoted is a field of a CSV file.
func quoted(s string) string {
	if strings.ContainsAny(s, ",\"\r\n") {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}

// colors of lines, from the palette of Okabe and Ito; further lines are dashed.
var colors = []color.Color{
	blue, red,
	color.RGBA{R: 0x00, G: 0x9e, B: 0x73, A: 0xff},
	color.RGBA{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff},
	color.RGBA{R: 0xe6, G: 0x9f, B: 0x00, A: 0xff},
	color.RGBA{R: 0x56, G: 0xb4, B: 0xe9, A: 0xff},
	ink,
}

const (
	mostLines   = 26 // that are drawn
	mostDecades = 16 // below the largest value of a logarithmic axis
)

func (c Chart) picture() Picture { return Picture{675, 337.5, c.draw} }

func (c Chart) draw(canvas draw.Canvas) {
	canvas = headed(canvas, c.Title)
	p := plot.New()
	styled(p)
	p.X.Label.Text = c.X
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Horizontal.Width = faint, 0.5
	grid.Vertical.Color = nil
	plotters := []plot.Plotter{grid}
	x, y := axisRange{log: c.LogX}, axisRange{log: c.LogY}
	var entries []entry
	for i, l := range c.Lines {
		if i == mostLines {
			entries = append(entries, entry{name: fmt.Sprintf("and %d more", len(c.Lines)-i)})
			break
		}

		xys := l.points(c.LogX, c.LogY)
		for _, p := range xys {
			x.add(p.X)
			y.add(p.Y)
		}
		if len(xys) == 0 {
			continue
		}
		drawn := line(xys, colors[i%len(colors)], 1.75)
		if turn := i / len(colors); turn > 0 {
			drawn.Dashes = [][]vg.Length{{6, 3}, {2, 2}, {8, 2, 2, 2}}[(turn-1)%3]
		}
		plotters = append(plotters, drawn)
		e := entry{shortened(l.Name), []plot.Thumbnailer{drawn}}
		if len(xys) <= 40 {
			points := glyphs(xys, colors[i%len(colors)], 2.5)
			plotters, e.thumbnails = append(plotters, points), append(e.thumbnails, points)
		}
		entries = append(entries, e)
	}
	x.set(&p.X, 0.01)
	y.set(&p.Y, 0.05)
	xmin, xmax, ymin, ymax := p.X.Min, p.X.Max, p.Y.Min, p.Y.Max
	p.Add(plotters...) // which would widen the axes
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = xmin, xmax, ymin, ymax

	if legend := legendOf(entries); len(entries) > 0 {
		box := legend.Rectangle(canvas)
		right := draw.Crop(canvas, canvas.Max.X-canvas.Min.X-(box.Max.X-box.Min.X), 0, 0, 0)
		legend.Draw(right)
		canvas = draw.Crop(canvas, 0, -(box.Max.X-box.Min.X)-12, 0, 0)
	}
	// gonum makes room for the label of a logarithmic axis where it isn't, so the label is drawn here.
	left := canvas.Min.X
	canvas = draw.Crop(canvas, 22, 0, 0, 0)
	p.Draw(canvas)
	area := p.DataCanvas(canvas)
	upwards := style(12, draw.XCenter, draw.YTop)
	upwards.Rotation = math.Pi / 2
	canvas.FillText(upwards, vg.Point{X: left, Y: area.Center().Y}, c.Y)
	if !x.some {
		canvas.FillText(style(12, draw.XCenter, draw.YCenter), area.Center(), "no points to draw")
	}
}

// points are those that can be drawn, thinned to what can be seen.
func (l Line) points(logX, logY bool) plotter.XYs {
	good := func(v float64, log bool) bool { return math.Abs(v) <= 1e100 && (!log || v >= 1e-100) }
	var xys plotter.XYs
	for i := range l.len() {
		if p := (plotter.XY{X: l.x(i), Y: l.Y[i]}); good(p.X, logX) && good(p.Y, logY) {
			xys = append(xys, p)
		}
	}
	return thin(xys)
}

// axisRange is what an axis must show.
type axisRange struct {
	log       bool
	low, high float64
	some      bool
}

func (r *axisRange) add(v float64) {
	if !r.some {
		r.low, r.high, r.some = v, v, true
	}
	r.low, r.high = min(r.low, v), max(r.high, v)
}

// set gives an axis the range, with a margin that is a part of it.
func (r *axisRange) set(a *plot.Axis, margin float64) {
	if !r.some {
		r.low, r.high = 0, 1
		if r.log {
			r.low, r.high = 0.1, 1
		}
	}
	if r.log {
		low, high := max(math.Log10(r.low), math.Log10(r.high)-mostDecades), math.Log10(r.high)
		pad := max(margin*(high-low), 0.02)
		a.Min, a.Max = math.Pow(10, low-pad), math.Pow(10, high+pad)
		a.Scale, a.Tick.Marker = plot.LogScale{}, logTicks{}
		return
	}
	a.Min, a.Max = r.low, r.high
	if size := max(math.Abs(r.low), math.Abs(r.high)); r.high-r.low <= max(1e-9*size, 1e-100) {
		margin, a.Min, a.Max = 1, r.low-max(size/20, 1e-9), r.high+max(size/20, 1e-9)
	} else {
		a.Min, a.Max = r.low-margin*(r.high-r.low), r.high+margin*(r.high-r.low)
	}
	a.Tick.Marker = ticks{wanted: 7}
}
