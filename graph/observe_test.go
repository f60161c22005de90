package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestObserveGates: of every eighth sequence, the valid steps are counted, by step and by window, in the recording of the
// recurrence that the gates are written for; one inside of another has its own.
func TestObserveGates(t *testing.T) {
	const steps, batch = 2, 10
	one := func(names ...string) (gates []Gate) {
		for _, name := range names {
			gates = append(gates, Gate{Name: name, Low: -1})
		}
		return gates
	}
	// write returns a program, with a mask of steps that isn't known before it runs.
	write := func(observe bool) *Program {
		t.Helper()
		b := NewBuilder(Window{T: steps, B: batch, Train: true}, Options{Observe: observe})
		x := b.Floats("x", steps*batch, 3)
		stray := b.Tanh(x)
		b.ObserveGates(one("stray"), stray)
		mask := b.Floats("mask", steps*batch)
		b.SetStepMask(b.Square(mask))
		h := b.State("h", 3)
		var hs []*Node
		s := h
		for step := range steps {
			b.AtStep(step, func() {
				rows := b.Slice(x, 0, step*batch, (step+1)*batch)
				b.ObserveGates(one("outer", "both"), b.Scale(rows, 1), b.Scale(rows, -1))
				inner := b.Scale(rows, 1)
				b.ObserveGates(one("inner"), b.Scale(rows, -1))
				b.ObserveSteps(inner, []*Node{b.Scale(inner, 2)})
				b.ObserveGates(one("both"), b.Scale(rows, 1))
				s = b.Add(s, rows)
				hs = append(hs, s)
			})
		}
		b.ObserveGates(one("window"), b.Scale(x, 1))
		b.ObserveSteps(h, hs)
		b.SetState("h", s)
		dropped := b.Dropout(s, b.DropoutMask(0.5, batch, 3))
		p, err := b.Compile(b.Sum(dropped), Gradients{Inputs: []string{"x"}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	values, valid := slices.Repeat([]float64{0.55}, steps*batch*3), slices.Repeat([]float64{1}, steps*batch)
	for k, row := range []int{0, 8, batch, batch + 8} {
		for i := range 3 {
			values[3*row+i] = 0.05 + 0.1*float64(k)
		}
	}
	fill := func(p *Program) {
		t.Helper()
		for _, err := range []error{p.SetFloat64s("x", values), p.SetFloat64s("mask", valid), p.Run(1)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	// seen are the gates with the lower bounds of the bins that aren't empty, and their counts.
	seen := func(p *Program) string {
		var out strings.Builder
		for _, r := range p.Recordings() {
			fmt.Fprintf(&out, "%q:", r.State)
			for _, g := range r.Gates {
				fmt.Fprintf(&out, " %s", g.Name)
				for bin, n := range g.Bins {
					if n > 0 {
						fmt.Fprintf(&out, " %.1f×%d", g.From+float64(bin)*0.1, n)
					}
				}
			}
			out.WriteString("\n")
		}
		return out.String()
	}
	p := write(true)
	for _, c := range []struct {
		masked []int
		want   string
	}{
		{nil, `"": inner -0.2×3 -0.1×3
"": inner -0.4×3 -0.3×3
"h": outer 0.0×3 0.1×3 0.2×3 0.3×3 both -0.4×3 -0.3×3 -0.2×3 -0.1×3 0.0×3 0.1×3 0.2×3 0.3×3 window 0.0×3 0.1×3 0.2×3 0.3×3
`},
		{[]int{8, batch}, `"": inner -0.1×3
"": inner -0.4×3
"h": outer 0.0×3 0.3×3 both -0.4×3 -0.1×3 0.0×3 0.3×3 window 0.0×3 0.3×3
`},
	} {
		for _, row := range c.masked {
			valid[row] = 0
		}
		fill(p)
		if got := seen(p); got != c.want {
			t.Errorf("without rows %v: got\n%swant\n%s", c.masked, got, c.want)
		}
	}

	q := write(false)
	fill(q)
	if len(q.Recordings()) != 0 || q.Nodes() >= p.Nodes() {
		t.Errorf("%d recordings and %d nodes that weren't asked for", len(q.Recordings()), q.Nodes()-p.Nodes())
	}
	if p.Cost() != q.Cost() || !slices.Equal(p.InputGradient("x").F32, q.InputGradient("x").F32) {
		t.Errorf("cost %v, when it isn't observed %v", p.Cost(), q.Cost())
	}
	b := NewBuilder(Window{T: steps, B: batch}, Options{})
	b.ObserveGates(one("a", "b"), b.Floats("x", batch, 3))
	if e, ok := b.Err().(*ArgumentError); !ok || e.Op != "ObserveGates" {
		t.Errorf("two gates of one node: %v", b.Err())
	}
}
