package reservoir

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// A small reservoir forecasts the next value of the Mackey–Glass series almost perfectly, on a part that was never
// fitted, whatever the seed and by both fits.
func TestForecast(t *testing.T) {
	const fitted, tested, washout = 2000, 1000, 100
	inputs, targets := series(t, fitted+tested)
	for seed := range uint64(8) {
		r := ok[*Reservoir](t)(New(Options{Inputs: 1, Units: 100, SpectralRadius: 0.95}, newRand(seed)))
		states := ok[*mat.Dense](t)(r.Run(inputs))
		var ridge Ridge
		if err := ridge.Add(part(states, 0, fitted), part(targets, 0, fitted), washout); err != nil {
			t.Fatal(err)
		}
		rls := ok[*RLS](t)(NewRLS(100, 1, RLSOptions{Forgetting: 0.9995}))
		for i := washout; i < fitted; i++ {
			if err := rls.Update(states.RawRowView(i), targets.RawRowView(i)); err != nil {
				t.Fatal(err)
			}
		}
		for name, readout := range map[string]*Readout{"ridge": ok[*Readout](t)(ridge.Solve(1e-8)), "RLS": rls.Readout()} {
			predicted := ok[*mat.Dense](t)(readout.Predict(part(states, fitted, fitted+tested)))
			if got := rSquared(predicted, part(targets, fitted, fitted+tested)); !(got >= 0.9999) {
				t.Errorf("seed %d, %s: R² = %.6f", seed, name, got)
			}
		}
	}
}

// Running freely, a reservoir of leaky units follows the chaotic series for a long time. The benchmark in the literature
// is 84 steps ahead (Jaeger and Haas 2004).
func TestFreeRun(t *testing.T) {
	const fitted, free = 3000, 84
	inputs, targets := series(t, fitted+free)
	for seed := range uint64(5) {
		o := Options{Inputs: 1, Units: 200, SpectralRadius: 1.2, Leak: 0.2, BiasScale: 0.2}
		r := ok[*Reservoir](t)(New(o, newRand(seed)))
		states := ok[*mat.Dense](t)(r.Run(part(inputs, 0, fitted)))
		var fit Ridge
		if err := fit.Add(states, part(targets, 0, fitted), 100); err != nil {
			t.Fatal(err)
		}
		generated := ok[*mat.Dense](t)(r.Generate(ok[*Readout](t)(fit.Solve(1e-8)), free))
		// The first of them is the value after the last input.
		var off mat.Dense
		off.Sub(generated, part(targets, fitted-1, fitted+free-1))
		if worst := mat.Norm(&off, math.Inf(1)); worst > 0.05 {
			t.Errorf("seed %d: off by %.3f; the series' standard deviation is 0.23", seed, worst)
		}
	}
}
