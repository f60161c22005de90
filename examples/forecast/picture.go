package main

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"os"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// The picture is 1000 by 800 pixels, at 96 pixels and 72 points to the inch.
const (
	pictureWidth  vg.Length = 750
	pictureHeight vg.Length = 600
	visible                 = 300 // single forecasts and values before a long one, at most
	visiblePaths            = 3
)

// The blue and the vermilion are from the palette of Okabe and Ito, which colour-blind people can tell apart.
var (
	ink      = color.RGBA{R: 0x33, G: 0x33, B: 0x33, A: 0xff}
	faint    = color.RGBA{R: 0xdd, G: 0xdd, B: 0xdd, A: 0xff}
	paleBlue = color.RGBA{R: 0xc3, G: 0xde, B: 0xee, A: 0xff}
	midBlue  = color.RGBA{R: 0x7f, G: 0xb8, B: 0xd8, A: 0xff}
	blue     = color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}
	red      = color.RGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}
)

// draw draws the single forecasts of the end of the test part above, and the last long one below.
func (c *comparison) draw(path string) error {
	canvas := vgimg.New(pictureWidth, pictureHeight)
	all := draw.New(canvas)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	middle := all.Center().Y

	end := len(c.values)
	single := c.single[max(0, len(c.single)-visible):]
	upper := chart{
		title: fmt.Sprintf("%s: one step ahead", c.name),
		from:  end - len(single), values: c.values[end-len(single):],
		forecastFrom: end - len(single), forecasts: single,
	}
	long := len(c.last)
	before := min(max(long, 50), visible, end-long)
	lower := chart{
		title: fmt.Sprintf("%d steps ahead, from step %d on", long, end-long),
		from:  end - long - before, values: c.values[end-long-before:],
		forecastFrom: end - long, forecasts: c.last, paths: c.paths,
	}
	for i, part := range []*chart{&upper, &lower} {
		at := all
		if i == 0 {
			at.Min.Y = middle
		} else {
			at.Max.Y = middle
		}
		part.time, part.value = c.time, c.value
		part.draw(draw.Crop(at, 12, -18, 10, -12))
	}

	var png bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&png); err != nil {
		return err
	}
	return os.WriteFile(path, png.Bytes(), 0o666)
}

// chart is values, and forecasts of some of them.
type chart struct {
	title, time, value string

	from   int // time of the first value
	values []float64

	forecastFrom int
	forecasts    []forecast
	paths        [][]float64 // [steps][samples]
}

// draw draws the title and the legend in a row at the top, where no line can cross them, and the lines below.
func (c *chart) draw(canvas draw.Canvas) {
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Label.Text, p.Y.Label.Text = c.time, c.value
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color, axis.Tick.Color = ink, ink
		axis.Padding = 0
		axis.Tick.Length = 4
		axis.Label.Padding = 6
		axis.Label.TextStyle = style(12, draw.XCenter, draw.YBottom)
		axis.Tick.Marker = plot.TickerFunc(ticks)
	}
	p.X.Tick.Label = style(10, draw.XCenter, draw.YTop)
	p.Y.Tick.Label = style(10, draw.XRight, draw.YCenter)

	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Horizontal.Width = faint, 0.5
	grid.Vertical.Color = nil

	var mean, band plotter.XYs
	for i, f := range c.forecasts {
		t := float64(c.forecastFrom + i)
		mean = append(mean, plotter.XY{X: t, Y: f.mean})
		band = append(band, plotter.XY{X: t, Y: f.high})
	}
	for i := len(c.forecasts) - 1; i >= 0; i-- {
		band = append(band, plotter.XY{X: float64(c.forecastFrom + i), Y: c.forecasts[i].low})
	}
	interval := &plotter.Polygon{XYs: []plotter.XYs{band}, Color: paleBlue}
	forecasts, values := line(mean, blue, 2.5), line(points(c.from, c.values), ink, 0.75)
	p.Add(interval, grid)
	entries := []entry{{"series", values}, {"forecast", forecasts}, {fmt.Sprintf("%.0f%% interval", 100*inside), interval}}
	if len(c.paths) > 0 {
		var path *plotter.Line
		for k := range min(visiblePaths, len(c.paths[0])) {
			var one []float64
			for _, values := range c.paths {
				one = append(one, values[k])
			}
			path = line(points(c.forecastFrom, one), midBlue, 0.75)
			p.Add(path)
		}
		entries = append(entries, entry{"sampled paths", path})
	}
	p.Add(forecasts, values)
	margin := (p.Y.Max - p.Y.Min) / 30
	p.Y.Min, p.Y.Max = p.Y.Min-margin, p.Y.Max+margin
	if start := float64(c.forecastFrom) - 0.5; start > float64(c.from) {
		mark := line(plotter.XYs{{X: start, Y: p.Y.Min}, {X: start, Y: p.Y.Max}}, red, 1)
		mark.Dashes = []vg.Length{4, 3}
		p.Add(mark)
		entries = append(entries, entry{"start", mark})
	}
	p.X.Max = float64(c.from + len(c.values) - 1)

	canvas.FillText(style(14, draw.XLeft, draw.YTop), vg.Point{X: canvas.Min.X, Y: canvas.Max.Y}, c.title)
	right := canvas.Max.X
	for i := len(entries) - 1; i >= 0; i-- {
		legend := plot.NewLegend()
		legend.TextStyle = style(11, draw.XLeft, draw.YBottom)
		legend.Left, legend.Top = true, true
		legend.Add(entries[i].name, entries[i].thumbnail)
		box := legend.Rectangle(canvas)
		right -= box.Max.X - box.Min.X
		at := canvas
		at.Min.X, at.Max.Y = right, canvas.Max.Y-3
		legend.Draw(at)
		right -= 14
	}
	p.Draw(draw.Crop(canvas, 0, 0, 0, -28))
}

// ticks marks an axis at four to ten multiples of 1, 2 or 5 times a power of ten.
func ticks(low, high float64) []plot.Tick {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/4)))
	for _, m := range []float64{2, 2.5, 2} { // to 2, 5 and 10
		if (high-low)/step > 9 {
			step *= m
		}
	}
	decimals := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	var marks []plot.Tick
	for i := range 11 {
		v := (math.Ceil(low/step) + float64(i)) * step
		if v <= high {
			marks = append(marks, plot.Tick{Value: v, Label: strconv.FormatFloat(v+0, 'f', decimals, 64)}) // +0: never -0
		}
	}
	return marks
}

// entry is one entry of the legend.
type entry struct {
	name      string
	thumbnail plot.Thumbnailer
}

func points(from int, values []float64) plotter.XYs {
	xys := make(plotter.XYs, len(values))
	for i, v := range values {
		xys[i] = plotter.XY{X: float64(from + i), Y: v}
	}
	return xys
}

func line(xys plotter.XYs, c color.Color, width vg.Length) *plotter.Line {
	return &plotter.Line{XYs: xys, LineStyle: draw.LineStyle{Color: c, Width: width}}
}

func style(size vg.Length, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{
		Color:   ink,
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		XAlign:  x,
		YAlign:  y,
		Handler: plot.DefaultTextHandler,
	}
}
