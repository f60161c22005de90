package reservoir

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/gobptt/bptt/internal/kernel"
)

// RLSOptions of recursive least squares. The zero value weighs all steps alike.
type RLSOptions struct {
	// Lambda is the penalty λ on the squares of the weights. 0 means 1e-6. Much below 1e-8, rounding makes itself felt.
	Lambda float64
	// Forgetting is the factor γ, above 0 and at most 1, by which a step weighs less with each that follows: the fit
	// then follows targets that change, with a memory of about 1/(1-γ) steps. 0 means 1, no forgetting.
	Forgetting float64
}

// RLS fits a readout online by recursive least squares (Haykin, "Adaptive Filter Theory"): after each step it has the W
// and b that minimize
//
//	Σ_t γ^(T-t)·|W·x(t) + b - y(t)|² + λ·|W|²
//
// over the steps t ≤ T so far. Without forgetting that is the solution of Ridge. A step takes time of the order of
// features².
//
// It keeps the weighted means of x and y, and fits W to the deviations from them, by the recursion of West (1979).
//
// In the textbook's algorithm the penalty is forgotten as the steps are, so the matrix P grows without bound in
// directions in which the states don't move. Here each step renews the penalty of one feature in turn, by a pretended
// step with this feature alone and the target 0: so each keeps a penalty of the order of λ, at least λ·γ^features.
// This takes the same time again; without forgetting there is nothing to renew.
type RLS struct {
	forgetting   float64
	renewal      float64   // value of the pretended feature; 0 without forgetting
	turn         int       // feature whose penalty is renewed next
	total        float64   // Σ γ^(T-t), the weight of all steps
	meanX, meanY []float64 // [features], [outputs]
	p            []float64 // P [features, features], symmetric: the inverse of Σ γ^(T-t)·z·zᵀ + λ·I, z = x - mean
	z, pz        []float64 // z and P·z
	errors       []float64 // [outputs]
	readout      Readout
}

// NewRLS returns a fit that begins from weights of 0. An argument out of its range is a *graph.ArgumentError.
func NewRLS(features, outputs int, o RLSOptions) (*RLS, error) {
	wrong := func(name string, got any, want string) (*RLS, error) {
		return nil, argumentError("reservoir.NewRLS", name, got, want)
	}
	if o.Lambda == 0 {
		o.Lambda = 1e-6
	}
	if o.Forgetting == 0 {
		o.Forgetting = 1
	}
	switch {
	case features < 1 || features > maxUnits:
		return wrong("features", features, fmt.Sprintf("1 to %d", maxUnits))
	case outputs < 1 || outputs > maxUnits:
		return wrong("outputs", outputs, fmt.Sprintf("1 to %d", maxUnits))
	case !(o.Lambda > 0) || !finite(o.Lambda) || !finite(1/o.Lambda):
		return wrong("Lambda", o.Lambda, "a positive number, or 0 for 1e-6")
	case !(o.Forgetting > 0 && o.Forgetting <= 1):
		return wrong("Forgetting", o.Forgetting, "a positive number up to 1, or 0 for 1")
	}
	left := math.Pow(o.Forgetting, float64(features)) // of a penalty when its turn comes again
	r := &RLS{
		forgetting: o.Forgetting,
		renewal:    math.Sqrt(o.Lambda * (1 - left)),
		meanX:      make([]float64, features),
		meanY:      make([]float64, outputs),
		p:          make([]float64, features*features),
		z:          make([]float64, features),
		pz:         make([]float64, features),
		errors:     make([]float64, outputs),
		readout:    Readout{Weight: mat.NewDense(outputs, features, nil), Bias: make([]float64, outputs)},
	}
	for i := range features {
		r.p[i*features+i] = 1 / o.Lambda
	}
	return r, nil
}

// Readout returns the readout so far. Update changes it.
func (r *RLS) Readout() *Readout { return &r.readout }

// Update takes the state [features] and the target [outputs] of the next step. Another width is a *graph.ShapeError.
// Numbers that aren't finite, or with which the recursion can't go on, are a *graph.ArgumentError; the readout then
// stays as it is.
func (r *RLS) Update(state, target []float64) error {
	const op = "RLS.Update"
	if err := checkVector(op, "state", state, len(r.meanX)); err != nil {
		return err
	}
	if err := checkVector(op, "target", target, len(r.meanY)); err != nil {
		return err
	}
	before := r.forgetting * r.total
	total := before + 1
	root := math.Sqrt(before / total) // a step adds this share of its deviation from the mean before it
	for i, x := range state {
		r.z[i] = root * (x - r.meanX[i])
	}
	for k, y := range target {
		r.errors[k] = root * (y - r.meanY[k])
	}
	if !r.learn(r.forgetting) {
		return argumentError(op, "state or target", "beyond double precision", "smaller numbers, or a larger Lambda")
	}
	r.total = total
	for i, x := range state {
		r.meanX[i] += (x - r.meanX[i]) / total
	}
	for k, y := range target {
		r.meanY[k] += (y - r.meanY[k]) / total
	}
	if r.renewal > 0 {
		clear(r.z)
		clear(r.errors)
		r.z[r.turn] = r.renewal
		r.turn = (r.turn + 1) % len(r.z)
		r.learn(1)
	}
	for k, y := range r.meanY {
		r.readout.Bias[k] = y - kernel.Dot(r.readout.Weight.RawRowView(k), r.meanX)
	}
	return nil
}

// learn takes a step with the deviations z and, in errors, those of the target. It does nothing and reports false if
// the result would not be finite.
func (r *RLS) learn(forgetting float64) bool {
	n := len(r.z)
	for i := range n {
		r.pz[i] = kernel.Dot(r.p[i*n:][:n], r.z)
	}
	scale := forgetting + kernel.Dot(r.z, r.pz)
	if !(scale > 0) || !finite(scale) {
		return false
	}
	for k := range r.errors {
		r.errors[k] -= kernel.Dot(r.readout.Weight.RawRowView(k), r.z)
		if !finite(r.errors[k]) {
			return false
		}
	}
	for k, e := range r.errors {
		kernel.Axpy(e/scale, r.pz, r.readout.Weight.RawRowView(k))
	}
	// P ← (P - P·z·zᵀ·P/scale)/γ, written so that elements (i, j) and (j, i) get the same bits. A P that isn't
	// symmetric drifts further off, and in the end diverges.
	kernel.Scale(1/math.Sqrt(scale), r.pz)
	for i, v := range r.pz {
		row := r.p[i*n:][:n]
		kernel.Axpy(-v, r.pz, row)
		if forgetting != 1 {
			kernel.Scale(1/forgetting, row)
		}
	}
	return true
}
