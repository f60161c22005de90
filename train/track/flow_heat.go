package track

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"sort"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gobptt/bptt/graph"
)

const (
	heatPanels  = 12 // recurrences that are drawn
	mostOrders  = 10 // orders of magnitude below the largest norm that have colours of their own
	barWidth    = 14
	legendWidth = 88
)

// HeatMap returns a picture of the gradients' norms, ‖∂L/∂h_t‖: one panel for each recurrence, time steps from left to
// right, parameter updates from bottom to top. Each update's steps end at the right. Norms that aren't finite are red.
func (f *GradientFlow) HeatMap() Picture {
	var states []string
	if f != nil && len(f.Updates) > 0 {
		for _, r := range f.Updates[0].Recurrences {
			states = append(states, r.State)
		}
	}
	panels := min(len(states), heatPanels)
	return Picture{675, 110 + 190*vg.Length(max(1, panels)), func(canvas draw.Canvas) {
		canvas = headed(canvas, "Gradient at every time step, as training goes on")
		if panels == 0 {
			canvas.FillText(style(12, draw.XCenter, draw.YCenter), canvas.Center(), "no gradients recorded")
			return
		}
		scale := f.scale()
		scale.bar(canvas)
		canvas = draw.Crop(canvas, 0, -legendWidth, 0, 0)
		height := (canvas.Max.Y - canvas.Min.Y) / vg.Length(panels)
		for i := range panels {
			panel := canvas
			panel.Max.Y = canvas.Max.Y - vg.Length(i)*height
			panel.Min.Y = panel.Max.Y - height + 10
			f.panel(panel, i, states[i], scale)
		}
	}}
}

// panel draws the heat map of one recurrence.
func (f *GradientFlow) panel(canvas draw.Canvas, i int, state string, scale colorScale) {
	longest := 1
	for _, u := range f.Updates {
		if i < len(u.Recurrences) {
			longest = max(longest, (len(u.Recurrences[i].Norms)-1)*u.stride()+1)
		}
	}
	first, last := f.Updates[0].Step-1, f.Updates[len(f.Updates)-1].Step
	p := plot.New()
	styled(p)
	p.X.Label.Text = "time step t, counted from the last"
	p.Y.Label.Text = "training step"
	p.X.Min, p.X.Max = 0.5-float64(longest), 0.5
	p.Y.Min, p.Y.Max = float64(first), max(float64(last), float64(first)+1)
	p.X.Tick.Marker = ticks{wanted: 8, whole: true}
	p.Y.Tick.Marker = ticks{wanted: 5, whole: true}
	p.X.Tick.Label.Font.Size = 9.5
	canvas.FillText(style(11, draw.XLeft, draw.YTop), vg.Point{X: canvas.Min.X, Y: canvas.Max.Y}, state)
	xmin, xmax, ymin, ymax := p.X.Min, p.X.Max, p.Y.Min, p.Y.Max
	p.Add(plotter.NewImage(f.cells(i, longest, first, last, scale), xmin, ymin, xmax, ymax))
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = xmin, xmax, ymin, ymax
	p.Draw(draw.Crop(canvas, 0, 0, 0, -18))
}

// cells draws each norm as a rectangle, with as many pixels as the picture has at most.
func (f *GradientFlow) cells(i, longest, first, last int, scale colorScale) image.Image {
	const width, height = 1000, 300
	// A whole number of pixels for each cell where they are few.
	wide := longest * max(1, width/longest)
	high := (last - first) * max(1, height/max(1, last-first))
	img := image.NewRGBA(image.Rect(0, 0, min(wide, width), max(1, min(high, height))))
	size := img.Bounds().Size()
	above := -1 // the update that the row of pixels above shows
	for y := range size.Y {
		// The update whose step is the first at or above this height.
		step := first + 1 + (size.Y-1-y)*(last-first)/size.Y
		n := sort.Search(len(f.Updates), func(n int) bool { return f.Updates[n].Step >= step })
		if n == len(f.Updates) || i >= len(f.Updates[n].Recurrences) {
			continue
		}
		if n == above {
			copy(img.Pix[y*img.Stride:][:img.Stride], img.Pix[(y-1)*img.Stride:])
			continue
		}
		above = n
		norms := f.Updates[n].Recurrences[i].Norms
		for x := range size.X {
			lag := longest - 1 - x*longest/size.X
			if k := len(norms) - 1 - lag/f.Updates[n].stride(); k >= 0 {
				img.Set(x, y, scale.color(norms[k]))
			}
		}
	}
	return img
}

// colorScale gives norms colours by their logarithm.
type colorScale struct{ low, high float64 } // log₁₀

// scale is the scale of all norms that were recorded.
func (f *GradientFlow) scale() colorScale {
	var all [][]graph.Recording
	for _, u := range f.Updates {
		all = append(all, u.Recurrences)
	}
	return scaleOf(all...)
}

// scaleOf leaves what is far from almost all others out of the scale, so that one update whose gradient explodes doesn't
// hide what the others show; it has the colour of the scale's end.
func scaleOf(all ...[]graph.Recording) colorScale {
	var logs []float64
	for _, recordings := range all {
		for _, r := range recordings {
			for _, v := range r.Norms {
				if v > 0 && finite(v) {
					logs = append(logs, math.Log10(v))
				}
			}
		}
	}
	if len(logs) == 0 {
		return colorScale{-1, 0}
	}
	const enough = 1 << 17
	for len(logs) > enough {
		logs = everySecond(logs)
	}
	slices.Sort(logs)
	last := len(logs) - 1
	few := len(logs) / 100
	high := min(logs[last], logs[last-few]+1)
	low := max(min(high, logs[0]), logs[few]-1, high-mostOrders)
	if high-low < 0.1 {
		return colorScale{low - 0.05, high + 0.05}
	}
	return colorScale{low, high}
}

// viridis are points of matplotlib's colour map of that name, from dark blue to yellow; its lightness rises evenly.
var viridis = []color.RGBA{
	{68, 1, 84, 255}, {72, 40, 120, 255}, {62, 74, 137, 255}, {49, 104, 142, 255}, {38, 130, 142, 255},
	{31, 158, 137, 255}, {53, 183, 121, 255}, {109, 205, 89, 255}, {180, 222, 44, 255}, {253, 231, 37, 255},
}

// color is red for a norm that isn't finite, and white for 0.
func (s colorScale) color(norm float64) color.RGBA {
	switch {
	case !finite(norm):
		return red
	case norm <= 0:
		return color.RGBA{255, 255, 255, 255}
	}
	at := (math.Log10(norm) - s.low) / (s.high - s.low) * float64(len(viridis)-1)
	at = min(max(at, 0), float64(len(viridis)-1))
	i := min(int(at), len(viridis)-2)
	between := func(a, b uint8) uint8 { return uint8(float64(a) + (at-float64(i))*(float64(b)-float64(a)) + 0.5) }
	a, b := viridis[i], viridis[i+1]
	return color.RGBA{between(a.R, b.R), between(a.G, b.G), between(a.B, b.B), 255}
}

// bar draws the colours' legend at the right.
func (s colorScale) bar(canvas draw.Canvas) {
	left := canvas.Max.X - legendWidth + 16
	top := canvas.Max.Y - 34
	bottom := max(canvas.Min.Y+34, top-260)
	for i, title := range []string{"log10 of the", "norm of ∂L/∂h_t"} {
		canvas.FillText(style(10, draw.XLeft, draw.YTop), vg.Point{X: left - 6, Y: canvas.Max.Y - 13*vg.Length(i)}, title)
	}
	at := func(v float64) vg.Length { return bottom + (top-bottom)*vg.Length((v-s.low)/(s.high-s.low)) }
	colors := image.NewRGBA(image.Rect(0, 0, 1, 256))
	for i := range 256 {
		colors.Set(0, 255-i, s.color(math.Pow(10, s.low+(s.high-s.low)*(float64(i)+0.5)/256)))
	}
	canvas.DrawImage(vg.Rectangle{Min: vg.Point{X: left, Y: bottom}, Max: vg.Point{X: left + barWidth, Y: top}}, colors)
	for _, mark := range (ticks{wanted: 6}).Ticks(s.low, s.high) {
		y := at(mark.Value)
		canvas.StrokeLine2(draw.LineStyle{Color: ink, Width: 0.5}, left+barWidth, y, left+barWidth+4, y)
		canvas.FillText(style(10, draw.XLeft, draw.YCenter), vg.Point{X: left + barWidth + 7, Y: y}, mark.Label)
	}
	canvas.FillText(style(9, draw.XLeft, draw.YTop), vg.Point{X: left, Y: bottom - 11}, "white: none")
}

// SVG returns the heat map in SVG.
func (f *GradientFlow) SVG() string { return f.HeatMap().SVG() }

// PNG returns the heat map in PNG.
func (f *GradientFlow) PNG() []byte { return f.HeatMap().PNG() }

// hex is a colour as HTML and DOT write it.
func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// lagLabel names a time step counted from the last one.
func lagLabel(lag int) string {
	if lag == 0 {
		return "0"
	}
	return "-" + strconv.Itoa(lag)
}
