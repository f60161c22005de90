package seqdata

import (
	"errors"
	"math"
	"slices"
	"testing"
)

// heun integrates the equation of Mackey and Glass by Heun's method, of order 2, which needs no values between the grid
// points: independently of MackeyGlass, and with a hundredth of its step.
func heun(length, delay int, start float64) []float64 {
	const perUnit = 1000
	h := 1. / perUnit
	x := []float64{start}
	past := func(i int) float64 {
		if i -= delay * perUnit; i > 0 {
			return x[i]
		}
		return start
	}
	slope := func(x, delayed float64) float64 { return 0.2*delayed/(1+math.Pow(delayed, 10)) - 0.1*x }
	for i := range length * perUnit {
		k1 := slope(x[i], past(i))
		k2 := slope(x[i]+h*k1, past(i+1))
		x = append(x, x[i]+h/2*(k1+k2))
	}
	var series []float64
	for i := perUnit; i < len(x); i += perUnit {
		series = append(series, x[i])
	}
	return series
}

func TestMackeyGlassSolvesItsEquation(t *testing.T) {
	for _, c := range []struct {
		o     MackeyGlassOptions
		delay int
		start float64
	}{
		{MackeyGlassOptions{}, 17, 1.2},
		{MackeyGlassOptions{Start: 0.5}, 17, 0.5},
		{MackeyGlassOptions{Delay: 30, Start: 0.9}, 30, 0.9},
		{MackeyGlassOptions{Delay: 1}, 1, 1.2},
	} {
		got, want := ok[[]float64](t)(MackeyGlass(300, c.o)), heun(300, c.delay, c.start)
		if len(got) != 300 {
			t.Fatalf("%d values, want 300", len(got))
		}
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-5 {
				t.Errorf("%+v: x(%d) is %.8f, want %.8f", c.o, i+1, got[i], want[i])
				break
			}
		}
	}
	// Up to t = τ the delayed value is the constant start, and the equation is linear.
	const start = 1.2
	limit := 2 * start / (1 + math.Pow(start, 10))
	for i, x := range ok[[]float64](t)(MackeyGlass(17, MackeyGlassOptions{})) {
		if want := limit + (start-limit)*math.Exp(-0.1*float64(i+1)); math.Abs(x-want) > 1e-8 {
			t.Errorf("x(%d) is %.10f, want %.10f", i+1, x, want)
		}
	}
}

// As Farmer (1982) describes: a stable fixed point for small τ, a limit cycle for larger ones, chaos from τ = 17 on.
func TestMackeyGlassHasTheKnownRegimes(t *testing.T) {
	const transient, n = 3000, 3000
	settled := func(delay int) []float64 {
		return ok[[]float64](t)(MackeyGlass(transient+n, MackeyGlassOptions{Delay: delay}))[transient:]
	}
	// spread is how far the series comes back to itself after the best period; 0 if it is periodic.
	spread := func(x []float64) float64 {
		best := math.Inf(1)
		for period := 5.; period < 120; period += 0.02 {
			var worst float64
			for i := 0; float64(i)+period+1 < float64(len(x)); i += 7 {
				at, part := math.Modf(float64(i) + period)
				worst = math.Max(worst, math.Abs(x[i]-(1-part)*x[int(at)]-part*x[int(at)+1]))
				if worst > best {
					break
				}
			}
			best = math.Min(best, worst)
		}
		return best
	}

	fixed := settled(4)
	if low, high := slices.Min(fixed), slices.Max(fixed); math.Abs(low-1) > 1e-6 || math.Abs(high-1) > 1e-6 {
		t.Errorf("τ = 4: between %g and %g, want the fixed point 1", low, high)
	}
	cycle, chaos := settled(10), settled(17)
	if high, low := slices.Max(cycle), slices.Min(cycle); high-low < 0.3 {
		t.Errorf("τ = 10: between %g and %g, want an oscillation", low, high)
	}
	if s := spread(cycle); s > 0.02 {
		t.Errorf("τ = 10: periodic to %g only", s)
	}
	if s := spread(chaos); s < 0.1 {
		t.Errorf("τ = 17: periodic to %g", s)
	}
	if low, high := slices.Min(chaos), slices.Max(chaos); low < 0.35 || low > 0.5 || high < 1.25 || high > 1.4 {
		t.Errorf("τ = 17: between %g and %g, want about 0.42 and 1.31", low, high)
	}
	var mean, square float64
	for _, x := range chaos {
		mean += x / n
		square += x * x / n
	}
	if deviation := math.Sqrt(square - mean*mean); math.Abs(mean-0.93) > 0.03 || math.Abs(deviation-0.23) > 0.02 {
		t.Errorf("τ = 17: mean %.3f and standard deviation %.3f, want about 0.93 and 0.23", mean, deviation)
	}
}

// Neighbours of a chaotic solution leave it exponentially, those of a periodic one don't.
func TestMackeyGlassIsSensitiveToItsStart(t *testing.T) {
	apart := func(delay, from, to int) float64 {
		a := ok[[]float64](t)(MackeyGlass(to, MackeyGlassOptions{Delay: delay}))
		b := ok[[]float64](t)(MackeyGlass(to, MackeyGlassOptions{Delay: delay, Start: 1.2 + 1e-6}))
		var most float64
		for i := from; i < to; i++ {
			most = math.Max(most, math.Abs(a[i]-b[i]))
		}
		return most
	}
	// The largest Lyapunov exponent of τ = 17 is about 0.007: a factor of 1000 in a thousand time units.
	if early, late := apart(17, 0, 200), apart(17, 2800, 3000); early > 1e-4 || late < 0.1 {
		t.Errorf("τ = 17: %g apart at first, %g later", early, late)
	}
	if late := apart(10, 2800, 3000); late > 1e-4 {
		t.Errorf("τ = 10: %g apart", late)
	}
}

func TestMackeyGlassArguments(t *testing.T) {
	for _, c := range []struct {
		length int
		o      MackeyGlassOptions
		arg    string
	}{
		{0, MackeyGlassOptions{}, "length"},
		{-1, MackeyGlassOptions{}, "length"},
		{math.MaxInt, MackeyGlassOptions{}, "length"},
		{10, MackeyGlassOptions{Delay: -1}, "Delay"},
		{10, MackeyGlassOptions{Delay: math.MaxInt}, "Delay"},
		{10, MackeyGlassOptions{Start: -1}, "Start"},
		{10, MackeyGlassOptions{Start: math.NaN()}, "Start"},
		{10, MackeyGlassOptions{Start: math.Inf(1)}, "Start"},
	} {
		_, err := MackeyGlass(c.length, c.o)
		var e *ArgumentError
		if !errors.As(err, &e) || e.Func != "MackeyGlass" || e.Arg != c.arg {
			t.Errorf("%d, %+v: got %v, want an error about %s", c.length, c.o, err, c.arg)
		}
	}
	for _, x := range ok[[]float64](t)(MackeyGlass(100, MackeyGlassOptions{Start: 1e300})) {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			t.Fatalf("from a large start: %v", x)
		}
	}
}
