package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/metric"
)

// The intervals hold 80%: they go from the 10% quantile to the 90% quantile, which a normal distribution has at ±1.28
// standard deviations.
const (
	inside  = 0.8
	normal  = 1.2815515655446004
	origins = 40 // places that long forecasts are made from, at most
)

// forecast is what is expected of a value, and its interval.
type forecast struct{ mean, low, high float64 }

func (f forecast) holds(v float64) bool { return f.low <= v && v <= f.high }

// comparison holds forecasts of the test part, and how good they are.
type comparison struct {
	*data
	linear *autoregression // on the scale of the training part

	single []forecast // of each value of the test part, from all before it; these and the next are in the series' unit
	one    score
	ahead  []score // of long forecasts, by steps ahead from 1 on
	places int     // that these were made from

	last  []forecast  // long forecast of the last values
	paths [][]float64 // [steps][samples]
}

// score says how good forecasts are, on the scale of the training part.
type score struct {
	count                        int
	network, linear, persistence metric.RMSE
	held                         int // values in the network's interval
}

func (s *score) add(value float64, f forecast, linear, persistence float64) error {
	s.count++
	if f.holds(value) {
		s.held++
	}
	is := seqdata.Array{Shape: []int{1, 1}, Floats: []float32{float32(value)}}
	batch := &seqdata.Batch{T: 1, B: 1, Arrays: map[string]seqdata.Array{seqdata.Input: is, seqdata.Target: is}}
	said := func(v float64) *graph.Tensor { return &graph.Tensor{Shape: []int{1, 1}, F32: []float32{float32(v)}} }
	return errors.Join(s.network.Add(said(f.mean), batch), s.linear.Add(said(linear), batch), s.persistence.Add(said(persistence), batch))
}

// percent is how many values were in their interval.
func (s *score) percent() float64 { return 100 * float64(s.held) / float64(s.count) }

// compare forecasts the test part.
func (s *settings) compare(ctx context.Context, d *data, n *network) (*comparison, error) {
	scaled := d.scaled()
	linear, err := fitLinear(scaled, d.train.Len(), d.valid.Len())
	if err != nil {
		return nil, err
	}
	c := &comparison{data: d, linear: linear, ahead: make([]score, s.horizon)}
	one, err := newStepper(n, 1)
	if err != nil {
		return nil, err
	}
	many, err := newStepper(n, s.samples)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(s.seed, 4))
	first, end := d.test.From-1, len(scaled)-1
	stride := (end-s.horizon-first)/origins + 1
	for t, v := range scaled[:end] {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		mean, deviation, err := one.next(v)
		if err != nil {
			return nil, err
		}
		if t < first {
			continue
		}
		w := normal * deviation[0]
		f := forecast{mean[0], mean[0] - w, mean[0] + w}
		c.single = append(c.single, d.unscaled(f))
		if err := c.one.add(scaled[t+1], f, linear.next(scaled[:t+1]), v); err != nil {
			return nil, err
		}

		if back := end - s.horizon - t; back >= 0 && back%stride == 0 {
			if err := c.far(many, one.states, mean[0], deviation[0], t, rng); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// far makes a long forecast of what follows time t: from the network's state after it, and its forecast of the next value.
func (c *comparison) far(many *stepper, from graph.States, mean, deviation float64, t int, rng *rand.Rand) error {
	paths, err := many.paths(from, mean, deviation, len(c.ahead), rng)
	if err != nil {
		return err
	}
	scaled := c.scaled()
	linear := c.linear.path(scaled[:t+1], len(c.ahead))
	c.places++
	c.last, c.paths = nil, paths
	for k, values := range paths {
		f := summary(values)
		if err := c.ahead[k].add(scaled[t+1+k], f, linear[k], scaled[t]); err != nil {
			return err
		}
		c.last = append(c.last, c.unscaled(f))
		for i, v := range values {
			values[i] = v*c.deviation + c.mean
		}
	}
	return nil
}

// summary is the mean of samples and the interval between their quantiles.
func summary(samples []float64) forecast {
	sorted := slices.Sorted(slices.Values(samples))
	quantile := func(p float64) float64 {
		at := p * float64(len(sorted)-1)
		i := int(at)
		return sorted[i] + (at-float64(i))*(sorted[min(i+1, len(sorted)-1)]-sorted[i])
	}
	sum := 0.0
	for _, v := range samples {
		sum += v
	}
	return forecast{sum / float64(len(samples)), quantile((1 - inside) / 2), quantile((1 + inside) / 2)}
}

// unscaled returns a forecast in the series' unit.
func (d *data) unscaled(f forecast) forecast {
	return forecast{f.mean*d.deviation + d.mean, f.low*d.deviation + d.mean, f.high*d.deviation + d.mean}
}

// rmse is a root mean squared error in the series' unit, with four digits.
func (d *data) rmse(m metric.RMSE) string {
	v := m.Value() * d.deviation
	return strconv.FormatFloat(v, 'f', min(max(0, 3-int(math.Floor(math.Log10(v)))), 9), 64)
}

// print writes how good the forecasts are.
func (c *comparison) print(s *settings, stdout io.Writer) {
	order := len(c.linear.coefficients)
	if !s.quiet {
		fmt.Fprintf(stdout, "\nroot mean squared errors in the test part, and how many values are in the network's %.0f%% interval\n", 100*inside)
		fmt.Fprintf(stdout, "%d steps ahead: means of %d sampled paths, from %d places\n\n", s.horizon, s.samples, c.places)
		fmt.Fprintf(stdout, "%12s %10s %10s %12s %9s\n", "steps ahead", "network", fmt.Sprintf("AR(%d)", order), "persistence", "interval")
		for _, k := range []int{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000} {
			if k <= len(c.ahead) {
				a := c.ahead[k-1]
				fmt.Fprintf(stdout, "%12d %10s %10s %12s %8.0f%%\n", k, c.rmse(a.network), c.rmse(a.linear), c.rmse(a.persistence), a.percent())
			}
		}
		fmt.Fprintf(stdout, "\nthe forecasts are drawn in %s\n", s.out)
	}
	fmt.Fprintf(stdout, "one step ahead, all %d values of the test part: RMSE %s (linear autoregression of order %d: %s, persistence: %s), %.0f%% in the interval\n",
		c.one.count, c.rmse(c.one.network), order, c.rmse(c.one.linear), c.rmse(c.one.persistence), c.one.percent())
}
