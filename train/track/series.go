package track

import (
	"math"
	"slices"

	"gonum.org/v1/plot/plotter"
)

// drawable returns the steps and losses that can be drawn: not NaN, and not so large that the arithmetic of the axes
// would overflow.
func drawable(points []Point) plotter.XYs {
	xys := make(plotter.XYs, 0, len(points))
	for _, p := range points {
		if math.Abs(p.Loss) <= 1e100 {
			xys = append(xys, plotter.XY{X: float64(p.Step), Y: p.Loss})
		}
	}
	return xys
}

// thin keeps what can be seen of a long line: of each of 450 runs of points (one for two pixels) the lowest and the
// highest, so that single peaks survive.
func thin(xys plotter.XYs) plotter.XYs {
	const runs = 450
	if len(xys) <= 2*runs {
		return xys
	}
	thinned := make(plotter.XYs, 0, 2*runs)
	for r := range runs {
		from, to := r*len(xys)/runs, (r+1)*len(xys)/runs
		low, high := from, from
		for i := from; i < to; i++ {
			if xys[i].Y < xys[low].Y {
				low = i
			}
			if xys[i].Y > xys[high].Y {
				high = i
			}
		}
		thinned = append(thinned, xys[min(low, high)], xys[max(low, high)])
	}
	return thinned
}

// smoothed averages every loss with its neighbours, with weights that fall exponentially with the distance in both
// directions. An average over past points alone would lag behind a falling loss, and lie above it. Losses outside of the
// picture, which goes from low to high, count as its edges, or one spike would raise a hundred averages.
func smoothed(xys plotter.XYs, low, high float64) plotter.XYs {
	xys = slices.Clone(xys)
	for i := range xys {
		xys[i].Y = min(max(xys[i].Y, low), high)
	}
	// Weights fall by e over a hundredth of the line, but hardly any smoothing is left when that is under a point.
	decay := math.Exp(-1 / max(0.5, float64(len(xys))/100))
	out := slices.Clone(xys)
	weight := make([]float64, len(xys))
	var sum, total float64
	for i, p := range xys {
		sum, total = decay*sum+p.Y, decay*total+1
		out[i].Y, weight[i] = sum, total
	}
	sum, total = 0, 0
	for i, p := range slices.Backward(xys) {
		// Here sum and total are of the points after i only: the point itself is in the first pass.
		sum, total = decay*sum, decay*total
		out[i].Y = (out[i].Y + sum) / (weight[i] + total)
		sum, total = sum+p.Y, total+1
	}
	return out
}

// stepRange returns the ends of the step axis.
func stepRange(lines ...plotter.XYs) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, xys := range lines {
		for _, p := range xys {
			low, high = min(low, p.X), max(high, p.X)
		}
	}
	if low > high { // no points
		return 0, 1
	}
	if low > 0 && low < high/10 {
		low = 0 // a run from its start
	}
	if size := max(math.Abs(low), math.Abs(high)); high-low <= 1e-9*size {
		pad := max(1, 1e-9*size)
		return low - pad, high + pad
	}
	return low, high
}

// lossRange returns the ends of the loss axis, with a margin.
func lossRange(lines ...plotter.XYs) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, xys := range lines {
		if len(xys) > 0 {
			l, h := typicalRange(xys)
			low, high = min(low, l), max(high, h)
		}
	}
	if low > high {
		return 0, 1
	}
	// Tick labels must be able to tell the ends apart.
	if size := max(math.Abs(low), math.Abs(high)); high-low <= max(1e-9*size, 1e-100) {
		pad := max(size/10, 1e-9)
		return low - pad, high + pad
	}
	margin := 0.05 * (high - low)
	return low - margin, high + margin
}

// typicalRange is the range of the losses without the far ones: it ends eight times the spread of the middle 80 % away
// from these. So a spike, or a run that diverges at its end, does not squeeze the rest flat.
func typicalRange(xys plotter.XYs) (low, high float64) {
	sorted := make([]float64, len(xys))
	for i, p := range xys {
		sorted[i] = p.Y
	}
	slices.Sort(sorted)
	last := len(sorted) - 1
	low, high = sorted[0], sorted[last]
	// The ranks are rounded outwards: ten points or fewer have no far ones.
	bottom, top := sorted[last/10], sorted[last-last/10]
	if reach := 8 * (top - bottom); reach > 0 {
		low, high = max(low, bottom-reach), min(high, top+reach)
	}
	return low, high
}
