package reservoir

import (
	"fmt"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/gobptt/bptt/internal/kernel"
)

// Options of a reservoir. Inputs and Units must be set.
type Options struct {
	Inputs int // width of the input
	Units  int

	// SpectralRadius is the largest modulus of an eigenvalue of the recurrent weights. The larger it is, the longer
	// the reservoir remembers; much above 1 it ceases to forget its first state. 0 means 0.9.
	SpectralRadius float64
	// Leak is the leaking rate α, above 0 and at most 1, small for slow dynamics. 0 means 1.
	Leak float64
	// Degree is the number of units that each unit has a connection from. 0 means 10, or all if there are fewer units.
	Degree int
	// InputScale bounds the input weights, which are drawn from U(-InputScale, InputScale): small for nearly linear
	// units. 0 means 1.
	InputScale float64
	// BiasScale bounds the units' biases likewise. 0 means that there are none.
	BiasScale float64
}

// withDefaults returns the options with what zeros mean, or an error that names the field.
func (o Options) withDefaults() (Options, error) {
	wrong := func(name string, got any, want string) (Options, error) {
		return o, argumentError("reservoir.New", name, got, want)
	}
	switch {
	case o.Units < 1 || o.Units > maxUnits:
		return wrong("Units", o.Units, fmt.Sprintf("1 to %d", maxUnits))
	case o.Inputs < 1 || o.Inputs > maxElements/o.Units:
		return wrong("Inputs", o.Inputs, fmt.Sprintf("1 to %d", maxElements/o.Units))
	case !finite(o.SpectralRadius) || o.SpectralRadius < 0:
		return wrong("SpectralRadius", o.SpectralRadius, "a positive number, or 0 for 0.9")
	case !(o.Leak >= 0 && o.Leak <= 1):
		return wrong("Leak", o.Leak, "a number up to 1, or 0 for 1")
	case o.Degree < 0 || o.Degree > o.Units:
		return wrong("Degree", o.Degree, fmt.Sprintf("1 to %d, or 0 for %d", o.Units, min(10, o.Units)))
	case !finite(o.InputScale) || o.InputScale < 0:
		return wrong("InputScale", o.InputScale, "a positive number, or 0 for 1")
	case !finite(o.BiasScale) || o.BiasScale < 0:
		return wrong("BiasScale", o.BiasScale, "a positive number, or 0 for no biases")
	}
	if o.SpectralRadius == 0 {
		o.SpectralRadius = 0.9
	}
	if o.Leak == 0 {
		o.Leak = 1
	}
	if o.Degree == 0 {
		o.Degree = min(10, o.Units)
	}
	if o.InputScale == 0 {
		o.InputScale = 1
	}
	return o, nil
}

// Reservoir is a recurrent network of leaky tanh units whose weights are drawn once and then stay:
//
//	x(t) = (1 - α)·x(t-1) + α·tanh(W_in·u(t) + b + W·x(t-1))
//
// W is sparse: each unit has connections from Degree others or itself, chosen and weighted uniformly at random, and all
// weights are scaled together to the spectral radius. The network keeps its state from call to call, so a sequence can
// be given in pieces. It belongs to one goroutine at a time.
type Reservoir struct {
	inputs  int
	leak    float64
	input   []float64 // W_in [units, inputs]
	bias    []float64 // b [units]
	weights *sparse   // W [units, units]
	state   []float64 // x(t) [units]
	next    []float64
}

// New draws a reservoir, with its state at 0. The same options and the same source give the same reservoir. An option
// out of its range is a *graph.ArgumentError.
func New(o Options, rng *rand.Rand) (*Reservoir, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if rng == nil {
		return nil, argumentError("reservoir.New", "random source", "nil", "a *rand.Rand")
	}
	r := &Reservoir{
		inputs:  o.Inputs,
		leak:    o.Leak,
		input:   make([]float64, o.Units*o.Inputs),
		bias:    make([]float64, o.Units),
		weights: randomSparse(o.Units, o.Degree, rng),
		state:   make([]float64, o.Units),
		next:    make([]float64, o.Units),
	}
	fillUniform(r.input, o.InputScale, rng)
	fillUniform(r.bias, o.BiasScale, rng)
	scale := o.SpectralRadius / r.weights.spectralRadius()
	if !finite(scale) {
		return nil, argumentError("reservoir.New", "random source", "one whose weights have no spectral radius", "another")
	}
	kernel.Scale(scale, r.weights.values)
	return r, nil
}

// State returns the units' values x(t), [Units], which the reservoir goes on from. The caller may change them.
func (r *Reservoir) State() []float64 { return r.state }

// Reset sets the state to 0.
func (r *Reservoir) Reset() { clear(r.state) }

// Step reads one input [Inputs] and returns the new state, that of State. An input of another width is a
// *graph.ShapeError, and one that isn't finite a *graph.ArgumentError; the state then stays.
func (r *Reservoir) Step(input []float64) ([]float64, error) {
	if err := checkVector("Reservoir.Step", "input", input, r.inputs); err != nil {
		return nil, err
	}
	r.step(input)
	return r.state, nil
}

func (r *Reservoir) step(input []float64) {
	r.update(r.next, r.state, input)
	copy(r.state, r.next)
}

// Run reads a sequence [T, Inputs], and returns the states after each of its steps, [T, Units]. Its errors are those of
// Step.
func (r *Reservoir) Run(inputs *mat.Dense) (*mat.Dense, error) {
	if err := checkMatrix("Reservoir.Run", "inputs", inputs, r.inputs); err != nil {
		return nil, err
	}
	steps, units := inputs.RawMatrix().Rows, len(r.state)
	if err := checkSteps("Reservoir.Run", steps, units); err != nil {
		return nil, err
	}
	states := mat.NewDense(steps, units, nil)
	previous := r.state
	for t := range steps {
		next := states.RawRowView(t)
		r.update(next, previous, inputs.RawRowView(t))
		previous = next
	}
	copy(r.state, previous)
	return states, nil
}

// Generate runs freely: it has the readout predict from the state, reads the prediction as the next input, and so on.
// It returns the predictions, [steps, Inputs]. Run has read the known part of the sequence before. Where there are other
// inputs besides, call Step and Readout.PredictStep in turn instead.
//
// A readout that doesn't fit is a *graph.ShapeError; predictions that are no longer finite are a *graph.ArgumentError.
func (r *Reservoir) Generate(readout *Readout, steps int) (*mat.Dense, error) {
	const op = "Reservoir.Generate"
	outputs, features, err := readout.size(op)
	if err != nil {
		return nil, err
	}
	if outputs != r.inputs || features != len(r.state) {
		got := fmt.Sprintf("a readout with weight [%d %d]", outputs, features)
		return nil, shapeError(op, got, fmt.Sprintf("[Inputs Units] = [%d %d]", r.inputs, len(r.state)))
	}
	if err := checkSteps(op, steps, outputs); err != nil {
		return nil, err
	}
	series := mat.NewDense(steps, outputs, nil)
	for t := range steps {
		y := series.RawRowView(t)
		readout.apply(y, r.state)
		if err := checkVector(op, "prediction", y, outputs); err != nil {
			return nil, err
		}
		r.step(y)
	}
	return series, nil
}

// update computes one step. next must not be previous.
func (r *Reservoir) update(next, previous, input []float64) {
	for i := range next {
		sum := r.bias[i]
		for j, w := range r.input[i*r.inputs:][:r.inputs] {
			sum += w * input[j]
		}
		next[i] = sum
	}
	r.weights.mulAdd(next, previous)
	kernel.Tanh(next, next)
	if r.leak != 1 {
		for i, x := range previous {
			next[i] = (1-r.leak)*x + r.leak*next[i]
		}
	}
}
