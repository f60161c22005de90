package main

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/program"
	"github.com/gobptt/bptt/seqdata"
)

// outcome is what a user sees of a run.
type outcome struct {
	stdout, stderr string
	status         int
}

func execute(args ...string) outcome {
	var stdout, stderr bytes.Buffer
	code := program.Status("forecast", run(context.Background(), args, &stdout, &stderr), &stderr)
	return outcome{stdout.String(), stderr.String(), code}
}

// small goes to an empty directory with waves.csv, and returns the flags of a short run. A flag that is given again after
// these takes their place.
func small(t *testing.T, more ...string) []string {
	t.Helper()
	t.Chdir(t.TempDir())
	put(t, "waves.csv", table(waves(600)))
	return append(strings.Fields("-csv waves.csv -column level -hidden 8 -window 30 -epochs 12 -lr 1e-2 -horizon 20 -samples 20"), more...)
}

// waves are noisy and have a mean and a scale of their own.
func waves(n int) []float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, n)
	for t := range values {
		values[t] = math.Round(1e3*(500+100*math.Sin(float64(t)/4)+5*rng.NormFloat64())) / 1e3
	}
	return values
}

func table(values []float64) string {
	var b strings.Builder
	b.WriteString("day,level\n")
	for t, v := range values {
		fmt.Fprintf(&b, "Monday %d,%v\n", t, v)
	}
	return b.String()
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

var lastLine = regexp.MustCompile(`^one step ahead, all (\d+) values of the test part: RMSE (\S+) \(linear autoregression of order (\d+): (\S+), persistence: (\S+)\), (\d+)% in the interval\n$`)

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A short run learns the waves, and everything that is promised is there afterwards.
func TestForecasts(t *testing.T) {
	args := small(t)
	o := execute(args...)
	lines := strings.SplitAfter(o.stdout, "\n")
	if o.status != 0 || len(lines) < 2 {
		t.Fatalf("status %d: %s%s", o.status, o.stdout, o.stderr)
	}
	last := lines[len(lines)-2]
	m := lastLine.FindStringSubmatch(last)
	if m == nil {
		t.Fatalf("the last line is %q", last)
	}

	// Persistence, by a plain computation.
	values, sum := waves(600), 0.0
	for i := 540; i < 600; i++ {
		sum += (values[i] - values[i-1]) * (values[i] - values[i-1])
	}
	if want := math.Sqrt(sum / 60); m[1] != "60" || math.Abs(number(t, m[5])-want) > 1e-3*want {
		t.Errorf("%s values, persistence %s; want 60, %v", m[1], m[5], want)
	}
	// The noise's deviation is 5: nobody can do better, and the network should be near.
	network, linear := number(t, m[2]), number(t, m[4])
	if !(network > 4 && network < 8) || !(linear > 4 && linear < 8) {
		t.Errorf("RMSE %v, linear %v; the noise's is 5", network, linear)
	}
	if held := number(t, m[6]); held < 60 || held > 97 {
		t.Errorf("%v%% in the 80%% interval", held)
	}
	for _, want := range []string{
		"series: level in waves.csv, 600 values: 480 for training, 60 for validation, 60 for the test\n",
		"model: GRU 8 with a Gaussian head, 282 parameters\n",
		" steps ahead    network", "\n           1 ", "\n          20 ", "the forecasts are drawn in forecast.png\n",
	} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("no %q in\n%s", want, o.stdout)
		}
	}
	data, err := os.ReadFile("forecast.png")
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil || picture.Bounds().Dx() != 1000 || picture.Bounds().Dy() != 800 {
		t.Errorf("the picture: %v", err)
	}
	colors := map[[3]uint32]bool{}
	for y := range 800 {
		for x := range 1000 {
			r, g, b, _ := picture.At(x, y).RGBA()
			colors[[3]uint32{r >> 8, g >> 8, b >> 8}] = true
		}
	}
	for _, c := range [][3]uint32{{0x33, 0x33, 0x33}, {0x00, 0x72, 0xb2}, {0xc3, 0xde, 0xee}} {
		if !colors[c] {
			t.Errorf("nothing in the picture has the color %x", c)
		}
	}

	quiet := execute(append(args, "-quiet")...)
	if quiet.stdout != last || quiet.stderr != "" || quiet.status != 0 {
		t.Errorf("-quiet: %+v; want only %q", quiet, last)
	}
	if other := execute(append(args, "-quiet", "-seed", "2")...); other.stdout == last {
		t.Error("another seed, the same result")
	}
	if files, err := os.ReadDir("."); err != nil || len(files) != 2 {
		t.Errorf("files %v, %v", files, err)
	}
}

// Without -csv there is a series, too.
func TestMackeyGlass(t *testing.T) {
	t.Chdir(t.TempDir())
	o := execute(strings.Fields("-hidden 4 -epochs 1 -batch 16 -horizon 5 -samples 2 -out glass.png")...)
	if o.status != 0 || !strings.Contains(o.stdout, "the Mackey–Glass series, 3000 values: 2400 for training, 300 for validation, 300 for the test") {
		t.Errorf("%+v", o)
	}
	if _, err := os.Stat("glass.png"); err != nil {
		t.Error(err)
	}
}

func parsed(t *testing.T, args []string) *settings {
	t.Helper()
	s, err := parse(args, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What the test part holds changes neither the network nor the linear forecast.
func TestNothingLeaks(t *testing.T) {
	args := small(t, "-epochs", "2", "-quiet")
	learn := func() ([][]float64, *autoregression, *data) {
		s := parsed(t, args)
		d, err := s.read()
		if err != nil {
			t.Fatal(err)
		}
		n, err := s.train(context.Background(), d, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := fitLinear(d.values, d.train.Len(), d.valid.Len())
		if err != nil {
			t.Fatal(err)
		}
		return n.weights(), a, d
	}
	weights, linear, before := learn()
	values := waves(600)
	for i := 540; i < 600; i++ {
		values[i] = 1e4 * float64(i%7)
	}
	put(t, "waves.csv", table(values))
	again, linearAgain, after := learn()
	if !reflect.DeepEqual(weights, again) || !reflect.DeepEqual(linear, linearAgain) || before.mean != after.mean || before.deviation != after.deviation {
		t.Error("the test part is known in training")
	}
	if reflect.DeepEqual(before.scaled(), after.scaled()) {
		t.Error("the test part was not changed at all")
	}
}

// The network is that of the best epoch, not of the last.
func TestBestEpoch(t *testing.T) {
	s := parsed(t, small(t, "-lr", "0.2"))
	d, err := s.read()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	n, err := s.train(context.Background(), d, &stdout, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`the best epoch was (\d+), validation (\S+) nats\n$`).FindStringSubmatch(stderr.String())
	if m == nil || m[1] == "12" {
		t.Fatalf("this learning rate is no longer too high for the last epoch to be good: %s", &stderr)
	}
	one, err := newStepper(n, 1)
	if err != nil {
		t.Fatal(err)
	}
	got := 0.0
	for i, v := range d.valid.Columns[0][:d.valid.Len()-1] {
		mean, deviation, err := one.next(v)
		if err != nil {
			t.Fatal(err)
		}
		if i+1 >= d.valid.From {
			z := (d.valid.Columns[0][i+1] - mean[0]) / deviation[0]
			got += (math.Log(deviation[0]) + z*z/2) / float64(d.valid.Len()-d.valid.From)
		}
	}
	if want := number(t, m[2]); math.Abs(got-want) > 0.01 {
		t.Errorf("validation %v, that of the best epoch was %v", got, want)
	}
}

// A linear process is found, with about its order.
func TestLinear(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	values := []float64{10, 10}
	for i := 2; i < 6000; i++ {
		values = append(values, 4+1.5*values[i-1]-0.9*values[i-2]+0.1*rng.NormFloat64())
	}
	a, err := fitLinear(values, 5000, 6000)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.coefficients) < 2 || math.Abs(a.coefficients[0]-1.5) > 0.05 || math.Abs(a.coefficients[1]+0.9) > 0.08 {
		t.Errorf("%+v", a)
	}
	two := &autoregression{4, []float64{1.5, -0.9}}
	if got, want := two.path([]float64{7, 3, 2}, 3), []float64{4 + 3 - 2.7, 8.65, 13.105}; !near(got, want) {
		t.Errorf("path %v, want %v", got, want)
	}
	if _, err := fitLinear(values, 3, 5); err == nil {
		t.Error("a fit of three values")
	}
}

func near(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) < 1e-5 })
}

// The stepper's forecasts are those of the network on the whole series, and its sequences don't disturb each other.
func TestStepper(t *testing.T) {
	n := newNetwork(&settings{hidden: 5, seed: 1})
	const steps = 6
	x := []float32{0.1, -1, 2, 0.5, 0, 1}
	b := graph.NewBuilder(graph.Window{T: steps, B: 1}, graph.Options{})
	b.Output("forecast", n.Apply(b, b.Floats(seqdata.Input, steps, 1)))
	p, err := b.Forward(nil)
	if err == nil {
		err = p.SetFloats(seqdata.Input, x)
	}
	if err == nil {
		err = p.Run(0)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := p.Output("forecast").Floats()

	one, err := newStepper(n, 1)
	if err != nil {
		t.Fatal(err)
	}
	three, err := newStepper(n, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range x {
		if i == 3 { // from here on, beside two others
			three.begin(one.states)
		}
		if i >= 3 {
			means, deviations, err := three.next(9, float64(v), -9)
			if err != nil || !near([]float64{means[1], deviations[1]}, []float64{want[2*i], math.Exp(want[2*i+1] / 2)}) {
				t.Errorf("step %d beside others: %v, %v, %v", i, means, deviations, err)
			}
		}
		means, deviations, err := one.next(float64(v))
		if err != nil || !near([]float64{means[0], deviations[0]}, []float64{want[2*i], math.Exp(want[2*i+1] / 2)}) {
			t.Errorf("step %d: %v, %v, %v; want %v", i, means, deviations, err, want[2*i:2*i+2])
		}
	}

	// The first values of paths are drawn as they are given, the others as the network says.
	const sequences = 4000
	many, err := newStepper(n, sequences)
	if err != nil {
		t.Fatal(err)
	}
	paths, err := many.paths(one.states, 0.25, 0.5, 2, rand.New(rand.NewPCG(5, 6)))
	if err != nil || len(paths) != 2 {
		t.Fatal(err)
	}
	f := summary(paths[0])
	if math.Abs(f.mean-0.25) > 0.04 || math.Abs(f.high-0.25-0.5*normal) > 0.05 || math.Abs(0.25-0.5*normal-f.low) > 0.05 {
		t.Errorf("first values: %+v", f)
	}
	many.begin(one.states)
	means, deviations, err := many.next(paths[0]...)
	if err != nil {
		t.Fatal(err)
	}
	sum, square := 0.0, 0.0
	for i, v := range paths[1] {
		z := (v - means[i]) / deviations[i]
		sum, square = sum+z/sequences, square+z*z/sequences
	}
	if math.Abs(sum) > 0.06 || math.Abs(square-1) > 0.1 {
		t.Errorf("second values: mean %v, mean square %v in standard deviations", sum, square)
	}
	if _, err := many.paths(one.states, 1e7, 1, 1, rand.New(rand.NewPCG(5, 6))); err == nil {
		t.Error("a path that leaves the series' range")
	}
}

func TestSummary(t *testing.T) {
	var values []float64
	for i := range 11 {
		values = append(values, float64(7*i%11)) // 0 to 10 in some order
	}
	if got := summary(values); got != (forecast{5, 1, 9}) {
		t.Errorf("%+v", got)
	}
	if f := (forecast{0, -1, 1}); !f.holds(1) || !f.holds(-1) || f.holds(1.1) || f.holds(-2) {
		t.Error("the interval doesn't hold what is within it")
	}
}

// An axis of any range has some marks, at round values within it.
func TestTicks(t *testing.T) {
	for _, r := range [][2]float64{{0, 1}, {-3, 7}, {2700, 3000}, {0.42, 1.32}, {-1e-9, 1e-9}, {1e15, 1e15 + 64}, {-1e300, 1e300}} {
		marks := ticks(r[0], r[1])
		if len(marks) < 3 || len(marks) > 11 {
			t.Errorf("%v: %d marks", r, len(marks))
		}
		for i, m := range marks {
			if m.Value < r[0] || m.Value > r[1] || m.Label == "" || i > 0 && m.Value <= marks[i-1].Value || strings.HasPrefix(m.Label, "-0") && m.Value == 0 {
				t.Errorf("%v: mark %v %q", r, m.Value, m.Label)
			}
		}
	}
}
