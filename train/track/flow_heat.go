package track

import (
	"image"
	"sort"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gobptt/bptt/graph"
)

const heatPanels = 12 // recurrences that are drawn

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

// scale is the scale of all norms that were recorded.
func (f *GradientFlow) scale() colorScale {
	var all [][]graph.Recording
	for _, u := range f.Updates {
		all = append(all, u.Recurrences)
	}
	return scaleOf(all...)
}
