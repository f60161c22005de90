package schedule_test

import (
	"errors"
	"math"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/schedule"
)

// Gradient descent on x²/2 + 50·y² from (10, 1) converges up to a rate of 2/100.
func TestRangeTest(t *testing.T) {
	x, y := 10.0, 1.0
	var rates []float64
	curve, err := schedule.RangeTest{From: 1e-5, To: 1, Updates: 101, Smoothing: 1e-9}.Run(func(rate float64) (float64, error) {
		rates = append(rates, rate)
		loss := x*x/2 + 50*y*y
		x, y = x-rate*x, y-rate*100*y
		return loss, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(curve) >= 101 || len(curve) != len(rates) {
		t.Errorf("%d points of %d updates: no end where the loss explodes", len(curve), len(rates))
	}
	for i, p := range curve {
		if want := 1e-5 * math.Pow(10, float64(i)/20); math.Abs(p.Rate-want) > 1e-12*want || rates[i] != p.Rate {
			t.Errorf("rate %d is %v, used as %v, want %v", i, p.Rate, rates[i], want)
		}
		if math.Abs(p.Smoothed-p.Loss) > 1e-6*p.Loss {
			t.Errorf("point %d: %+v", i, p)
		}
	}
	if rate, ok := curve.Steepest(); !ok || rate < 1e-4 || rate > 0.02 {
		t.Errorf("steepest at %v", rate)
	}
	lowest := curve[0]
	for _, p := range curve {
		if p.Loss < lowest.Loss {
			lowest = p
		}
	}
	if last := curve[len(curve)-1]; last.Smoothed <= 4*lowest.Loss || curve[len(curve)-2].Smoothed > 4*lowest.Loss {
		t.Errorf("ends at %+v, the lowest point being %+v", last, lowest)
	}
}

func TestRangeTestSmooths(t *testing.T) {
	losses := []float64{4, 2, 8, 1}
	i := 0
	curve, err := schedule.RangeTest{From: 1, To: 4, Updates: 4, Linear: true, Smoothing: 0.5}.Run(func(rate float64) (float64, error) {
		i++
		return losses[i-1], nil
	})
	want := []schedule.RatePoint{{1, 4, 4}, {2, 2, (4*0.25 + 2*0.5) / 0.75}, {3, 8, (4*0.125 + 2*0.25 + 8*0.5) / 0.875}, {4, 1, (4./16 + 2./8 + 8./4 + 1./2) / (15. / 16)}}
	if err != nil || len(curve) != 4 {
		t.Fatal(curve, err)
	}
	for i, p := range curve {
		if p.Rate != want[i].Rate || p.Loss != want[i].Loss || math.Abs(p.Smoothed-want[i].Smoothed) > 1e-12 {
			t.Errorf("point %d is %+v, want %+v", i, p, want[i])
		}
	}
}

func TestRangeTestEnds(t *testing.T) {
	failure := errors.New("failure")
	for _, c := range []struct {
		loss float64
		err  error
	}{{math.NaN(), nil}, {math.Inf(1), nil}, {1, failure}} {
		n := 0
		curve, err := schedule.RangeTest{}.Run(func(float64) (float64, error) {
			if n++; n == 4 {
				return c.loss, c.err
			}
			return 1, nil
		})
		if len(curve) != 3 || n != 4 || !errors.Is(err, c.err) {
			t.Errorf("loss %v, error %v: %d points, %v", c.loss, c.err, len(curve), err)
		}
	}
	curve, err := schedule.RangeTest{}.Run(func(float64) (float64, error) { return 1, nil })
	if err != nil || len(curve) != 100 || curve[0].Rate != 1e-7 || math.Abs(curve[99].Rate-10) > 1e-9 {
		t.Errorf("%d points, %v", len(curve), err)
	}
	if rate, ok := curve.Steepest(); ok {
		t.Errorf("the loss falls fastest at %v, though it doesn't fall", rate)
	}
	if _, ok := (schedule.RateCurve)(nil).Steepest(); ok {
		t.Error("no points, but a steepest one")
	}
	for name, r := range map[string]schedule.RangeTest{
		"From": {From: -1}, "To": {To: 1e-8}, "Updates": {Updates: 1}, "Smoothing": {Smoothing: 1}, "Stop": {Stop: 0.5},
	} {
		_, err := r.Run(func(float64) (float64, error) { return 1, nil })
		if e, ok := errors.AsType[*graph.ArgumentError](err); !ok || e.Name != name {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if _, err := (schedule.RangeTest{}).Run(nil); err == nil {
		t.Error("no update: no error")
	}
}
