package train

import (
	"cmp"
	"fmt"
	"math"

	"github.com/gobptt/bptt/train/track"
)

// RangeTest finds out which learning rates are useful (Smith 2017): it trains for some updates at a rate that rises from
// one to the next, and notes the losses. The rates at which the loss falls fast are good ones; a rate near that at which it
// begins to rise again is too high. The defaults are those of fastai's and Lightning's finders, but for From and To.
type RangeTest struct {
	From, To  float64 // rates of the first and the last update; 0 means 1e-7 and 10
	Updates   int     // 0 means 100
	Linear    bool    // rates in equal steps, not in equal ratios
	Smoothing float64 // weight of what was before in the average of the losses; 0 means 0.98
	Stop      float64 // end when the average is so many times the lowest one; 0 means 4
}

// RatePoint is what a RangeTest saw at one learning rate.
type RatePoint struct {
	Rate     float64 `json:"rate"`
	Loss     float64 `json:"loss"`
	Smoothed float64 `json:"smoothed"` // exponential average of the losses, corrected for its start at 0
}

// RateCurve is the result of a RangeTest, in the order of the rates.
type RateCurve []RatePoint

// Run calls update once for every rate. It is to make one update of the weights at that rate, and to return the loss
// before. The first loss that is NaN or infinite ends the test and isn't part of the curve; an error of update ends it,
// and is returned with the curve so far.
func (r RangeTest) Run(update func(rate float64) (loss float64, err error)) (RateCurve, error) {
	r.From, r.To, r.Updates = cmp.Or(r.From, 1e-7), cmp.Or(r.To, 10), cmp.Or(r.Updates, 100)
	r.Smoothing, r.Stop = cmp.Or(r.Smoothing, 0.98), cmp.Or(r.Stop, 4)
	if err := r.check(); err != nil {
		return nil, err
	}
	if update == nil {
		return nil, &ArgumentError{Name: "update", Got: "nil", Want: "a function"}
	}
	var curve RateCurve
	smoothed, lowest := 0.0, math.Inf(1)
	for i := range r.Updates {
		part := float64(i) / float64(r.Updates-1)
		rate := r.From * math.Pow(r.To/r.From, part)
		if r.Linear {
			rate = r.From + (r.To-r.From)*part
		}
		loss, err := update(rate)
		if err != nil {
			return curve, fmt.Errorf("learning rate %g: %w", rate, err)
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			break
		}
		smoothed += (1 - r.Smoothing) / (1 - math.Pow(r.Smoothing, float64(i+1))) * (loss - smoothed)
		curve = append(curve, RatePoint{rate, loss, smoothed})
		if i > 0 && smoothed > r.Stop*lowest {
			break
		}
		lowest = min(lowest, smoothed)
	}
	return curve, nil
}

// check finds fields out of range.
func (r RangeTest) check() error {
	for _, f := range []struct {
		name string
		good bool
		got  any
		want string
	}{
		{"From", r.From > 0 && !math.IsInf(r.From, 0), r.From, "above 0, finite"},
		{"To", r.To >= r.From && !math.IsInf(r.To, 0), r.To, fmt.Sprintf("%v or more, finite", r.From)},
		{"Updates", r.Updates >= 2, r.Updates, "2 or more"},
		{"Smoothing", r.Smoothing >= 0 && r.Smoothing < 1, r.Smoothing, "0 to less than 1"},
		{"Stop", r.Stop >= 1, r.Stop, "1 or more"},
	} {
		if !f.good {
			return &ArgumentError{Name: "RangeTest." + f.name, Got: fmt.Sprint(f.got), Want: f.want}
		}
	}
	return nil
}

// Steepest returns the rate at which the smoothed loss falls fastest, a common choice. As the first losses say little, it
// leaves out the first tenth of the curve. ok is false if the loss falls nowhere.
func (c RateCurve) Steepest() (rate float64, ok bool) {
	steepest := 0.0
	for i := max(1, len(c)/10); i+1 < len(c); i++ {
		if slope := c[i+1].Smoothed - c[i-1].Smoothed; slope < steepest {
			rate, steepest, ok = c[i].Rate, slope, true
		}
	}
	return rate, ok
}

// Chart draws the losses over the learning rate, with a mark where they fall fastest.
func (c RateCurve) Chart() track.Chart {
	loss, smoothed := track.Line{Name: "loss"}, track.Line{Name: "smoothed"}
	var fastest track.Line
	steepest, ok := c.Steepest()
	for _, p := range c {
		loss.X, loss.Y = append(loss.X, p.Rate), append(loss.Y, p.Loss)
		smoothed.X, smoothed.Y = append(smoothed.X, p.Rate), append(smoothed.Y, p.Smoothed)
		if ok && p.Rate == steepest {
			fastest = track.Line{Name: fmt.Sprintf("falls fastest at %.2g", p.Rate), X: []float64{p.Rate}, Y: []float64{p.Smoothed}}
		}
	}
	chart := track.Chart{Title: "Learning-rate range test", X: "learning rate", Y: "loss", LogX: true, Lines: []track.Line{loss, smoothed}}
	if ok {
		chart.Lines = append(chart.Lines, fastest)
	}
	return chart
}
