package track

import (
	"math"
	"math/cmplx"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/gobptt/bptt/graph"
)

// GradientFlow collects how the gradients of a training run flow back through time, and what they do to the weights; it
// draws itself. The zero value is ready to use, as the field Flow of a train.Trainer; a nil *GradientFlow does nothing.
//
// A loop of one's own calls BeforeStep and AfterStep around the optimizer's step, and its programs must observe, see
// graph.Options.
//
// However long the run, a few hundred updates are kept, evenly spaced, and of each at most a thousand time steps.
type GradientFlow struct {
	// RadiusEvery is how many updates lie between two looks at the spectral radii, which take time of the order of H³ for
	// each gate: 40 ms for H = 256. 0 means 200, less than 0 never.
	RadiusEvery int

	Params  []string     // names of the parameters
	Updates []FlowUpdate // the updates that are kept, the oldest first
	Radii   []FlowRadii  // the looks at the spectral radii, the oldest first

	seen, clipped int           // updates
	apart         int           // updates from one that is kept to the next
	looksApart    int           // RadiusEverys from one look that is kept to the next
	now           FlowUpdate    // the update at hand
	before        *graph.Tensor // the weights before it
	keep          bool          // it is to be kept
	looked        bool          // at the spectral radii before it
}

// FlowUpdate is what was seen of one parameter update.
type FlowUpdate struct {
	Step     int     // parameter updates so far, this one included
	GradNorm float64 // Euclidean norm of all gradients, before clipping
	Clipped  float64 // that after clipping
	// Recurrences are what was seen of each recurrence: ‖∂L/∂h_t‖ for the time steps that the update went back through.
	// Of more than a thousand steps, every Stride-th is there, counted from the last one.
	Recurrences []graph.Recording
	Stride      int
	Ratios      []float64 // ‖Δp‖/‖p‖ of each parameter p, in the order of Params, with p after the update
}

func (u *FlowUpdate) stride() int { return max(1, u.Stride) }

// FlowRadii is one look at the spectral radii of the recurrent weights.
type FlowRadii struct {
	Step int // parameter updates so far
	// Gates are, of each parameter named weight_hh, [G·H, H], the largest moduli of the eigenvalues of its G blocks [H, H],
	// one a gate. They are in the order of Params, with nil for all others.
	Gates [][]float64
}

const (
	mostUpdates   = 512
	mostTimeSteps = 1000
	mostLooks     = 512
	widestRadius  = 1024 // units; 3 s a gate
)

// BeforeStep looks at the weights and at the gradients before an optimizer's step. norm is that of all gradients before
// they were clipped.
func (f *GradientFlow) BeforeStep(a *graph.Arena, norm float64) {
	if f == nil {
		return
	}
	if f.apart == 0 {
		f.apart, f.looksApart = 1, 1
		for _, p := range a.Params {
			f.Params = append(f.Params, p.Name)
		}
	}
	f.now = FlowUpdate{GradNorm: norm, Clipped: a.GradNorm()}
	if f.now.Clipped < norm*(1-1e-6) {
		f.clipped++
	} else {
		f.now.Clipped = norm // but for rounding
	}
	every := f.RadiusEvery
	if every == 0 {
		every = 200
	}
	if every > 0 && f.seen%(every*f.looksApart) == 0 {
		f.look(a.Params)
		f.looked = true
	}
	if f.keep = f.seen%f.apart == 0; f.keep {
		if f.before == nil || f.before.Len() != a.Values.Len() {
			f.before = graph.NewTensor(a.Values.DType(), a.Values.Len())
		}
		_ = f.before.Copy(a.Values) // of the same length
	}
}

// AfterStep records an update: its number, the weights after it, and what its programs have recorded.
func (f *GradientFlow) AfterStep(step int, a *graph.Arena, recordings []graph.Recording) {
	if f == nil {
		return
	}
	if f.looked {
		f.Radii[len(f.Radii)-1].Step = step - 1
		f.looked = false
	}
	f.seen++
	if !f.keep || f.before.Len() != a.Values.Len() {
		return
	}
	f.keep = false
	u := f.now
	u.Step = step
	u.Recurrences, u.Stride = thinned(recordings)
	for _, r := range a.Ranges {
		u.Ratios = append(u.Ratios, ratio(f.before, a.Values, r))
	}
	f.Updates = append(f.Updates, u)
	if len(f.Updates) > mostUpdates {
		f.Updates = everySecond(f.Updates)
		f.apart *= 2
	}
}

// Cut forgets the updates after a step, as a run has gone back to it.
func (f *GradientFlow) Cut(step int) {
	if f == nil {
		return
	}
	f.Updates = slices.DeleteFunc(f.Updates, func(u FlowUpdate) bool { return u.Step > step })
	f.Radii = slices.DeleteFunc(f.Radii, func(r FlowRadii) bool { return r.Step > step })
}

// ratio is how much a part of a tensor has changed, relative to what it is now.
func ratio(before, now *graph.Tensor, r graph.Range) float64 {
	if now.F64 != nil {
		return changeOf(before.F64[r.From:r.To], now.F64[r.From:r.To])
	}
	return changeOf(before.F32[r.From:r.To], now.F32[r.From:r.To])
}

func changeOf[F float32 | float64](before, now []F) float64 {
	change, size := 0.0, 0.0
	for i, v := range now {
		d := float64(v - before[i])
		change += d * d
		size += float64(v) * float64(v)
	}
	if change == 0 {
		return 0
	}
	return math.Sqrt(change / size)
}

// everySecond keeps the first of a list, the third, and so on.
func everySecond[T any](all []T) []T {
	kept := make([]T, 0, len(all))
	for i := 0; i < len(all); i += 2 {
		kept = append(kept, all[i])
	}
	return kept
}

// thinned keeps of many time steps every so many, the last one among them.
func thinned(recordings []graph.Recording) ([]graph.Recording, int) {
	longest := 0
	for _, r := range recordings {
		longest = max(longest, len(r.Norms))
	}
	stride := max(1, (longest+mostTimeSteps-1)/mostTimeSteps)
	kept := slices.Clone(recordings)
	for i := range kept {
		var norms []float64
		for t := len(kept[i].Norms) - 1; t >= 0; t -= stride {
			norms = append(norms, kept[i].Norms[t])
		}
		slices.Reverse(norms)
		kept[i].Norms = norms
	}
	return kept, stride
}

// ClipRate returns the share of the updates whose gradient clipping has made smaller.
func (f *GradientFlow) ClipRate() float64 {
	if f == nil || f.seen == 0 {
		return 0
	}
	return float64(f.clipped) / float64(f.seen)
}

// look adds the spectral radii of the recurrent weights. Of too many looks, every second is dropped before.
func (f *GradientFlow) look(params []graph.NamedParam) {
	if len(f.Radii) == mostLooks {
		f.Radii = everySecond(f.Radii)
		f.looksApart *= 2
	}
	l := FlowRadii{Gates: make([][]float64, len(params))}
	for k, p := range params {
		shape := p.Shape()
		if !strings.Contains(p.Name, "weight_hh") || len(shape) != 2 || shape[0]%shape[1] != 0 || shape[1] > widestRadius {
			continue
		}
		n := shape[1]
		for g := range shape[0] / n {
			block := mat.NewDense(n, n, nil)
			for i := range n * n {
				block.Set(i/n, i%n, p.Value.At(g*n*n+i))
			}
			l.Gates[k] = append(l.Gates[k], spectralRadius(block))
		}
	}
	f.Radii = append(f.Radii, l)
}

// spectralRadius is the largest modulus of an eigenvalue, NaN if they aren't found.
func spectralRadius(m *mat.Dense) float64 {
	var eigen mat.Eigen
	// Numbers that aren't finite would never converge.
	if !finite(mat.Sum(m)) || !eigen.Factorize(m, mat.EigenNone) {
		return math.NaN()
	}
	radius := 0.0
	for _, v := range eigen.Values(nil) {
		radius = max(radius, cmplx.Abs(v))
	}
	return radius
}

// WriteFile writes to a file, in the format that the extension of its name says: .csv, .dot (see DOT), .html, or .png or
// .svg for the heat map. A file of that name is replaced.
func (f *GradientFlow) WriteFile(path string) error {
	return writeFile("gradient flow", path, map[string]func() []byte{
		".csv":  func() []byte { return []byte(f.CSV()) },
		".dot":  func() []byte { return []byte(f.DOT()) },
		".html": func() []byte { return []byte(f.HTML()) },
		".png":  f.PNG,
		".svg":  func() []byte { return []byte(f.SVG()) },
	})
}

// SVG returns the heat map in SVG.
func (f *GradientFlow) SVG() string { return f.HeatMap().SVG() }

// PNG returns the heat map in PNG.
func (f *GradientFlow) PNG() []byte { return f.HeatMap().PNG() }
