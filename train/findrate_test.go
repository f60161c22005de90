package train_test

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/train"
)

// Gradient descent on x²/2 + 50·y² from (10, 1) converges up to a rate of 2/100.
func TestRangeTest(t *testing.T) {
	x, y := 10.0, 1.0
	var rates []float64
	curve, err := train.RangeTest{From: 1e-5, To: 1, Updates: 101, Smoothing: 1e-9}.Run(func(rate float64) (float64, error) {
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
	curve, err := train.RangeTest{From: 1, To: 4, Updates: 4, Linear: true, Smoothing: 0.5}.Run(func(rate float64) (float64, error) {
		i++
		return losses[i-1], nil
	})
	want := []train.RatePoint{{1, 4, 4}, {2, 2, (4*0.25 + 2*0.5) / 0.75}, {3, 8, (4*0.125 + 2*0.25 + 8*0.5) / 0.875}, {4, 1, (4./16 + 2./8 + 8./4 + 1./2) / (15. / 16)}}
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
		curve, err := train.RangeTest{}.Run(func(float64) (float64, error) {
			if n++; n == 4 {
				return c.loss, c.err
			}
			return 1, nil
		})
		if len(curve) != 3 || n != 4 || !errors.Is(err, c.err) {
			t.Errorf("loss %v, error %v: %d points, %v", c.loss, c.err, len(curve), err)
		}
	}
	curve, err := train.RangeTest{}.Run(func(float64) (float64, error) { return 1, nil })
	if err != nil || len(curve) != 100 || curve[0].Rate != 1e-7 || math.Abs(curve[99].Rate-10) > 1e-9 {
		t.Errorf("%d points, %v", len(curve), err)
	}
	if rate, ok := curve.Steepest(); ok {
		t.Errorf("the loss falls fastest at %v, though it doesn't fall", rate)
	}
	if _, ok := (train.RateCurve)(nil).Steepest(); ok {
		t.Error("no points, but a steepest one")
	}
	for name, r := range map[string]train.RangeTest{
		"From": {From: -1}, "To": {To: 1e-8}, "Updates": {Updates: 1}, "Smoothing": {Smoothing: 1}, "Stop": {Stop: 0.5},
	} {
		_, err := r.Run(func(float64) (float64, error) { return 1, nil })
		if e, ok := errors.AsType[*train.ArgumentError](err); !ok || e.Name != "RangeTest."+name {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if _, err := (train.RangeTest{}).Run(nil); err == nil {
		t.Error("no update: no error")
	}
}

// TestFindRate: the test trains, each rate's loss is that of an update at that rate, and nothing is left of it.
func TestFindRate(t *testing.T) {
	r := recipe{dropout: 0.1}
	data, _ := r.streams(t)
	trainer, other := r.trainer(t, 30), r.trainer(t, 30)
	trainer.Steps = 20
	r.fit(t, trainer)
	weights, memory := values(t, trainer.Model), trainer.Optimizer.State().Steps
	curve, err := trainer.FindRate(t.Context(), data, train.RangeTest{From: 1e-4, To: 100, Updates: 60})
	if err != nil {
		t.Fatal(err)
	}
	lowest := slices.MinFunc(curve, func(a, b train.RatePoint) int { return cmp.Compare(a.Smoothed, b.Smoothed) })
	if rate, ok := curve.Steepest(); !ok || rate > 1 || lowest.Smoothed > curve[0].Loss || curve[len(curve)-1].Smoothed < lowest.Smoothed {
		t.Errorf("the loss falls from %v to %v and ends at %v; steepest at %v", curve[0].Loss, lowest.Smoothed, curve[len(curve)-1].Smoothed, rate)
	}
	wantSame(t, "weights after the test", values(t, trainer.Model), weights)
	if n := trainer.Optimizer.State().Steps; n != memory {
		t.Errorf("the optimizer has %d steps, want %d", n, memory)
	}
	trainer.Steps = 30
	r.fit(t, trainer)
	other.Steps = 20
	r.fit(t, other)
	other.Steps = 30
	r.fit(t, other)
	wantSame(t, "weights of a training with a test in between", values(t, trainer.Model), values(t, other.Model))

	if chart := curve.Chart(); len(chart.Lines) != 3 || !strings.Contains(chart.SVG(), "learning rate") || len(chart.PNG()) == 0 {
		t.Errorf("the chart has %d lines", len(chart.Lines))
	}
	trainer.Optimizer = struct{ train.Optimizer }{trainer.Optimizer}
	if _, err := trainer.FindRate(t.Context(), data, train.RangeTest{}); err == nil || !strings.Contains(err.Error(), "no method Rate") {
		t.Errorf("an optimizer without Rate: %v", err)
	}
	if _, err := r.trainer(t, 1).FindRate(t.Context(), nil, train.RangeTest{}); err == nil {
		t.Error("no data: no error")
	}
}
