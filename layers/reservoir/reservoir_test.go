package reservoir

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gobptt/bptt/internal/kernel"
)

func TestEachUnitHasTheConnectionsAskedFor(t *testing.T) {
	for _, c := range []struct{ units, degree, want int }{{100, 0, 10}, {5, 0, 5}, {300, 1, 1}, {300, 7, 7}, {40, 40, 40}} {
		r := ok[*Reservoir](t)(New(Options{Inputs: 1, Units: c.units, Degree: c.degree}, newRand(1)))
		w := mat.NewDense(c.units, c.units, r.weights.dense())
		into, positive := make([]int, c.units), 0
		for i := range c.units {
			var from int
			for j, v := range w.RawRowView(i) {
				if v != 0 {
					from++
					into[j]++
				}
				if v > 0 {
					positive++
				}
			}
			if from != c.want {
				t.Fatalf("%+v: unit %d has %d connections", c, i, from)
			}
		}
		// Which ones is left to chance: no unit leads to very many, and half of the weights are positive.
		if most := slices.Max(into); c.units == 300 && most > 4*c.want+6 {
			t.Errorf("%+v: a unit leads to %d others", c, most)
		}
		if share := float64(positive) / float64(c.units*c.want); c.units == 300 && math.Abs(share-0.5) > 0.1 {
			t.Errorf("%+v: a share of %.2f is positive", c, share)
		}
	}
}

func TestScales(t *testing.T) {
	bound := func(values []float64) float64 {
		return math.Max(slices.Max(values), -slices.Min(values))
	}
	for _, c := range []struct{ input, bias, wantInput, wantBias float64 }{{0, 0, 1, 0}, {0.1, 3, 0.1, 3}} {
		r := ok[*Reservoir](t)(New(Options{Inputs: 4, Units: 200, InputScale: c.input, BiasScale: c.bias}, newRand(1)))
		if got := bound(r.input); got > c.wantInput || got < 0.95*c.wantInput {
			t.Errorf("%+v: the largest input weight is %g", c, got)
		}
		if got := bound(r.bias); got > c.wantBias || got < 0.95*c.wantBias {
			t.Errorf("%+v: the largest bias is %g", c, got)
		}
		for what, values := range map[string][]float64{"input weights": r.input, "recurrent weights": r.weights.values} {
			if mean := kernel.Sum(values) / float64(len(values)); math.Abs(mean) > 0.1*bound(values) {
				t.Errorf("%+v: the mean of the %s is %g", c, what, mean)
			}
		}
	}
}

// The states are those of the formula, written with dense matrices.
func TestStatesFollowTheFormula(t *testing.T) {
	for _, o := range []Options{
		{Inputs: 1, Units: 30},
		{Inputs: 3, Units: 67, Leak: 0.3, BiasScale: 0.5, InputScale: 2, Degree: 4, SpectralRadius: 1.1},
	} {
		rng := newRand(3)
		r := ok[*Reservoir](t)(New(o, rng))
		in, w := mat.NewDense(o.Units, o.Inputs, r.input), mat.NewDense(o.Units, o.Units, r.weights.dense())
		inputs := random(rng, 25, o.Inputs)
		leak := o.Leak
		if leak == 0 {
			leak = 1
		}
		want := mat.NewDense(25, o.Units, nil)
		x := mat.NewVecDense(o.Units, nil)
		for t := range 25 {
			var a, b mat.VecDense
			a.MulVec(in, inputs.RowView(t))
			b.MulVec(w, x)
			for i := range o.Units {
				x.SetVec(i, (1-leak)*x.AtVec(i)+leak*math.Tanh(a.AtVec(i)+r.bias[i]+b.AtVec(i)))
			}
			want.SetRow(t, x.RawVector().Data)
		}
		near(t, "states", 1e-12, ok[*mat.Dense](t)(r.Run(inputs)), want)
	}
}

func TestPiecesAndStepsAreOneRun(t *testing.T) {
	rng := newRand(4)
	r := ok[*Reservoir](t)(New(Options{Inputs: 2, Units: 20, Leak: 0.5}, rng))
	wide := random(rng, 30, 5)
	inputs := wide.Slice(0, 30, 1, 3).(*mat.Dense) // rows that don't follow each other in memory
	whole := ok[*mat.Dense](t)(r.Run(inputs))
	if !slices.Equal(r.State(), whole.RawRowView(29)) {
		t.Error("the state isn't that after the last step")
	}
	r.Reset()
	near(t, "first piece", 0, ok[*mat.Dense](t)(r.Run(part(inputs, 0, 12))), part(whole, 0, 12))
	for i := 12; i < 20; i++ {
		if x := ok[[]float64](t)(r.Step(inputs.RawRowView(i))); !slices.Equal(x, whole.RawRowView(i)) {
			t.Fatalf("step %d: other states", i)
		}
	}
	near(t, "last piece", 0, ok[*mat.Dense](t)(r.Run(part(inputs, 20, 30))), part(whole, 20, 30))
	copy(r.State(), whole.RawRowView(11))
	near(t, "from a state", 0, ok[*mat.Dense](t)(r.Run(part(inputs, 12, 30))), part(whole, 12, 30))
}

func TestSourceDecidesAll(t *testing.T) {
	o := Options{Inputs: 1, Units: 50, BiasScale: 1}
	inputs := random(newRand(1), 10, 1)
	run := func(seed uint64) *mat.Dense {
		return ok[*mat.Dense](t)(ok[*Reservoir](t)(New(o, newRand(seed))).Run(inputs))
	}
	if a := run(5); !mat.Equal(a, run(5)) || mat.Equal(a, run(6)) {
		t.Error("want the same states from the same source, and others from another")
	}
}

// The echo state property: under the same input, what the state once was is forgotten. With a large spectral radius
// and little input it isn't.
func TestEchoStates(t *testing.T) {
	for _, c := range []struct {
		o       Options
		forgets bool
	}{
		{Options{SpectralRadius: 0.95}, true},
		{Options{SpectralRadius: 0.95, Leak: 0.3}, true},
		{Options{SpectralRadius: 3, InputScale: 0.1}, false},
	} {
		for seed := range uint64(5) {
			c.o.Inputs, c.o.Units = 1, 100
			rng := newRand(seed)
			r := ok[*Reservoir](t)(New(c.o, rng))
			inputs := random(rng, 1500, 1)
			end := func() []float64 {
				fillUniform(r.State(), 1, rng)
				return ok[*mat.Dense](t)(r.Run(inputs)).RawRowView(1499)
			}
			a, b := end(), end()
			kernel.Axpy(-1, a, b)
			if distance := norm(b); distance < 1e-9 != c.forgets {
				t.Errorf("%+v, seed %d: the states end %g apart", c.o, seed, distance)
			}
		}
	}
}

func TestOptionsOutOfRange(t *testing.T) {
	for _, c := range []struct {
		o     Options
		words []string
	}{
		{Options{Units: 10}, []string{"Inputs is 0"}},
		{Options{Inputs: -1, Units: 10}, []string{"Inputs is -1"}},
		{Options{Inputs: 1 << 40, Units: 10}, []string{"Inputs is 1099511627776"}},
		{Options{Inputs: 1}, []string{"Units is 0", "1 to"}},
		{Options{Inputs: 1, Units: -3}, []string{"Units is -3"}},
		{Options{Inputs: 1, Units: 1 << 40}, []string{"Units is 1099511627776"}},
		{Options{Inputs: 1, Units: 10, SpectralRadius: -0.1}, []string{"SpectralRadius is -0.1"}},
		{Options{Inputs: 1, Units: 10, SpectralRadius: math.NaN()}, []string{"SpectralRadius is NaN"}},
		{Options{Inputs: 1, Units: 10, SpectralRadius: math.Inf(1)}, []string{"SpectralRadius is +Inf"}},
		{Options{Inputs: 1, Units: 10, Leak: 1.1}, []string{"Leak is 1.1"}},
		{Options{Inputs: 1, Units: 10, Leak: -1}, []string{"Leak is -1"}},
		{Options{Inputs: 1, Units: 10, Leak: math.NaN()}, []string{"Leak is NaN"}},
		{Options{Inputs: 1, Units: 10, Degree: 11}, []string{"Degree is 11", "1 to 10"}},
		{Options{Inputs: 1, Units: 10, Degree: -1}, []string{"Degree is -1"}},
		{Options{Inputs: 1, Units: 10, InputScale: -1}, []string{"InputScale is -1"}},
		{Options{Inputs: 1, Units: 10, InputScale: math.NaN()}, []string{"InputScale is NaN"}},
		{Options{Inputs: 1, Units: 10, BiasScale: -1}, []string{"BiasScale is -1"}},
		{Options{Inputs: 1, Units: 10, BiasScale: math.Inf(1)}, []string{"BiasScale is +Inf"}},
	} {
		r, err := New(c.o, newRand(1))
		wrong(t, err, append(c.words, "reservoir.New")...)
		if r != nil {
			t.Errorf("%+v: a reservoir beside an error", c.o)
		}
	}
	_, err := New(Options{Inputs: 1, Units: 10}, nil)
	wrong(t, err, "random source is nil")
	_, err = New(Options{Inputs: 1, Units: 10}, rand.New(middle{}))
	wrong(t, err, "random source", "another")
}

// middle is a bad source: rand.Float64 gives 1/2, so all weights are 0.
type middle struct{}

func (middle) Uint64() uint64 { return 1 << 52 }

func TestInputsThatDoNotFit(t *testing.T) {
	r := ok[*Reservoir](t)(New(Options{Inputs: 2, Units: 10}, newRand(1)))
	ok[*mat.Dense](t)(r.Run(random(newRand(1), 5, 2)))
	before := slices.Clone(r.State())
	holed := mat.NewDense(3, 2, []float64{1, 2, 3, math.NaN(), 5, 6})

	_, err := r.Run(nil)
	wrong(t, err, "Reservoir.Run: got no inputs", "[T 2]")
	_, err = r.Run(&mat.Dense{})
	wrong(t, err, "no inputs")
	_, err = r.Run(mat.NewDense(4, 3, nil))
	wrong(t, err, "inputs [4 3]", "[T 2]")
	_, err = r.Run(holed)
	wrong(t, err, "inputs at [1 1] is NaN")
	_, err = r.Step([]float64{1})
	wrong(t, err, "Reservoir.Step: got input [1], want [2]")
	_, err = r.Step([]float64{1, math.Inf(-1)})
	wrong(t, err, "input at [1] is -Inf")
	if !slices.Equal(r.State(), before) {
		t.Error("an error changed the state")
	}
}

func TestAStepAllocatesNothing(t *testing.T) {
	r := ok[*Reservoir](t)(New(Options{Inputs: 1, Units: 50, Leak: 0.5}, newRand(1)))
	input := []float64{1}
	if n := testing.AllocsPerRun(100, func() { r.Step(input) }); n != 0 {
		t.Errorf("Step: %g allocations", n)
	}
	inputs := mat.NewDense(1000, 1, nil)
	if n := testing.AllocsPerRun(10, func() { r.Run(inputs) }); n > 20 {
		t.Errorf("Run: %g allocations for 1000 steps", n)
	}
}

func TestGenerateFeedsPredictionsBack(t *testing.T) {
	rng := newRand(8)
	r := ok[*Reservoir](t)(New(Options{Inputs: 2, Units: 30}, rng))
	readout := &Readout{Weight: random(rng, 2, 30), Bias: []float64{0.1, -0.2}}
	past := random(rng, 10, 2)
	ok[*mat.Dense](t)(r.Run(past))
	want := mat.NewDense(20, 2, nil)
	for i := range 20 {
		y := ok[[]float64](t)(readout.PredictStep(r.State()))
		want.SetRow(i, y)
		ok[[]float64](t)(r.Step(y))
	}
	r.Reset()
	ok[*mat.Dense](t)(r.Run(past))
	near(t, "first steps", 0, ok[*mat.Dense](t)(r.Generate(readout, 8)), part(want, 0, 8))
	near(t, "steps that follow", 0, ok[*mat.Dense](t)(r.Generate(readout, 12)), part(want, 8, 20))

	for _, c := range []struct {
		readout *Readout
		steps   int
		words   []string
	}{
		{nil, 1, []string{"without weight"}},
		{&Readout{}, 1, []string{"without weight"}},
		{&Readout{Weight: mat.NewDense(2, 30, nil), Bias: []float64{1}}, 1, []string{"weight [2 30] and bias [1]", "bias [2]"}},
		{&Readout{Weight: mat.NewDense(1, 30, nil), Bias: []float64{1}}, 1, []string{"weight [1 30]", "[2 30]"}},
		{&Readout{Weight: mat.NewDense(2, 9, nil), Bias: []float64{1, 2}}, 1, []string{"weight [2 9]", "[2 30]"}},
		{&Readout{Weight: mat.NewDense(2, 30, nil), Bias: []float64{1, math.Inf(1)}}, 1, []string{"prediction at [1] is +Inf"}},
		{readout, 0, []string{"number of steps is 0"}},
		{readout, 1 << 50, []string{"number of steps is 1125899906842624"}},
	} {
		_, err := r.Generate(c.readout, c.steps)
		wrong(t, err, append(c.words, "Reservoir.Generate")...)
	}
}

func BenchmarkRun(b *testing.B) {
	r := ok[*Reservoir](b)(New(Options{Inputs: 1, Units: 1000, Leak: 0.5}, newRand(1)))
	inputs, _ := series(b, 1000)
	for b.Loop() {
		r.Run(inputs)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "µs/step")
}
