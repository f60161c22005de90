package track

import (
	"cmp"
	"fmt"
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The picture is 900 by 500 pixels, at 96 pixels and 72 points to the inch.
const (
	curveWidth  vg.Length = 675
	curveHeight vg.Length = 375
)

// SVG returns the learning curve as a picture in SVG. See [History.PNG] for what it shows.
func (h *History) SVG() string {
	return h.picture().SVG()
}

// PNG returns the learning curve as a picture of 900 by 500 pixels in PNG: the training loss as a pale line, its
// exponential average as a strong one, the validation loss as a line with points and a ring around the best one.
//
// Points whose loss is NaN or infinite are left out. Where a few losses are so far from the others that the rest would
// be squeezed flat, the lines run out of the picture instead.
func (h *History) PNG() []byte {
	return h.picture().PNG()
}

func (h *History) picture() Picture { return Picture{curveWidth, curveHeight, h.draw} }

// draw draws the title and the legend in a row at the top, where no line can cross them, and the chart below.
func (h *History) draw(canvas draw.Canvas) {
	chart, entries := h.chart()
	title := style(14, draw.XLeft, draw.YTop)
	canvas.FillText(title, vg.Point{X: canvas.Min.X, Y: canvas.Max.Y}, "Learning curve")
	right := canvas.Max.X
	for _, e := range slices.Backward(entries) {
		legend := plot.NewLegend()
		legend.TextStyle = style(11, draw.XLeft, draw.YBottom)
		legend.Left, legend.Top = true, true
		legend.Add(e.name, e.thumbnails...)
		box := legend.Rectangle(canvas)
		right -= box.Max.X - box.Min.X
		at := canvas
		at.Min.X, at.Max.Y = right, canvas.Max.Y-3
		legend.Draw(at)
		right -= 18
	}
	canvas = draw.Crop(canvas, 0, 0, 0, -32)
	chart.Draw(canvas)
	if len(entries) == 0 {
		inside := chart.DataCanvas(canvas)
		canvas.FillText(style(12, draw.XCenter, draw.YCenter), inside.Center(), "no points to draw")
	}
}

// chart returns the axes with the lines, and the legend's entries.
func (h *History) chart() (*plot.Plot, []entry) {
	train, validation := drawable(h.Train), drawable(h.Validation)

	p := plot.New()
	styled(p)
	p.X.Label.Text = "training step"
	p.Y.Label.Text = "loss (" + lossUnit(h.Unit) + ")"
	p.X.Min, p.X.Max = stepRange(train, validation)
	p.Y.Min, p.Y.Max = lossRange(train, validation)
	p.X.Tick.Marker = ticks{wanted: 8, whole: true}
	p.Y.Tick.Marker = ticks{wanted: 6}

	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Horizontal.Width = faint, 0.5
	grid.Vertical.Color = nil
	plotters := []plot.Plotter{grid}
	var entries []entry
	if len(train) > 0 {
		raw, smooth := line(thin(train), paleBlue, 1), line(thin(smoothed(train, p.Y.Min, p.Y.Max)), blue, 2)
		plotters = append(plotters, raw, smooth)
		entries = append(entries, entry{"training", []plot.Thumbnailer{raw}}, entry{"training, smoothed", []plot.Thumbnailer{smooth}})
		if len(train) == 1 {
			plotters = append(plotters, glyphs(train, blue, 3))
		}
	}
	if len(validation) > 0 {
		best := slices.MinFunc(validation, func(a, b plotter.XY) int { return cmp.Compare(a.Y, b.Y) })
		ring, hole := glyphs(plotter.XYs{best}, red, 6), glyphs(plotter.XYs{best}, color.White, 4.5)
		curve := line(thin(validation), red, 1.75)
		plotters = append(plotters, ring, hole, curve)
		e := entry{
			name:       fmt.Sprintf("validation, best %s at step %s", loss(best.Y), thousands(best.X)),
			thumbnails: []plot.Thumbnailer{curve},
		}
		// More points than this would merge into a thick line.
		if len(validation) <= 80 {
			points := glyphs(validation, red, 2.75)
			plotters, e.thumbnails = append(plotters, points), append(e.thumbnails, points)
		}
		entries = append(entries, e)
	}
	// Add would widen the axes to every point; the ranges are chosen above.
	xmin, xmax, ymin, ymax := p.X.Min, p.X.Max, p.Y.Min, p.Y.Max
	p.Add(plotters...)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = xmin, xmax, ymin, ymax
	return p, entries
}

// lossUnit is what an axis says of losses.
func lossUnit(unit string) string { return cmp.Or(unit, "mean over the targets") }
