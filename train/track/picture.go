package track

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"strings"

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

// encode writes a canvas to memory.
func encode(canvas io.WriterTo) []byte {
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		panic(fmt.Sprintf("track: picture to memory: %v", err))
	}
	return b.Bytes()
}
