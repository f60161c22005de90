package track

import (
	"fmt"
	"image/color"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Picture is a drawing. A notebook shows it where it is the last value of a cell.
type Picture struct {
	width, height vg.Length // 96 pixels and 72 points to the inch
	draw          func(draw.Canvas)
}

// SVG returns the picture in SVG.
func (p Picture) SVG() string {
	canvas := vgsvg.New(max(p.width, 1), max(p.height, 1))
	p.paint(draw.New(canvas))
	// Where Liberation Sans is not installed a viewer would fall back to a serif font of other widths. Arial and
	// Helvetica have the same widths. Images in it are PNGs, whatever vgsvg calls them, and fill their rectangles.
	return strings.NewReplacer(
		"font-family:Liberation Sans;", "font-family:Liberation Sans,Arial,Helvetica,sans-serif;",
		"data:image/jpg;base64,", "data:image/png;base64,",
		"<image ", `<image preserveAspectRatio="none" `,
	).Replace(string(encode(canvas)))
}

// PNG returns the picture in PNG.
func (p Picture) PNG() []byte {
	canvas := vgimg.New(max(p.width, 1), max(p.height, 1))
	p.paint(draw.New(canvas))
	return encode(vgimg.PngCanvas{Canvas: canvas})
}

// WriteFile writes the picture to a file, in the format that the extension of its name says: .png or .svg. A file of that
// name is replaced.
func (p Picture) WriteFile(path string) error {
	return writeFile("picture", path, map[string]func() []byte{
		".png": p.PNG,
		".svg": func() []byte { return []byte(p.SVG()) },
	})
}

func (p Picture) paint(canvas draw.Canvas) {
	canvas.SetColor(color.White)
	canvas.Fill(canvas.Rectangle.Path())
	if p.draw != nil {
		p.draw(draw.Crop(canvas, 12, -18, 10, -12))
	}
}

// writeFile writes what the extension of a file's name asks for.
func writeFile(what, path string, formats map[string]func() []byte) error {
	write, ok := formats[strings.ToLower(filepath.Ext(path))]
	if !ok {
		return &ArgumentError{Name: fmt.Sprintf("extension of %q", path), Got: fmt.Sprintf("%q", filepath.Ext(path)), Want: listed(formats)}
	}
	if err := os.WriteFile(path, write(), 0o666); err != nil {
		return fmt.Errorf("track: write %s: %w", what, err)
	}
	return nil
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

// listed names the formats.
func listed(formats map[string]func() []byte) string {
	names := slices.Sorted(maps.Keys(formats))
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
