package track

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Colours. The blue and the vermilion are from the palette of Okabe and Ito, which colour-blind people can tell apart.
var (
	ink      = color.RGBA{R: 0x33, G: 0x33, B: 0x33, A: 0xff}
	faint    = color.RGBA{R: 0xdd, G: 0xdd, B: 0xdd, A: 0xff}
	paleBlue = color.RGBA{R: 0xa6, G: 0xcd, B: 0xe5, A: 0xff}
	blue     = color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}
	red      = color.RGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}
)

// style is the look of a text that is aligned so at its point.
func style(size vg.Length, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{
		Color:   ink,
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		XAlign:  x,
		YAlign:  y,
		Handler: plot.DefaultTextHandler,
	}
}

// headed draws a title at the top, and returns the canvas below it.
func headed(canvas draw.Canvas, title string) draw.Canvas {
	canvas.FillText(style(14, draw.XLeft, draw.YTop), vg.Point{X: canvas.Min.X, Y: canvas.Max.Y}, title)
	return draw.Crop(canvas, 0, 0, 0, -28)
}

// styled gives a chart the look of all charts here.
func styled(p *plot.Plot) {
	p.BackgroundColor = nil
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color = ink
		axis.Padding = 0
		axis.Tick.Color = ink
		axis.Tick.Length = 4
		axis.Label.Padding = 6
	}
	p.X.Label.TextStyle = style(12, draw.XCenter, draw.YBottom)
	p.Y.Label.TextStyle = style(12, draw.XCenter, draw.YBottom)
	p.X.Tick.Label = style(10, draw.XCenter, draw.YTop)
	p.Y.Tick.Label = style(10, draw.XRight, draw.YCenter)
}

func line(xys plotter.XYs, c color.Color, width vg.Length) *plotter.Line {
	return &plotter.Line{XYs: xys, LineStyle: draw.LineStyle{Color: c, Width: width}}
}

func glyphs(xys plotter.XYs, c color.Color, radius vg.Length) *plotter.Scatter {
	return &plotter.Scatter{XYs: xys, GlyphStyle: draw.GlyphStyle{Color: c, Radius: radius, Shape: draw.CircleGlyph{}}}
}

// entry is one entry of the legend.
type entry struct {
	name       string
	thumbnails []plot.Thumbnailer
}

// legendOf returns a legend that is drawn at the left and the top.
func legendOf(entries []entry) plot.Legend {
	legend := plot.NewLegend()
	legend.TextStyle = style(10.5, draw.XLeft, draw.YBottom)
	legend.Left, legend.Top = true, true
	legend.Padding = 3
	for _, e := range entries {
		legend.Add(e.name, e.thumbnails...)
	}
	return legend
}

// shortened is a name that fits into a legend.
func shortened(name string) string {
	if r := []rune(name); len(r) > 36 {
		return string(r[:35]) + "…"
	}
	return name
}
