package reservoir

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// linear returns random states, and targets that are a linear function of them.
func linear(seed uint64, steps, features, outputs int) (states, targets *mat.Dense, truth *Readout) {
	rng := newRand(seed)
	states, targets = random(rng, steps, features), mat.NewDense(steps, outputs, nil)
	truth = &Readout{Weight: random(rng, outputs, features), Bias: random(rng, 1, outputs).RawRowView(0)}
	targets.Mul(states, truth.Weight.T())
	for t := range steps {
		for k, b := range truth.Bias {
			targets.Set(t, k, targets.At(t, k)+b)
		}
	}
	return states, targets, truth
}

func sameReadout(t *testing.T, what string, tolerance float64, got, want *Readout) {
	t.Helper()
	near(t, what+": weight", tolerance, got.Weight, want.Weight)
	near(t, what+": bias", tolerance, mat.NewDense(len(got.Bias), 1, got.Bias), mat.NewDense(len(want.Bias), 1, want.Bias))
}

func TestRidgeFindsALinearFunction(t *testing.T) {
	for _, c := range []struct{ features, outputs int }{{1, 1}, {3, 2}, {40, 5}, {130, 1}} {
		states, targets, truth := linear(1, 500, c.features, c.outputs)
		var fit Ridge
		if err := fit.Add(states, targets, 0); err != nil {
			t.Fatal(err)
		}
		readout := ok[*Readout](t)(fit.Solve(0))
		sameReadout(t, "fit", 1e-10, readout, truth)
		near(t, "prediction", 1e-10, ok[*mat.Dense](t)(readout.Predict(states)), targets)
	}
}

// At the minimum the derivatives of the cost with respect to W and b are 0.
func TestRidgeMinimizesItsCost(t *testing.T) {
	for _, lambda := range []float64{0, 1e-6, 0.1, 10} {
		rng := newRand(2)
		states, targets := random(rng, 90, 20), random(rng, 90, 3)
		var fit Ridge
		if err := fit.Add(states, targets, 0); err != nil {
			t.Fatal(err)
		}
		readout := ok[*Readout](t)(fit.Solve(lambda))
		var residuals, dWeight, penalty mat.Dense
		residuals.Sub(ok[*mat.Dense](t)(readout.Predict(states)), targets)
		dWeight.Mul(residuals.T(), states)
		penalty.Scale(lambda, readout.Weight)
		dWeight.Add(&dWeight, &penalty)
		if d := mat.Norm(&dWeight, math.Inf(1)); d > 1e-11 {
			t.Errorf("λ = %g: derivative with respect to W is %g", lambda, d)
		}
		for k := range 3 {
			if d := mat.Sum(residuals.ColView(k)); math.Abs(d) > 1e-11 {
				t.Errorf("λ = %g: derivative with respect to b is %g", lambda, d)
			}
		}
	}
}

func TestRidgeDoesNotPenalizeTheBias(t *testing.T) {
	states, targets, _ := linear(3, 200, 10, 1)
	var fit, shifted Ridge
	if err := fit.Add(states, targets, 0); err != nil {
		t.Fatal(err)
	}
	targets.Apply(func(_, _ int, v float64) float64 { return v + 300 }, targets)
	if err := shifted.Add(states, targets, 0); err != nil {
		t.Fatal(err)
	}
	want := ok[*Readout](t)(fit.Solve(100))
	want.Bias[0] += 300
	sameReadout(t, "shifted by 300", 1e-9, ok[*Readout](t)(shifted.Solve(100)), want)
}

// Several sequences, each with its washout and in memory of other matrices, are what is left of them put together.
func TestRidgeAddsSequences(t *testing.T) {
	wide, targets, _ := linear(4, 300, 12, 2)
	targets.Apply(func(t, _ int, v float64) float64 { return v + math.Sin(float64(t)) }, targets)
	states := wide.Slice(0, 300, 2, 9).(*mat.Dense)
	var pieces, whole Ridge
	for _, c := range []struct{ from, to, washout int }{{0, 40, 10}, {40, 41, 0}, {41, 200, 20}, {200, 300, 99}} {
		if err := pieces.Add(part(states, c.from, c.to), part(targets, c.from, c.to), c.washout); err != nil {
			t.Fatal(err)
		}
	}
	kept := func(m *mat.Dense) *mat.Dense {
		var a, b mat.Dense
		a.Stack(part(m, 10, 41), part(m, 61, 200))
		b.Stack(&a, part(m, 299, 300))
		return &b
	}
	if err := whole.Add(kept(states), kept(targets), 0); err != nil {
		t.Fatal(err)
	}
	for _, lambda := range []float64{1e-3, 1} {
		sameReadout(t, "pieces", 1e-11, ok[*Readout](t)(pieces.Solve(lambda)), ok[*Readout](t)(whole.Solve(lambda)))
	}
}

func TestSingularEquationsAreAnError(t *testing.T) {
	rng := newRand(5)
	features := func(more func(x []float64) float64) *mat.Dense {
		states := random(rng, 400, 5)
		for i := range 400 {
			x := states.RawRowView(i)
			x[4] = more(x[:4])
		}
		return states
	}
	for name, states := range map[string]*mat.Dense{
		"one twice":      features(func(x []float64) float64 { return x[1] }),
		"a combination":  features(func(x []float64) float64 { return 0.3*x[0] - 2*x[1] + 0.7*x[3] }),
		"a constant":     features(func([]float64) float64 { return 0.7 }),
		"zeros":          features(func([]float64) float64 { return 0 }),
		"too few steps":  random(rng, 5, 5),
		"a single step":  random(rng, 1, 5),
		"beyond doubles": features(func([]float64) float64 { return 1e200 * rng.Float64() }),
	} {
		rows, _ := states.Dims()
		var fit Ridge
		if err := fit.Add(states, random(rng, rows, 2), 0); err != nil {
			t.Fatal(err)
		}
		_, err := fit.Solve(0)
		if wrong(t, err, "Ridge.Solve: lambda is 0, which leaves the equations singular"); t.Failed() {
			t.Fatal(name)
		}
		if name == "beyond doubles" {
			continue
		}
		readout, err := fit.Solve(1e-3)
		if err != nil || !finite(mat.Norm(readout.Weight, 2)) {
			t.Errorf("%s: with a penalty: %v", name, err)
		}
		if name == "one twice" {
			if a, b := readout.Weight.At(0, 1), readout.Weight.At(0, 4); math.Abs(a-b) > 1e-9 {
				t.Errorf("a feature that comes twice has the weights %g and %g", a, b)
			}
		}
	}
	// Features on very different scales aren't dependent.
	states, targets, truth := linear(6, 100, 4, 1)
	for i := range 100 {
		states.Set(i, 2, states.At(i, 2)*1e-12)
	}
	truth.Weight.Set(0, 2, truth.Weight.At(0, 2)*1e12)
	var fit Ridge
	if err := fit.Add(states, targets, 0); err != nil {
		t.Fatal(err)
	}
	sameReadout(t, "scales", 1e-9, ok[*Readout](t)(fit.Solve(0)), truth)
}

func TestRidgeArguments(t *testing.T) {
	states, targets, _ := linear(7, 50, 4, 2)
	var fit Ridge
	_, err := fit.Solve(1)
	wrong(t, err, "number of steps added is 0")
	wrong(t, fit.Add(nil, targets, 0), "Ridge.Add: got no states, want a matrix")
	wrong(t, fit.Add(states, nil, 0), "got no targets")
	wrong(t, fit.Add(&mat.Dense{}, &mat.Dense{}, 0), "no states")
	wrong(t, fit.Add(states, part(targets, 0, 49), 0), "targets of 49 steps", "50")
	wrong(t, fit.Add(states, targets, -1), "washout is -1", "0 to 49")
	wrong(t, fit.Add(states, targets, 50), "washout is 50")
	if err := fit.Add(states, targets, 0); err != nil {
		t.Fatal(err)
	}
	want := ok[*Readout](t)(fit.Solve(1))
	wrong(t, fit.Add(mat.NewDense(50, 3, nil), targets, 0), "states [50 3]", "[T 4]")
	wrong(t, fit.Add(states, mat.NewDense(50, 1, nil), 0), "targets [50 1]", "[T 2]")
	states.Set(30, 2, math.NaN())
	wrong(t, fit.Add(states, targets, 0), "states at [30 2] is NaN")
	states.Set(30, 2, 0)
	targets.Set(49, 1, math.Inf(1))
	wrong(t, fit.Add(states, targets, 0), "targets at [49 1] is +Inf")
	sameReadout(t, "after errors", 0, ok[*Readout](t)(fit.Solve(1)), want)
	for _, lambda := range []float64{-1, math.NaN(), math.Inf(1)} {
		_, err := fit.Solve(lambda)
		wrong(t, err, "lambda is", "at least 0")
	}
}

func TestReadoutArguments(t *testing.T) {
	readout := &Readout{Weight: mat.NewDense(1, 3, []float64{1, 2, 3}), Bias: []float64{4}}
	if y := ok[[]float64](t)(readout.PredictStep([]float64{1, 10, 100})); y[0] != 325 {
		t.Errorf("got %v, want 1 + 20 + 300 + 4", y)
	}
	_, err := readout.Predict(nil)
	wrong(t, err, "Readout.Predict: got no states", "[T 3]")
	_, err = readout.Predict(mat.NewDense(2, 4, nil))
	wrong(t, err, "states [2 4]", "[T 3]")
	_, err = readout.Predict(mat.NewDense(1, 3, []float64{1, math.NaN(), 2}))
	wrong(t, err, "states at [0 1] is NaN")
	_, err = readout.PredictStep(make([]float64, 2))
	wrong(t, err, "Readout.PredictStep: got state [2], want [3]")
	for _, r := range []*Readout{nil, {}, {Weight: &mat.Dense{}}, {Weight: mat.NewDense(1, 3, nil)}} {
		_, err = r.Predict(mat.NewDense(1, 3, nil))
		wrong(t, err, "a readout with")
		_, err = r.PredictStep(make([]float64, 3))
		wrong(t, err, "a readout with")
	}
}
