package reservoir

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// learnAll gives steps to r.
func learnAll(t *testing.T, r *RLS, states, targets *mat.Dense) {
	t.Helper()
	rows, _ := states.Dims()
	for i := range rows {
		if err := r.Update(states.RawRowView(i), targets.RawRowView(i)); err != nil {
			t.Fatal(err)
		}
	}
}

// Without forgetting, recursive least squares has the solution of ridge regression after every step.
func TestRLSIsRidge(t *testing.T) {
	rng := newRand(1)
	states, targets := random(rng, 200, 17), random(rng, 200, 3)
	states.Apply(func(_, j int, v float64) float64 { return v + float64(j) }, states) // features with means
	for _, lambda := range []float64{1e-6, 1} {
		r := ok[*RLS](t)(NewRLS(17, 3, RLSOptions{Lambda: lambda}))
		var ridge Ridge
		for i := range 200 {
			x, y := part(states, i, i+1), part(targets, i, i+1)
			learnAll(t, r, x, y)
			if err := ridge.Add(x, y, 0); err != nil {
				t.Fatal(err)
			}
			if i%20 == 0 && (i > 17 || lambda == 1) {
				sameReadout(t, "RLS", 1e-8, r.Readout(), ok[*Readout](t)(ridge.Solve(lambda)))
			}
		}
	}
}

// And with the states of a reservoir, which are nearly dependent.
func TestRLSConvergesToRidgeOnStates(t *testing.T) {
	inputs, targets := series(t, 2000)
	states := ok[*mat.Dense](t)(ok[*Reservoir](t)(New(Options{Inputs: 1, Units: 100}, newRand(2))).Run(inputs))
	r := ok[*RLS](t)(NewRLS(100, 1, RLSOptions{Lambda: 1e-4}))
	learnAll(t, r, states, targets)
	var ridge Ridge
	if err := ridge.Add(states, targets, 0); err != nil {
		t.Fatal(err)
	}
	sameReadout(t, "RLS", 1e-6, r.Readout(), ok[*Readout](t)(ridge.Solve(1e-4)))
}

// With forgetting it minimizes the cost of the type's comment, with the penalties that are renewed in turn.
func TestRLSForgets(t *testing.T) {
	const steps, features, gamma, lambda = 60, 4, 0.9, 0.5
	rng := newRand(3)
	states, targets := random(rng, steps, features), random(rng, steps, 1)
	r := ok[*RLS](t)(NewRLS(features, 1, RLSOptions{Lambda: lambda, Forgetting: gamma}))
	learnAll(t, r, states, targets)

	left, right := mat.NewDense(features+1, features+1, nil), mat.NewVecDense(features+1, nil)
	penalties := []float64{lambda, lambda, lambda, lambda}
	for i := range steps {
		x := mat.NewVecDense(features+1, append(slices.Clone(states.RawRowView(i)), 1))
		left.Scale(gamma, left)
		left.RankOne(left, 1, x, x)
		right.ScaleVec(gamma, right)
		right.AddScaledVec(right, targets.At(i, 0), x)
		for j := range penalties {
			penalties[j] *= gamma
		}
		penalties[i%features] += lambda * (1 - math.Pow(gamma, features))
	}
	for j, p := range penalties {
		left.Set(j, j, left.At(j, j)+p)
		if least, most := lambda*math.Pow(gamma, features), 1.01*lambda; p < least || p > most {
			t.Errorf("penalty %d is %g, want %g to %g", j, p, least, most)
		}
	}
	var want mat.VecDense
	if err := want.SolveVec(left, right); err != nil {
		t.Fatal(err)
	}
	w := want.RawVector().Data
	sameReadout(t, "RLS", 1e-11, r.Readout(), &Readout{Weight: mat.NewDense(1, features, w[:features]), Bias: w[features:]})
}

func TestRLSFollowsAChange(t *testing.T) {
	states, before, _ := linear(4, 1000, 5, 1)
	_, _, truth := linear(5, 1, 5, 1)
	after := ok[*mat.Dense](t)(truth.Predict(states))
	remembers := ok[*RLS](t)(NewRLS(5, 1, RLSOptions{}))
	forgets := ok[*RLS](t)(NewRLS(5, 1, RLSOptions{Forgetting: 0.95}))
	var off [2]mat.Dense
	for i, r := range []*RLS{remembers, forgets} {
		learnAll(t, r, states, before)
		learnAll(t, r, states, after)
		off[i].Sub(r.Readout().Weight, truth.Weight)
	}
	if a, b := mat.Norm(&off[0], 2), mat.Norm(&off[1], 2); a < 0.1 || b > 1e-6 {
		t.Errorf("after a change the weights are off by %g without forgetting, by %g with it", a, b)
	}
}

// States that don't move for a long time leave nothing to fit, and the textbook's P would double every 7 steps: past
// what a float64 holds. Here it is bounded, stays symmetric, and the fit goes on when the states move again.
func TestRLSDoesNotWindUp(t *testing.T) {
	const features, gamma, lambda = 6, 0.9, 1e-6
	r := ok[*RLS](t)(NewRLS(features, 1, RLSOptions{Lambda: lambda, Forgetting: gamma}))
	states, targets, truth := linear(6, 300, features, 1)
	learnAll(t, r, states, targets)
	for range 20000 {
		learnAll(t, r, part(states, 0, 1), part(targets, 0, 1))
	}
	for i := range features {
		for j := range features {
			v := r.p[i*features+j]
			if bound := 1 / (lambda * math.Pow(gamma, features)); !(math.Abs(v) <= bound) || v != r.p[j*features+i] {
				t.Fatalf("P at [%d %d] is %g, and %g at [%d %d]; want at most %g", i, j, v, r.p[j*features+i], j, i, bound)
			}
		}
	}
	learnAll(t, r, states, targets)
	sameReadout(t, "RLS", 1e-4, r.Readout(), truth)
}

func TestRLSArguments(t *testing.T) {
	for _, c := range []struct {
		features, outputs int
		o                 RLSOptions
		words             string
	}{
		{0, 1, RLSOptions{}, "features is 0"},
		{1 << 40, 1, RLSOptions{}, "features is 1099511627776"},
		{1, 0, RLSOptions{}, "outputs is 0"},
		{1, 1 << 40, RLSOptions{}, "outputs is 1099511627776"},
		{1, 1, RLSOptions{Lambda: -1}, "Lambda is -1"},
		{1, 1, RLSOptions{Lambda: math.NaN()}, "Lambda is NaN"},
		{1, 1, RLSOptions{Lambda: math.Inf(1)}, "Lambda is +Inf"},
		{1, 1, RLSOptions{Lambda: 1e-320}, "Lambda is 1e-320"},
		{1, 1, RLSOptions{Forgetting: 1.01}, "Forgetting is 1.01"},
		{1, 1, RLSOptions{Forgetting: -1}, "Forgetting is -1"},
		{1, 1, RLSOptions{Forgetting: math.NaN()}, "Forgetting is NaN"},
	} {
		_, err := NewRLS(c.features, c.outputs, c.o)
		wrong(t, err, "reservoir.NewRLS", c.words)
	}

	states, targets, _ := linear(7, 50, 3, 2)
	r := ok[*RLS](t)(NewRLS(3, 2, RLSOptions{Forgetting: 0.99}))
	learnAll(t, r, states, targets)
	want := &Readout{Weight: mat.DenseCopyOf(r.Readout().Weight), Bias: slices.Clone(r.Readout().Bias)}
	x, y := []float64{1, 2, 3}, []float64{4, 5}
	wrong(t, r.Update(x[:2], y), "RLS.Update: got state [2], want [3]")
	wrong(t, r.Update(x, y[:1]), "got target [1], want [2]")
	wrong(t, r.Update([]float64{1, math.NaN(), 3}, y), "state at [1] is NaN")
	wrong(t, r.Update(x, []float64{4, math.Inf(1)}), "target at [1] is +Inf")
	wrong(t, r.Update([]float64{1e200, -1e200, 1e200}, y), "beyond double precision")
	sameReadout(t, "after errors", 0, r.Readout(), want)
	learnAll(t, r, states, targets)
	if !finite(mat.Norm(r.Readout().Weight, 2)) {
		t.Error("after errors the weights aren't finite")
	}
}

func BenchmarkRLSUpdate(b *testing.B) {
	r := ok[*RLS](b)(NewRLS(100, 1, RLSOptions{Forgetting: 0.999}))
	states, targets, _ := linear(8, 500, 100, 1)
	i := 0
	for b.Loop() {
		r.Update(states.RawRowView(i%500), targets.RawRowView(i%500))
		i++
	}
}
