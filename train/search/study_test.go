package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var everything = Space{
	Uniform("uniform", -1, 3), LogUniform("log", 1e-4, 1e2), Integer("integer", -2, 2), Choice("choice", "a", "b", 7, nil),
}

// must runs a study that has to succeed.
func must(t *testing.T, s Study, objective Objective) Results {
	t.Helper()
	r, err := s.Run(context.Background(), objective)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func zero(context.Context, Params, Report) (float64, error) { return 0, nil }

// all are the parameters of all trials.
func all(r Results) []string {
	var out []string
	for _, t := range r.Trials {
		out = append(out, fmt.Sprint(t.Number, " ", t.Params.values))
	}
	return out
}

// The parameters of a trial depend on the seed and its number, not on the number of workers or of trials, nor on
// parameters listed behind.
func TestRandomParameters(t *testing.T) {
	want := all(must(t, Study{Space: everything, Trials: 30, Seed: 3, Workers: 1}, zero))
	for workers := range 5 {
		if got := all(must(t, Study{Space: everything, Trials: 30, Seed: 3, Workers: workers}, zero)); !slices.Equal(got, want) {
			t.Errorf("%d workers: %v, want %v", workers, got, want)
		}
	}
	if got := all(must(t, Study{Space: everything, Trials: 10, Seed: 3}, zero)); !slices.Equal(got, want[:10]) {
		t.Errorf("fewer trials: %v, want %v", got, want[:10])
	}
	if got := all(must(t, Study{Space: everything, Trials: 30, Seed: 4}, zero)); slices.Equal(got, want) {
		t.Error("another seed draws the same")
	}
	for i, got := range all(must(t, Study{Space: everything[:2], Trials: 30, Seed: 3}, zero)) {
		if !strings.HasPrefix(want[i], strings.TrimSuffix(got, "]")+" ") {
			t.Errorf("without the last parameters: %s, want the start of %s", got, want[i])
		}
	}
}

// Every kind of parameter has its distribution.
func TestDistributions(t *testing.T) {
	const n = 4000
	r := must(t, Study{Space: everything, Trials: n, Seed: 1}, zero)
	var uniforms, logs []float64
	integers, choices := map[int]float64{}, map[any]float64{}
	for _, trial := range r.Trials {
		p := trial.Params
		uniforms, logs = append(uniforms, p.Float("uniform")), append(logs, math.Log10(p.Float("log")))
		integers[p.Int("integer")]++
		choices[p.Value("choice")]++
	}
	for name, c := range map[string]struct {
		values    []float64
		low, high float64
	}{"uniform": {uniforms, -1, 3}, "log": {logs, -4, 2}} {
		slices.Sort(c.values)
		for i, v := range c.values { // Kolmogorov's distance; the quantile at 1e-6 is about 2.7/√n
			if d := math.Abs((v-c.low)/(c.high-c.low) - (float64(i)+0.5)/n); d > 2.7/math.Sqrt(n) {
				t.Errorf("%s: value %v has rank %d of %d", name, v, i, n)
				break
			}
		}
	}
	even := func(name string, count float64, kinds int) {
		p := 1 / float64(kinds)
		if math.Abs(count/n-p) > 5*math.Sqrt(p*(1-p)/n) {
			t.Errorf("%s: %v of %d", name, count, n)
		}
	}
	for k := -2; k <= 2; k++ {
		even(fmt.Sprint("integer ", k), integers[k], 5)
	}
	for _, v := range []any{"a", "b", 7, nil} {
		even(fmt.Sprint("choice ", v), choices[v], 4)
	}
}

// Extreme ranges neither overflow nor leave themselves.
func TestExtremeRanges(t *testing.T) {
	s := Space{
		Uniform("all", -math.MaxFloat64, math.MaxFloat64), LogUniform("positive", math.SmallestNonzeroFloat64, math.MaxFloat64),
		Integer("ints", math.MinInt, math.MaxInt), Integer("top", math.MaxInt-1, math.MaxInt), Uniform("one", 2, 2), LogUniform("tenth", 0.1, 0.1),
		Integer("four", 4, 4),
	}
	negative := 0
	for _, trial := range must(t, Study{Space: s, Trials: 200}, zero).Trials {
		p := trial.Params
		if v := p.Float("all"); math.IsInf(v, 0) || math.IsNaN(v) {
			t.Errorf("all: %v", v)
		}
		if v := p.Float("positive"); !(v > 0 && v <= math.MaxFloat64) {
			t.Errorf("positive: %v", v)
		}
		if p.Int("ints") < 0 {
			negative++
		}
		if p.Int("top") < math.MaxInt-1 || p.Float("one") != 2 || p.Float("tenth") != 0.1 || p.Int("four") != 4 {
			t.Error(p)
		}
	}
	if negative < 60 || negative > 140 {
		t.Errorf("%d of 200 integers are negative", negative)
	}
}

func TestGrid(t *testing.T) {
	s := Space{Choice("a", "x", "y"), Integer("b", -1, 1), Choice("c", 0.5)}
	want := []string{"0 [x -1 0.5]", "1 [x 0 0.5]", "2 [x 1 0.5]", "3 [y -1 0.5]", "4 [y 0 0.5]", "5 [y 1 0.5]"}
	if got := all(must(t, Study{Space: s, Workers: 3}, zero)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A Choice doesn't follow what its maker does to the values.
func TestChoiceIsACopy(t *testing.T) {
	values := []any{1}
	c := Choice("a", values...)
	values[0] = 2
	if got := must(t, Study{Space: Space{c}}, zero).Trials[0].Params.Int("a"); got != 1 {
		t.Errorf("got %d", got)
	}
}

// As many trials run at once as there are workers, and no more.
func TestWorkers(t *testing.T) {
	const workers = 3
	var now, most atomic.Int32
	var together sync.WaitGroup
	together.Add(workers)
	r := must(t, Study{Space: Space{Integer("i", 1, 3*workers)}, Workers: workers}, func(_ context.Context, p Params, _ Report) (float64, error) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		if p.Int("i") <= workers { // the first ones meet
			together.Done()
			together.Wait()
		}
		runtime.Gosched()
		now.Add(-1)
		return 0, nil
	})
	if len(r.Trials) != 3*workers || most.Load() != workers {
		t.Errorf("%d trials, %d at once", len(r.Trials), most.Load())
	}
}

// curve is the value of trial i at a step: a falling curve with noise, and now and then a NaN or an infinity.
func curve(i, step int) float64 {
	rng := rand.New(rand.NewPCG(uint64(i), uint64(step)))
	switch rng.IntN(30) {
	case 0:
		return math.NaN()
	case 1:
		return math.Inf(1)
	}
	level := rand.New(rand.NewPCG(uint64(i), 1<<40)).Float64()
	return level + 0.2/float64(step) + 0.2*rng.Float64()
}

// stepsOf are the steps at which trial i reports: not the same for all.
func stepsOf(i int) []int {
	var steps []int
	for step := 1 + i%2; step <= 20-i%5; step += 1 + i%3 {
		steps = append(steps, step)
	}
	return steps
}

// sequential applies the rule to trials one after the other, by its definition: how many reports each makes, and whether
// it is pruned at the last of them.
func sequential(n, startup, warmup int, sign float64) (reached []int, pruned []bool) {
	reached, pruned = make([]int, n), make([]bool, n)
	for i := range n {
		best := math.Inf(1)
	steps:
		for _, step := range stepsOf(i) {
			reached[i]++
			v := sign * curve(i, step)
			if v < best {
				best = v
			}
			if i < startup || step < warmup {
				continue
			}
			var others []float64
			for j := range i {
				at := slices.Index(stepsOf(j), step)
				if at >= 0 && at < reached[j] {
					v := sign * curve(j, step)
					if math.IsNaN(v) {
						v = math.Inf(1)
					}
					others = append(others, v)
				}
			}
			slices.Sort(others)
			if n := len(others); n > 0 && best > (others[n/2]+others[(n-1)/2])/2 {
				pruned[i] = true
				break steps
			}
		}
	}
	return reached, pruned
}

// Pruning does the same for any number of workers and any speed of the trials: what it does to them one after the other.
func TestPruningIsSequential(t *testing.T) {
	const n = 40
	for _, c := range []struct {
		startup, warmup int
		maximize        bool
	}{{5, 0, false}, {1, 6, false}, {8, 3, true}} {
		sign := 1.0
		if c.maximize {
			sign = -1
		}
		want, pruned := sequential(n, c.startup, c.warmup, sign)
		count := 0
		for _, p := range pruned {
			if p {
				count++
			}
		}
		if count < n/4 || count > n-4 {
			t.Fatalf("%d of %d trials are pruned: the case shows nothing", count, n)
		}
		for _, workers := range []int{1, 2, 7, n} {
			for seed := range uint64(3) {
				s := Study{
					Space: Space{Integer("i", 0, n-1)}, Workers: workers, Maximize: c.maximize,
					Prune: &Median{Startup: c.startup, Warmup: c.warmup},
				}
				if c.startup == 5 {
					s.Prune.Startup = 0 // the default
				}
				r := must(t, s, func(_ context.Context, p Params, report Report) (float64, error) {
					i := p.Int("i")
					rng := rand.New(rand.NewPCG(seed, uint64(i)))
					for _, step := range stepsOf(i) {
						for range rng.IntN(4) * rng.IntN(20) {
							runtime.Gosched()
						}
						if err := report(step, curve(i, step)); err != nil {
							return 0, fmt.Errorf("wrapped: %w", err)
						}
					}
					return float64(i), nil
				})
				for i, trial := range r.Trials {
					state, value := Complete, float64(i)
					if pruned[i] {
						state, value = Pruned, curve(i, stepsOf(i)[want[i]-1])
					}
					if len(trial.Reports) != want[i] || trial.State != state || trial.Value != value && !math.IsNaN(value) {
						t.Fatalf("%+v, %d workers: trial %d has %d reports, is %s and %v; want %d, %s and %v",
							c, workers, i, len(trial.Reports), trial.State, trial.Value, want[i], state, value)
					}
				}
			}
		}
	}
}

// The rule on numbers that can be checked by eye.
func TestMedian(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		lowest float64
		others []float64
		want   bool
	}{
		{5, nil, false},
		{5, []float64{5}, false},
		{5.1, []float64{5}, true},
		{2, []float64{3, 1, 2}, false},
		{2.1, []float64{3, 1, 2}, true},
		{2.5, []float64{4, 1, 3, 2}, false},
		{2.6, []float64{4, 1, 3, 2}, true},
		{nan, []float64{1, nan, nan}, false}, // the median is a NaN too
		{nan, []float64{1, 2, nan}, true},
		{nan, []float64{inf}, true},
		{inf, []float64{inf, inf}, false},
		{1.68e308, []float64{1.6e308, 1.7e308}, true}, // whose sum overflows
		{-1, []float64{-inf, inf}, false},
	} {
		if got := new(Median).prunes(c.lowest, slices.Clone(c.others)); got != c.want {
			t.Errorf("%v against %v: %v", c.lowest, c.others, got)
		}
	}
}

// A trial that goes on after it was told to end is told again, and counts if it has a result.
func TestGoingOn(t *testing.T) {
	r := must(t, Study{Space: Space{Integer("i", 0, 2)}, Prune: &Median{Startup: 1}, Workers: 3}, func(_ context.Context, p Params, report Report) (float64, error) {
		i := p.Int("i")
		var errs []error
		for step := range 3 {
			errs = append(errs, report(step, float64(i)))
		}
		if want := []error{nil, nil, nil}; i == 0 && !slices.Equal(errs, want) {
			t.Errorf("trial %d: %v", i, errs)
		}
		if want := []error{ErrPruned, ErrPruned, ErrPruned}; i > 0 && !slices.Equal(errs, want) {
			t.Errorf("trial %d: %v", i, errs)
		}
		return float64(i), nil
	})
	for i, trial := range r.Trials {
		if trial.State != Complete || trial.Value != float64(i) || i > 0 && len(trial.Reports) != 1 {
			t.Errorf("%+v", trial)
		}
	}
}

// A trial waits for no more than it needs: neither for what another does after the same step, nor for one that was told to
// end. Each trial here goes on only when the next one has its answer.
func TestNoNeedlessWaiting(t *testing.T) {
	answered := [3]chan struct{}{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	s := Study{Space: Space{Integer("i", 0, 2)}, Prune: &Median{Startup: 1}, Workers: 3}
	r := must(t, s, func(_ context.Context, p Params, report Report) (float64, error) {
		i := p.Int("i")
		first := []int{1, 1, 2}[i] // trial 1 never comes to where trial 2 reports
		if err := report(first, float64(i)); i > 0 && err != ErrPruned {
			t.Errorf("trial %d: %v", i, err)
		}
		close(answered[i])
		if i < 2 {
			<-answered[i+1]
		}
		if i == 0 {
			return 0, report(2, 0)
		}
		return 0, nil
	})
	if len(r.Trials) != 3 {
		t.Errorf("%d trials", len(r.Trials))
	}
}

// The first mistake with parameters is the one that is told.
func TestFirstMistake(t *testing.T) {
	r := must(t, Study{Space: Space{Integer("i", 0, 0)}}, func(_ context.Context, p Params, _ Report) (float64, error) {
		p.Value("first")
		p.Value("second")
		return 0, nil
	})
	if err := r.Trials[0].Err; err == nil || !strings.Contains(err.Error(), `"first"`) {
		t.Error(err)
	}
}

// What becomes of one trial does nothing to the others, and a value that isn't a finite number is never the best.
func TestFailures(t *testing.T) {
	fault := errors.New("fault")
	var late Report
	outcomes := map[string]struct {
		f     Objective
		state State
		err   any
	}{
		"error":  {func(context.Context, Params, Report) (float64, error) { return -9, fault }, Failed, nil},
		"panic":  {func(context.Context, Params, Report) (float64, error) { panic(fault) }, Failed, new(*PanicError)},
		"panics": {func(context.Context, Params, Report) (float64, error) { panic("text") }, Failed, new(*PanicError)},
		"nil panic": {func(context.Context, Params, Report) (float64, error) {
			panic(nil) // as a mistaken program does
		}, Failed, new(*PanicError)},
		"goexit": {func(context.Context, Params, Report) (float64, error) {
			runtime.Goexit()
			return 0, nil
		}, Failed, nil},
		"out of range":    {func(context.Context, Params, Report) (float64, error) { return []float64{}[len(fault.Error())], nil }, Failed, new(*PanicError)},
		"unknown name":    {func(_ context.Context, p Params, _ Report) (float64, error) { return p.Float("nobody"), nil }, Failed, new(*ArgumentError)},
		"no text":         {func(_ context.Context, p Params, _ Report) (float64, error) { return float64(len(p.Text("i"))), nil }, Failed, new(*ArgumentError)},
		"no number":       {func(_ context.Context, p Params, _ Report) (float64, error) { return p.Float("outcome"), nil }, Failed, new(*ArgumentError)},
		"no whole number": {func(_ context.Context, p Params, _ Report) (float64, error) { return float64(p.Int("x")), nil }, Failed, new(*ArgumentError)},
		"mistake and report": {func(_ context.Context, p Params, report Report) (float64, error) {
			p.Int("x")
			return 0, fmt.Errorf("told: %w", report(1, 2))
		}, Failed, new(*ArgumentError)},
		"same step": {func(_ context.Context, _ Params, report Report) (float64, error) {
			return 0, errors.Join(report(4, 0), report(4, 0))
		}, Failed, new(*ArgumentError)},
		"step back": {func(_ context.Context, _ Params, report Report) (float64, error) {
			return 0, errors.Join(report(4, 0), report(-4, 0))
		}, Failed, new(*ArgumentError)},
		"NaN":       {func(context.Context, Params, Report) (float64, error) { return math.NaN(), nil }, Complete, nil},
		"-Inf":      {func(context.Context, Params, Report) (float64, error) { return math.Inf(-1), nil }, Complete, nil},
		"+Inf":      {func(context.Context, Params, Report) (float64, error) { return math.Inf(1), nil }, Complete, nil},
		"cancelled": {func(context.Context, Params, Report) (float64, error) { return -9, context.Canceled }, Failed, nil}, // by itself
		"own wish":  {func(context.Context, Params, Report) (float64, error) { return -9, ErrPruned }, Pruned, nil},
		"good": {func(_ context.Context, p Params, report Report) (float64, error) {
			late = report
			return 3, nil
		}, Complete, nil},
		"better": {func(context.Context, Params, Report) (float64, error) { return 2, nil }, Complete, nil},
	}
	var names []any
	for name := range outcomes {
		names = append(names, name)
	}
	for _, maximize := range []bool{false, true} {
		s := Study{Space: Space{Choice("outcome", names...), Choice("i", 1), Choice("x", 0.5)}, Maximize: maximize, Workers: 4}
		r := must(t, s, func(ctx context.Context, p Params, report Report) (float64, error) {
			return outcomes[p.Text("outcome")].f(ctx, p, report)
		})
		if len(r.Trials) != len(outcomes) {
			t.Fatalf("%d trials", len(r.Trials))
		}
		for _, trial := range r.Trials {
			name := trial.Params.Text("outcome")
			want := outcomes[name]
			if trial.State != want.state || (trial.Err == nil) != (want.state == Complete) || want.state != Complete && !math.IsNaN(trial.Value) {
				t.Errorf("%s: %+v", name, trial)
			}
			if want.err != nil && !errors.As(trial.Err, want.err) {
				t.Errorf("%s: error %T %v", name, trial.Err, trial.Err)
			}
			if want := strings.Contains(name, "error") || name == "panic"; want && !errors.Is(trial.Err, fault) {
				t.Errorf("%s: error %v hides its cause", name, trial.Err)
			}
			var p *PanicError
			if errors.As(trial.Err, &p) && !strings.Contains(p.Stack, "TestFailures") {
				t.Errorf("%s: stack %s", name, p.Stack)
			}
		}
		want := "better"
		if maximize {
			want = "good"
		}
		if best, ok := r.Best(); !ok || best.Params.Text("outcome") != want {
			t.Errorf("the best is %v, %v; want %s", best, ok, want)
		}
		var e *ArgumentError
		if err := late(1, 1); !errors.As(err, &e) {
			t.Errorf("a report after the end: %v", err)
		}
	}
}

// The end of the context ends a study soon: trials under way are told, also those that wait for another, and no more are
// begun.
func TestCancel(t *testing.T) {
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	begun := make(chan int, 10)
	go func() {
		for range 3 {
			<-begun
		}
		time.Sleep(5 * time.Millisecond) // most likely trial 1 waits by now
		cancel(cause)
	}()
	s := Study{Space: Space{Integer("i", 0, 9)}, Workers: 3, Prune: &Median{Startup: 1}}
	told := make(chan struct{})
	r, err := s.Run(ctx, func(ctx context.Context, p Params, report Report) (float64, error) {
		i := p.Int("i")
		begun <- i
		switch i {
		case 0: // it never reports, so trial 1 waits for it, and is told of the end before trial 0 ends
			<-told
			return 0, ctx.Err()
		case 1:
			defer close(told)
			return 1, report(1, 1)
		}
		<-told
		return 2, nil
	})
	if err != cause {
		t.Errorf("error %v", err)
	}
	var states []State
	for _, trial := range r.Trials {
		states = append(states, trial.State)
	}
	if !slices.Equal(states, []State{Cancelled, Cancelled, Complete}) {
		t.Errorf("states %v", states)
	}

	done, stop := context.WithCancel(context.Background())
	stop()
	if r, err := s.Run(done, zero); err != context.Canceled || len(r.Trials) != 0 {
		t.Errorf("a context that has ended: %v, %d trials", err, len(r.Trials))
	}
	if _, ok := r.Best(); !ok {
		t.Error("no best trial among those that ended")
	}
}

// A study leaves no goroutine, also one that was cancelled.
func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		ctx, cancel := context.WithCancel(context.Background())
		s := Study{Space: Space{Integer("i", 0, 9)}, Workers: 4, Prune: &Median{Startup: 1}}
		s.Run(ctx, func(_ context.Context, p Params, report Report) (float64, error) {
			if p.Int("i") == 5 {
				cancel()
			}
			return 0, report(1, float64(p.Int("i")))
		})
		cancel()
	}
	deadline := time.Now().Add(time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
}

func TestMisuse(t *testing.T) {
	good := Space{Choice("a", 1)}
	nan, inf := math.NaN(), math.Inf(1)
	for name, c := range map[string]struct {
		study Study
		text  string
	}{
		"no space":            {Study{}, "Space"},
		"zero parameter":      {Study{Space: Space{{}}}, "Space"},
		"no name":             {Study{Space: Space{Choice("", 1)}}, "Space"},
		"name twice":          {Study{Space: Space{Choice("a", 1), Integer("a", 1, 2)}}, `"a"`},
		"no choice":           {Study{Space: Space{Choice("a")}}, "parameter a"},
		"integer":             {Study{Space: Space{Integer("a", 2, 1)}}, "parameter a"},
		"uniform":             {Study{Space: Space{Uniform("a", 2, 1)}, Trials: 1}, "parameter a"},
		"uniform NaN":         {Study{Space: Space{Uniform("a", nan, 1)}, Trials: 1}, "parameter a"},
		"uniform infinite":    {Study{Space: Space{Uniform("a", 0, inf)}, Trials: 1}, "parameter a"},
		"log of 0":            {Study{Space: Space{LogUniform("a", 0, 1)}, Trials: 1}, "parameter a"},
		"log of NaN":          {Study{Space: Space{LogUniform("a", nan, 1)}, Trials: 1}, "parameter a"},
		"log infinite":        {Study{Space: Space{LogUniform("a", 1, inf)}, Trials: 1}, "parameter a"},
		"log reversed":        {Study{Space: Space{LogUniform("a", 2, 1)}, Trials: 1}, "parameter a"},
		"range in a grid":     {Study{Space: Space{Uniform("a", 0, 1)}}, "parameter a"},
		"log range in a grid": {Study{Space: Space{LogUniform("a", 1, 2)}}, "parameter a"},
		"large grid":          {Study{Space: Space{Integer("a", 1, 1<<11), Integer("b", 1, 1<<11)}}, "grid"},
		"huge grid":           {Study{Space: Space{Integer("a", math.MinInt, math.MaxInt), Integer("b", 0, math.MaxInt)}}, "grid"},
		"trials negative":     {Study{Space: good, Trials: -1}, "Trials"},
		"trials huge":         {Study{Space: good, Trials: math.MaxInt}, "Trials"},
		"workers negative":    {Study{Space: good, Workers: -1}, "Workers"},
		"startup negative":    {Study{Space: good, Prune: &Median{Startup: -1}}, "Median"},
		"warmup negative":     {Study{Space: good, Prune: &Median{Warmup: -1}}, "Median"},
	} {
		r, err := c.study.Run(context.Background(), zero)
		var e *ArgumentError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.text) || len(r.Trials) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	var e *ArgumentError
	if _, err := (Study{Space: good}).Run(context.Background(), nil); !errors.As(err, &e) || e.Name != "objective" {
		t.Errorf("no objective: %v", err)
	}
	var never context.Context
	if _, err := (Study{Space: good}).Run(never, zero); !errors.As(err, &e) || e.Name != "ctx" {
		t.Errorf("no context: %v", err)
	}
	if r, err := (Study{Space: good, Workers: math.MaxInt}).Run(context.Background(), zero); err != nil || len(r.Trials) != 1 {
		t.Errorf("as many workers as there are numbers: %v", err)
	}
	var p Params
	if v := p.Float("a"); !math.IsNaN(v) || p.Int("a") != 0 || p.Text("a") != "" || p.Value("a") != nil || p.String() != "" {
		t.Error("Params without a study have values")
	}
}
