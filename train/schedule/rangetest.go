package schedule

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/graph"
)

// RangeTest finds out which learning rates are useful (Smith 2017): it trains for some updates at a rate that rises from
// one to the next, and notes the losses. The rates at which the loss falls fast are good ones; a rate near that at which it
// begins to rise again is too high.
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
//
// The weights are useless afterwards: work with a model of its own, or bring the weights back. fastai's and Lightning's
// finders do the same as this.
func (r RangeTest) Run(update func(rate float64) (loss float64, err error)) (RateCurve, error) {
	from, to, smoothing, stop := orDefault(r.From, 1e-7), orDefault(r.To, 10), orDefault(r.Smoothing, 0.98), orDefault(r.Stop, 4)
	updates := orDefault(r.Updates, 100)
	err := check("schedule.RangeTest", number{"From", from, math.SmallestNonzeroFloat64, inf}, number{"To", to, from, inf},
		number{"Updates", float64(updates), 2, inf}, number{"Smoothing", smoothing, 0, 1 - 1e-9}, number{"Stop", stop, 1, inf})
	if err == nil && update == nil {
		err = &graph.ArgumentError{Op: "schedule.RangeTest", Name: "update", Got: "nil", Want: "a function"}
	}
	if err != nil {
		return nil, err
	}
	var curve RateCurve
	smoothed, lowest := 0.0, inf
	for i := range updates {
		part := float64(i) / float64(updates-1)
		rate := from * math.Pow(to/from, part)
		if r.Linear {
			rate = from + (to-from)*part
		}
		loss, err := update(rate)
		if err != nil {
			return curve, fmt.Errorf("learning rate %g: %w", rate, err)
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			break
		}
		smoothed += (1 - smoothing) / (1 - math.Pow(smoothing, float64(i+1))) * (loss - smoothed)
		curve = append(curve, RatePoint{rate, loss, smoothed})
		if i > 0 && smoothed > stop*lowest {
			break
		}
		lowest = min(lowest, smoothed)
	}
	return curve, nil
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
