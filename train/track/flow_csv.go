package track

import (
	"strconv"
	"strings"
)

// CSV returns all numbers as comma-separated values, one a line:
//
//	step,name,measure,at,value
//
// where name is that of a state or of a parameter, and the measures are
//
//	grad_norm  of the whole gradient, before clipping; clipped: after it
//	norm       ‖∂L/∂h_t‖ of a state; at is the time step, counted back from the last: 0, -1, …
//	low, high  the share of activations in the lowest and the highest tenth; at is the gate
//	bin        the number of activations; at is the gate and the lower end of a part of its range: forget 0.95
//	ratio      ‖Δp‖/‖p‖ of a parameter
//	radius     spectral radius of a recurrent weight; at is the gate's number
func (f *GradientFlow) CSV() string {
	var b strings.Builder
	b.WriteString("step,name,measure,at,value\n")
	write := func(step int, name, measure, at string, v float64) {
		b.WriteString(strings.Join([]string{strconv.Itoa(step), quoted(name), measure, quoted(at), number(v)}, ",") + "\n")
	}
	for _, u := range f.updates() {
		write(u.Step, "", "grad_norm", "", u.GradNorm)
		write(u.Step, "", "clipped", "", u.Clipped)
		for _, r := range u.Recurrences {
			for t, v := range r.Norms {
				write(u.Step, r.State, "norm", lagLabel((len(r.Norms)-1-t)*u.stride()), v)
			}
			for _, g := range r.Gates {
				write(u.Step, r.State, "low", g.Name, g.Low)
				write(u.Step, r.State, "high", g.Name, g.High)
				for i, n := range g.Bins {
					from := g.From + (g.To-g.From)*float64(i)/float64(len(g.Bins))
					write(u.Step, r.State, "bin", g.Name+" "+strconv.FormatFloat(from, 'f', 2, 64), float64(n))
				}
			}
		}
		for k, v := range u.Ratios[:min(len(u.Ratios), len(f.Params))] {
			write(u.Step, f.Params[k], "ratio", "", v)
		}
	}
	if f == nil {
		return b.String()
	}
	for _, r := range f.Radii {
		for k, gates := range r.Gates[:min(len(r.Gates), len(f.Params))] {
			for g, v := range gates {
				write(r.Step, f.Params[k], "radius", strconv.Itoa(g), v)
			}
		}
	}
	return b.String()
}
