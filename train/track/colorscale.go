package track

import (
	"image"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gobptt/bptt/graph"
)

// colorScale gives norms colours by their logarithm.
type colorScale struct{ low, high float64 } // log₁₀

const (
	mostOrders  = 10 // orders of magnitude below the largest norm that have colours of their own
	legendWidth = 88 // of the colours' legend, in points
	barWidth    = 14 // of the bar in it
)

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
