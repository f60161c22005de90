package track

import (
	"fmt"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gobptt/bptt/graph"
)

const mostColumns = 16 // time steps of the unrolled network that are drawn

// Unrolled returns a picture of the network unrolled over time, as the last update that is kept went back through it:
// a column for each time step and a row for each recurrence. A state h_t, and the edge from it to the next step, has the
// colour of ‖∂L/∂h_t‖, the gradient that comes back along that edge and from above. Of many time steps some are drawn.
func (f *GradientFlow) Unrolled() Picture {
	rows, lags := f.unrolled()
	return Picture{675, 120 + 62*vg.Length(max(2, len(rows))), func(canvas draw.Canvas) {
		title := "The network unrolled over time"
		if len(rows) > 0 {
			title += fmt.Sprintf(", and the gradient of step %d", f.Updates[len(f.Updates)-1].Step)
		}
		canvas = headed(canvas, title)
		if len(rows) == 0 {
			canvas.FillText(style(12, draw.XCenter, draw.YCenter), canvas.Center(), "no gradients recorded")
			return
		}
		drawUnrolled(canvas, rows, lags)
	}}
}

// unrolledRow is a recurrence at some time steps.
type unrolledRow struct {
	state   string
	reverse bool
	beside  bool // the row below is the other direction of the same layer
	norms   []float64
}

// unrolled returns the recurrences of the last update from the one next to the input upwards, at most as many columns as
// are drawn, and the columns' distances from the last step.
func (f *GradientFlow) unrolled() (rows []unrolledRow, lags []int) {
	if f == nil || len(f.Updates) == 0 {
		return nil, nil
	}
	u := f.Updates[len(f.Updates)-1]
	steps := 0
	for _, r := range u.Recurrences {
		steps = max(steps, len(r.Norms))
	}
	apart := max(1, (steps+mostColumns-1)/mostColumns)
	for k := (steps - 1) / apart; k >= 0; k-- {
		lags = append(lags, k*apart*u.stride())
	}
	for _, r := range u.Recurrences[:min(len(u.Recurrences), heatPanels)] {
		row := unrolledRow{state: r.State, reverse: r.Reverse}
		row.beside = r.Reverse && len(rows) > 0 && !rows[len(rows)-1].reverse
		for _, lag := range lags {
			norm := 0.0
			if k := len(r.Norms) - 1 - lag/u.stride(); k >= 0 {
				norm = r.Norms[k]
			}
			row.norms = append(row.norms, norm)
		}
		rows = append(rows, row)
	}
	if steps == 0 {
		return nil, nil
	}
	return rows, lags
}

// scaleOfRows is the colour scale of what is drawn.
func scaleOfRows(rows []unrolledRow) colorScale {
	var all []graph.Recording
	for _, r := range rows {
		all = append(all, graph.Recording{Norms: r.norms})
	}
	return scaleOf(all)
}

func drawUnrolled(canvas draw.Canvas, rows []unrolledRow, lags []int) {
	scale := scaleOfRows(rows)
	scale.bar(canvas)
	const names = 86 // width of the rows' names
	area := draw.Crop(canvas, names, -legendWidth-6, 36, 0)
	gray := color.RGBA{0x99, 0x99, 0x99, 0xff}
	thin := draw.LineStyle{Color: gray, Width: 0.75}
	radius := min((area.Max.X-area.Min.X)/vg.Length(len(lags))/5, 9)
	x := func(column int) vg.Length {
		return area.Min.X + (area.Max.X-area.Min.X)*(vg.Length(column)+0.5)/vg.Length(len(lags))
	}
	y := func(row int) vg.Length { // 0 is the input
		return area.Min.Y + (area.Max.Y-area.Min.Y)*(vg.Length(row)+0.4)/vg.Length(len(rows)+1)
	}
	label := func(row int, name string) {
		canvas.FillText(style(10, draw.XLeft, draw.YCenter), vg.Point{X: canvas.Min.X, Y: y(row)}, name)
	}
	label(0, "input")
	for column, lag := range lags {
		at := vg.Point{X: x(column), Y: y(0)}
		canvas.DrawGlyph(draw.GlyphStyle{Color: gray, Radius: radius * 0.7, Shape: draw.BoxGlyph{}}, at)
		canvas.FillText(style(10, draw.XCenter, draw.YTop), vg.Point{X: at.X, Y: canvas.Min.Y + 30}, lagLabel(lag))
		for i, row := range rows {
			to := vg.Point{X: at.X, Y: y(i+1) - radius}
			if row.beside {
				canvas.StrokeLines(thin, []vg.Point{at, to})
			} else {
				arrow(canvas, thin, at, to, radius*0.7)
			}
			at.Y = y(i+1) + radius
		}
		arrow(canvas, thin, at, vg.Point{X: at.X, Y: at.Y + radius*1.6}, 0)
	}
	for i, r := range rows {
		label(i+1, shortState(r.state))
		for column, norm := range r.norms {
			at := vg.Point{X: x(column), Y: y(i + 1)}
			next := column + 1
			if r.reverse {
				next = column - 1
			}
			if next >= 0 && next < len(lags) {
				to, side := vg.Point{X: x(next), Y: at.Y}, radius
				if r.reverse {
					side = -radius
				}
				to.X -= side
				from := vg.Point{X: at.X + side, Y: at.Y}
				edge := draw.LineStyle{Color: visible(scale.color(norm)), Width: 2.5}
				arrow(canvas, edge, from, to, 0)
			}
			canvas.DrawGlyph(draw.GlyphStyle{Color: scale.color(norm), Radius: radius, Shape: draw.CircleGlyph{}}, at)
			canvas.DrawGlyph(draw.GlyphStyle{Color: ink, Radius: radius, Shape: draw.RingGlyph{}}, at)
		}
	}
	caption := "time step t, counted from the last"
	if len(lags) > 1 && lags[0]-lags[1] > 1 {
		caption += fmt.Sprintf(": one in %d is drawn", lags[0]-lags[1])
	}
	canvas.FillText(style(11, draw.XCenter, draw.YBottom), vg.Point{X: (area.Min.X + area.Max.X) / 2, Y: canvas.Min.Y}, caption)
}

// visible makes an edge without a gradient gray.
func visible(c color.RGBA) color.RGBA {
	if c == (color.RGBA{255, 255, 255, 255}) {
		return faint
	}
	return c
}

// arrow draws a line, from a gap after its start, with a head at its end.
func arrow(canvas draw.Canvas, line draw.LineStyle, from, to vg.Point, gap vg.Length) {
	dx, dy := float64(to.X-from.X), float64(to.Y-from.Y)
	length := math.Hypot(dx, dy)
	head := min(3+float64(line.Width), length/2)
	if length == 0 {
		return
	}
	dx, dy = dx/length, dy/length
	at := func(along, aside float64) vg.Point {
		return vg.Point{X: from.X + vg.Length(along*dx-aside*dy), Y: from.Y + vg.Length(along*dy+aside*dx)}
	}
	canvas.StrokeLines(line, []vg.Point{at(float64(gap), 0), at(length-head, 0)})
	canvas.FillPolygon(line.Color, []vg.Point{at(length, 0), at(length-head, head*0.6), at(length-head, -head*0.6)})
}

// shortState is a state's name that fits beside a row.
func shortState(name string) string {
	if r := []rune(name); len(r) > 15 {
		return "…" + string(r[len(r)-14:])
	}
	return name
}

// lagLabel names a time step counted from the last one.
func lagLabel(lag int) string {
	if lag == 0 {
		return "0"
	}
	return "-" + strconv.Itoa(lag)
}
