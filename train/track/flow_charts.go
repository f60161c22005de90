package track

import (
	"fmt"
	"strings"
)

// updates returns those that are kept, none of a nil flow.
func (f *GradientFlow) updates() []FlowUpdate {
	if f == nil {
		return nil
	}
	return f.Updates
}

// ByLag returns a chart of ‖∂L/∂h_t‖ by the distance of time step t from the last one, for some of the updates: the first,
// the last, and others between.
func (f *GradientFlow) ByLag() Chart {
	c := Chart{Title: "Gradient by distance from the last time step", X: "time steps back from the last", Y: "norm of ∂L/∂h_t (loss per unit of h)", LogY: true}
	updates := f.updates()
	if len(updates) == 0 {
		return c
	}
	recurrences := max(1, len(updates[0].Recurrences))
	for _, i := range spread(len(updates), max(2, 6/recurrences)) {
		for _, r := range updates[i].Recurrences {
			l := Line{Name: fmt.Sprintf("%s, step %d", shortState(r.State), updates[i].Step)}
			for lag := range len(r.Norms) {
				l.X = append(l.X, float64(lag*updates[i].stride()))
				l.Y = append(l.Y, r.Norms[len(r.Norms)-1-lag])
			}
			c.Lines = append(c.Lines, l)
		}
	}
	return c
}

// spread returns at most the wanted number of indices below n, evenly spaced from the first to the last.
func spread(n, wanted int) []int {
	if n <= wanted {
		wanted = n
	}
	var all []int
	for k := range wanted {
		i := 0
		if wanted > 1 {
			i = k * (n - 1) / (wanted - 1)
		}
		all = append(all, i)
	}
	return all
}

// Norms returns a chart of the norm of the whole gradient over the updates, before clipping and, if there were any that it
// made smaller, after.
func (f *GradientFlow) Norms() Chart {
	c := Chart{Title: "Norm of the gradient", X: "training step", Y: "norm (loss per unit of weight)", LogY: true}
	before, after := Line{Name: "before clipping"}, Line{Name: "after clipping"}
	for _, u := range f.updates() {
		before.X, before.Y = append(before.X, float64(u.Step)), append(before.Y, u.GradNorm)
		after.Y = append(after.Y, u.Clipped)
	}
	after.X = before.X
	c.Lines = []Line{before, after}
	if rate := f.ClipRate(); rate > 0 {
		c.Title += fmt.Sprintf(": %.1f %% of the updates were clipped", 100*rate)
	} else {
		c.Lines = c.Lines[:1]
	}
	return c
}

// Ratios returns a chart of ‖Δp‖/‖p‖, how much an update changes each parameter p, relative to its size.
func (f *GradientFlow) Ratios() Chart {
	c := Chart{Title: "Size of the updates relative to the weights", X: "training step", Y: "norm of Δp / norm of p", LogY: true}
	if f == nil {
		return c
	}
	for k, name := range f.Params {
		l := Line{Name: name}
		for _, u := range f.Updates {
			if k < len(u.Ratios) {
				l.X, l.Y = append(l.X, float64(u.Step)), append(l.Y, u.Ratios[k])
			}
		}
		c.Lines = append(c.Lines, l)
	}
	return c
}

// SpectralRadii returns a chart of the spectral radii of the recurrent weights, one line a gate.
func (f *GradientFlow) SpectralRadii() Chart {
	c := Chart{Title: "Spectral radii of the recurrent weights", X: "training step", Y: "largest modulus of an eigenvalue"}
	if f == nil || len(f.Radii) == 0 {
		return c
	}
	for k, name := range f.Params {
		for g := range at(f.Radii[0].Gates, k) {
			l := Line{Name: name}
			if len(f.Radii[0].Gates[k]) > 1 {
				l.Name += ", " + f.gateName(name, g)
			}
			for _, r := range f.Radii {
				if gates := at(r.Gates, k); g < len(gates) {
					l.X, l.Y = append(l.X, float64(r.Step)), append(l.Y, gates[g])
				}
			}
			c.Lines = append(c.Lines, l)
		}
	}
	return c
}

// gateName is what the recurrence of a parameter calls its g-th gate, or else its number.
func (f *GradientFlow) gateName(param string, g int) string {
	state := strings.Replace(param, "weight_hh", "h", 1)
	if len(f.Updates) > 0 {
		for _, r := range f.Updates[0].Recurrences {
			if r.State == state && g < len(r.Gates) {
				return r.Gates[g].Name
			}
		}
	}
	return fmt.Sprint("gate ", g)
}

// at is an element of a list, or nothing past its end.
func at(lists [][]float64, k int) []float64 {
	if k >= len(lists) {
		return nil
	}
	return lists[k]
}

// Saturation returns a chart of the shares of each gate's activations that are in the lowest and in the highest tenth of
// its range.
func (f *GradientFlow) Saturation() Chart {
	c := Chart{Title: "Saturated activations", X: "training step", Y: "share of all activations"}
	lines := map[string]int{}
	add := func(name string, step int, v float64) {
		i, ok := lines[name]
		if !ok {
			i = len(c.Lines)
			lines[name], c.Lines = i, append(c.Lines, Line{Name: name})
		}
		l := &c.Lines[i]
		l.X, l.Y = append(l.X, float64(step)), append(l.Y, v)
	}
	for _, u := range f.updates() {
		for _, r := range u.Recurrences {
			for _, g := range r.Gates {
				name := shortState(r.State) + " " + g.Name
				add(name+" low", u.Step, g.Low)
				add(name+" high", u.Step, g.High)
			}
		}
	}
	return c
}
