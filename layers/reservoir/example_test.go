package reservoir_test

import (
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gobptt/bptt/layers/reservoir"
	"github.com/gobptt/bptt/seqdata"
)

// A forecast of the next value of the chaotic Mackey–Glass series, tested on a part that wasn't fitted.
func Example() {
	const fitted, tested = 2000, 1000
	series, err := seqdata.MackeyGlass(fitted+tested+1, seqdata.MackeyGlassOptions{})
	if err != nil {
		log.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	r, err := reservoir.New(reservoir.Options{Inputs: 1, Units: 100, SpectralRadius: 0.95}, rng)
	if err != nil {
		log.Fatal(err)
	}

	states, err := r.Run(mat.NewDense(fitted, 1, series[:fitted]))
	if err != nil {
		log.Fatal(err)
	}
	var fit reservoir.Ridge
	if err := fit.Add(states, mat.NewDense(fitted, 1, series[1:fitted+1]), 100); err != nil {
		log.Fatal(err)
	}
	readout, err := fit.Solve(1e-8)
	if err != nil {
		log.Fatal(err)
	}

	states, err = r.Run(mat.NewDense(tested, 1, series[fitted:fitted+tested])) // goes on where it was
	if err != nil {
		log.Fatal(err)
	}
	predicted, err := readout.Predict(states)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("R² = %.4f\n", stat.RSquaredFrom(predicted.RawMatrix().Data, series[fitted+1:], nil))
	// Output:
	// R² = 1.0000
}

// A reservoir that has learned a sine goes on with it by itself.
func ExampleReservoir_Generate() {
	const known = 400
	sine := make([]float64, known+1)
	for t := range sine {
		sine[t] = math.Sin(float64(t) / 5)
	}
	r, err := reservoir.New(reservoir.Options{Inputs: 1, Units: 50, Leak: 0.5}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		log.Fatal(err)
	}
	states, err := r.Run(mat.NewDense(known, 1, sine[:known]))
	if err != nil {
		log.Fatal(err)
	}
	var fit reservoir.Ridge
	if err := fit.Add(states, mat.NewDense(known, 1, sine[1:]), 100); err != nil {
		log.Fatal(err)
	}
	readout, err := fit.Solve(1e-8)
	if err != nil {
		log.Fatal(err)
	}
	series, err := r.Generate(readout, 31)
	if err != nil {
		log.Fatal(err)
	}
	for t := 0; t <= 30; t += 10 {
		fmt.Printf("%.2f, and the sine is %.2f\n", series.At(t, 0), math.Sin(float64(known+t)/5))
	}
	// Output:
	// -0.99, and the sine is -0.99
	// 0.31, and the sine is 0.31
	// 0.73, and the sine is 0.73
	// -0.92, and the sine is -0.92
}

// An online fit: each step is predicted, and then learned.
func ExampleRLS() {
	series, err := seqdata.MackeyGlass(2001, seqdata.MackeyGlassOptions{})
	if err != nil {
		log.Fatal(err)
	}
	r, err := reservoir.New(reservoir.Options{Inputs: 1, Units: 50}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		log.Fatal(err)
	}
	fit, err := reservoir.NewRLS(50, 1, reservoir.RLSOptions{Forgetting: 0.999})
	if err != nil {
		log.Fatal(err)
	}
	var worst float64
	for t := range 2000 {
		state, err := r.Step(series[t : t+1])
		if err != nil {
			log.Fatal(err)
		}
		next, err := fit.Readout().PredictStep(state)
		if err != nil {
			log.Fatal(err)
		}
		if t >= 1000 {
			worst = math.Max(worst, math.Abs(next[0]-series[t+1]))
		}
		if err := fit.Update(state, series[t+1:t+2]); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("off by less than 0.01 in the second half:", worst < 0.01)
	// Output:
	// off by less than 0.01 in the second half: true
}
