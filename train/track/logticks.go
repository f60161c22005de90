package track

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

var _ plot.Ticker = logTicks{}

// logTicks marks an axis at powers of ten, or between them as well where there are few.
type logTicks struct{}

func (logTicks) Ticks(low, high float64) []plot.Tick {
	first, last := int(math.Ceil(math.Log10(low)-1e-9)), int(math.Floor(math.Log10(high)+1e-9))
	factors, step := []float64{1}, 1
	switch n := last - first; {
	case n < 1:
		factors = []float64{1, 2, 3, 4, 5, 6, 8}
	case n < 3:
		factors = []float64{1, 2, 5}
	default:
		step = n/7 + 1
	}
	var marks []plot.Tick
	for e := first - 1; e <= last; e++ {
		for _, f := range factors {
			v := f * math.Pow(10, float64(e))
			if v >= low && v <= high && (e-last)%step == 0 {
				marks = append(marks, plot.Tick{Value: v, Label: powerOfTen(f, e)})
			}
		}
	}
	return marks
}

// powerOfTen writes f·10ᵉ.
func powerOfTen(f float64, e int) string {
	if e >= -3 && e <= 4 {
		return strconv.FormatFloat(f*math.Pow(10, float64(e)), 'f', max(0, -e), 64)
	}
	return strconv.FormatFloat(f, 'f', -1, 64) + "e" + strconv.Itoa(e)
}
