package track

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gobptt/bptt/graph"
)

// Activations returns a picture of the histograms of the gates' activations in the last update that is kept, a row for
// each recurrence.
func (f *GradientFlow) Activations() Picture {
	var rows []graph.Recording
	step, most := 0, 1
	if updates := f.updates(); len(updates) > 0 {
		u := updates[len(updates)-1]
		step = u.Step
		for _, r := range u.Recurrences {
			if len(r.Gates) > 0 && len(rows) < heatPanels {
				rows, most = append(rows, r), max(most, len(r.Gates))
			}
		}
	}
	const height = 130
	return Picture{675, 60 + height*vg.Length(max(1, len(rows))), func(canvas draw.Canvas) {
		if len(rows) == 0 {
			canvas = headed(canvas, "Activations")
			canvas.FillText(style(12, draw.XCenter, draw.YCenter), canvas.Center(), "no activations recorded")
			return
		}
		canvas = headed(canvas, fmt.Sprintf("Activations at step %d: the share of each twentieth of the range", step))
		width := (canvas.Max.X - canvas.Min.X) / vg.Length(most)
		for i, r := range rows {
			row := canvas
			row.Max.Y -= vg.Length(i) * height
			row.Min.Y = row.Max.Y - height + 12
			canvas.FillText(style(11, draw.XLeft, draw.YTop), vg.Point{X: row.Min.X, Y: row.Max.Y}, r.State)
			for g, gate := range r.Gates {
				cell := row
				cell.Min.X += vg.Length(g) * width
				cell.Max.X = cell.Min.X + width - 10
				cell.Max.Y -= 18
				histogram(cell, gate)
			}
		}
	}}
}

// histogram draws a gate's activations; the saturated tenths at both ends are red.
func histogram(canvas draw.Canvas, gate graph.GateRecording) {
	p := plot.New()
	styled(p)
	p.X.Label.Text = gate.Name
	p.X.Label.TextStyle.Font.Size = 10
	p.X.Tick.Label.Font.Size, p.Y.Tick.Label.Font.Size = 8.5, 8.5
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks{wanted: 3}, ticks{wanted: 3}
	total, most := 0, 0
	for _, n := range gate.Bins {
		total, most = total+n, max(most, n)
	}
	p.X.Min, p.X.Max = gate.From, gate.To
	p.Y.Min, p.Y.Max = 0, 1.05*math.Max(0.01, float64(most)/float64(max(total, 1)))
	if !(p.X.Min < p.X.Max) {
		p.X.Min, p.X.Max = 0, 1
	}
	width := (p.X.Max - p.X.Min) / float64(max(1, len(gate.Bins)))
	xmin, xmax, ymin, ymax := p.X.Min, p.X.Max, p.Y.Min, p.Y.Max
	for i, n := range gate.Bins {
		left, high := p.X.Min+float64(i)*width, float64(n)/float64(max(total, 1))
		bar, err := plotter.NewPolygon(plotter.XYs{{X: left, Y: 0}, {X: left, Y: high}, {X: left + width, Y: high}, {X: left + width, Y: 0}})
		if err != nil {
			continue // no number
		}
		bar.Color = blue
		if tenth := len(gate.Bins) / 10; i < tenth || i >= len(gate.Bins)-tenth {
			bar.Color = red
		}
		bar.LineStyle = draw.LineStyle{Color: color.White, Width: 0.5}
		p.Add(bar)
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = xmin, xmax, ymin, ymax
	p.Draw(canvas)
}
