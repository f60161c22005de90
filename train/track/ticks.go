package track

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

var _ plot.Ticker = ticks{}

// ticks marks an axis at round values, multiples of 1, 2 or 5 times a power of ten. gonum's own ticks are three or four
// with labels such as 2.500.
type ticks struct {
	wanted int  // about so many
	whole  bool // only at whole numbers
}

func (t ticks) Ticks(low, high float64) []plot.Tick {
	least := (high - low) / float64(t.wanted)
	power := math.Floor(math.Log10(least))
	step, decimals := math.Pow(10, power+1), int(-power-1)
	for _, m := range []float64{5, 2, 1} {
		if s := m * math.Pow(10, power); s >= least {
			step, decimals = s, int(-power)
		}
	}
	if t.whole {
		step = max(step, 1)
	}
	size := max(math.Abs(low), math.Abs(high))
	label := func(v float64) string { return strconv.FormatFloat(v, 'f', max(0, decimals), 64) }
	switch {
	case t.whole:
		label = thousands
	case decimals > 6 || size >= 1e6:
		digits := int(math.Log10(size/step)) + 2
		label = func(v float64) string { return strconv.FormatFloat(v, 'g', digits, 64) }
	}
	var marks []plot.Tick
	for i := int64(math.Ceil(low / step)); float64(i)*step <= high; i++ {
		v := float64(i) * step
		marks = append(marks, plot.Tick{Value: v, Label: label(v)})
	}
	return marks
}
