package optim

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
	"github.com/gobptt/bptt/internal/missing"
)

// Optimizer updates parameters from their gradients. All here are ones but LBFGS.
type Optimizer interface {
	// Step updates the arena's values from its gradients, at factor times the optimizer's own learning rate.
	Step(a *graph.Arena, factor float64) error
	State() State
	Restore(State)
}

// State is what an optimizer remembers between steps, for checkpoints: the number of steps made, flat tensors in the
// order of the arena, and finite numbers.
type State struct {
	Steps   int64
	Moments map[string]*graph.Tensor
	Numbers map[string]float64
}

// memory is the part that optimizers share: their state, and the pass over the parameters.
type memory struct {
	steps   int64
	moments map[string]*graph.Tensor
	numbers map[string]float64

	layout

	// Of the present step.
	values, grads *graph.Tensor
	vectors       [3]*graph.Tensor // moments
	groups        []Group
	rule          rule
	rate, decay   float64
}

// State returns the optimizer's memory. The maps and tensors are the optimizer's own.
func (m *memory) State() State { return State{m.steps, m.moments, m.numbers} }

// Restore takes over a state that State returned, of an optimizer of the same kind for the same parameters. The next
// Step checks that it fits.
func (m *memory) Restore(s State) { m.steps, m.moments, m.numbers = s.Steps, s.Moments, s.Numbers }

// Rate returns the learning rate of the last step, the factor included and groups not, for a log of training.
func (m *memory) Rate() float64 { return m.rate }

// begin prepares a step: it divides the arena by groups, and takes the moments by name, zeros before the first step. An
// empty name stands for a moment that the options don't ask for.
func (m *memory) begin(op string, a *graph.Arena, groups []Group, names ...string) error {
	if err := m.divide(op, a, groups); err != nil {
		return err
	}
	m.values, m.grads, m.groups = a.Values, a.Grads, groups
	wanted := 0
	for i, name := range names {
		m.vectors[i] = nil
		if name == "" {
			continue
		}
		wanted++
		t := m.moments[name]
		switch {
		case t == nil && m.steps != 0:
			return m.misfit(op, names)
		case t == nil:
			if m.moments == nil {
				m.moments = map[string]*graph.Tensor{}
			}
			t = graph.NewTensor(a.Values.DType(), a.Values.Len())
			m.moments[name] = t
		case t.Len() != a.Values.Len() || t.DType() != a.Values.DType():
			return &graph.ShapeError{Op: "optimizer state " + name,
				Got:  fmt.Sprintf("%d values of %v", t.Len(), t.DType()),
				Want: fmt.Sprintf("%d of %v, as the parameters have", a.Values.Len(), a.Values.DType())}
		}
		m.vectors[i] = t
	}
	if len(m.moments) != wanted || m.steps < 0 {
		return m.misfit(op, names)
	}
	return nil
}

// misfit is the error for a state that isn't of the same optimizer, or not with the same options.
func (m *memory) misfit(op string, names []string) error {
	return &graph.ArgumentError{Op: op, Name: "state",
		Got:  fmt.Sprintf("%d steps with the moments %q", m.steps, slices.Sorted(maps.Keys(m.moments))),
		Want: fmt.Sprintf("the moments %q", slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" }))}
}

// number returns a number of the state, which has a given value before the first step.
func (m *memory) number(op, name string, initial float64) (float64, error) {
	v, ok := m.numbers[name]
	switch {
	case ok:
		return v, nil
	case m.steps != 0:
		return 0, &graph.ArgumentError{Op: op, Name: "state", Got: "without " + name, Want: "that of the same optimizer"}
	}
	m.set(name, initial)
	return initial, nil
}

func (m *memory) set(name string, v float64) {
	if m.numbers == nil {
		m.numbers = map[string]float64{}
	}
	m.numbers[name] = v
}

// stepInside makes the step of an inner optimizer.
func (m *memory) stepInside(inner Optimizer, a *graph.Arena, factor float64) error {
	if err := inner.Step(a, factor); err != nil {
		return err
	}
	m.steps++
	if r, ok := inner.(interface{ Rate() float64 }); ok {
		m.rate = r.Rate()
	}
	return nil
}

// around returns the state of an optimizer that works around another one, with that of the inner one in it.
func (m *memory) around(inner Optimizer) State {
	s := State{m.steps, maps.Clone(m.moments), maps.Clone(m.numbers)}
	if missing.Value(inner) {
		return s
	}
	in := inner.State()
	if s.Steps == 0 && in.Steps == 0 {
		return s
	}
	if s.Moments == nil {
		s.Moments = map[string]*graph.Tensor{}
	}
	for name, t := range in.Moments {
		s.Moments[innerPrefix+name] = t
	}
	if s.Numbers == nil {
		s.Numbers = map[string]float64{}
	}
	for name, v := range in.Numbers {
		s.Numbers[innerPrefix+name] = v
	}
	s.Numbers[innerSteps] = float64(in.Steps)
	return s
}

// restoreAround takes over what around returned.
func (m *memory) restoreAround(s State, inner Optimizer) {
	in := State{Steps: int64(s.Numbers[innerSteps]), Moments: map[string]*graph.Tensor{}, Numbers: map[string]float64{}}
	if _, ok := s.Numbers[innerSteps]; !ok && s.Steps != 0 {
		in.Steps = -1 // which the next Step refuses
	}
	m.Restore(State{s.Steps, map[string]*graph.Tensor{}, map[string]float64{}})
	for name, t := range s.Moments {
		if rest, ok := strings.CutPrefix(name, innerPrefix); ok {
			in.Moments[rest] = t
		} else {
			m.moments[name] = t
		}
	}
	for name, v := range s.Numbers {
		rest, ok := strings.CutPrefix(name, innerPrefix)
		switch {
		case name == innerSteps:
		case ok:
			in.Numbers[rest] = v
		default:
			m.numbers[name] = v
		}
	}
	if !missing.Value(inner) {
		inner.Restore(in)
	}
}

// Names of the inner optimizer's state in that of the outer one.
const (
	innerPrefix = "inner."
	innerSteps  = "inner steps"
)

// rule is the arithmetic of an optimizer: a step for a part of the parameters. It must not matter in which order, or on
// which thread, the parts come.
type rule interface{ update(part) }

// part is a piece of the arena with what its group makes of the optimizer's options.
type part struct {
	piece
	index       int // of the piece
	rate, decay float64
}

// sweep applies a rule to all parameters but frozen ones.
func (m *memory) sweep(r rule, rate, decay float64) {
	m.rule, m.rate, m.decay = r, rate, decay
	m.arena.Sweep((*pass)(m))
}

// pass is a sweep of a memory.
type pass memory

func (p *pass) Sweep(from, to int) {
	for i := p.first(from); i < len(p.pieces) && p.pieces[i].from < to; i++ {
		q := part{p.pieces[i], i, p.rate, p.decay}
		if q.group >= 0 {
			g := &p.groups[q.group]
			if g.Frozen {
				continue
			}
			q.rate *= orDefault(g.Rate, 1)
			q.decay = orDefault(g.WeightDecay, q.decay)
			if g.NoDecay {
				q.decay = 0
			}
		}
		p.rule.update(q)
	}
}

// double reports whether the parameters are in float64.
func (m *memory) double() bool { return m.values.F64 != nil }

// of returns a part of a flat tensor, or nil if there is none.
func of[F kernel.Float](t *graph.Tensor, r part) []F {
	if t == nil {
		return nil
	}
	return floats[F](t)[r.from:r.to]
}

// floats returns the elements of a tensor of that precision.
func floats[F kernel.Float](t *graph.Tensor) []F {
	var v []F
	switch v := any(&v).(type) {
	case *[]float32:
		*v = t.F32
	case *[]float64:
		*v = t.F64
	}
	return v
}

// elements returns a part of the values, the gradients and the moments.
func elements[F kernel.Float](m *memory, r part) (p, grad, v0, v1, v2 []F) {
	return of[F](m.values, r), of[F](m.grads, r), of[F](m.vectors[0], r), of[F](m.vectors[1], r), of[F](m.vectors[2], r)
}

// orDefault is the value of an option whose zero means the default.
func orDefault(v, standard float64) float64 {
	if v == 0 {
		return standard
	}
	return v
}

// when is a name if it is wanted, else "".
func when(wanted bool, name string) string {
	if wanted {
		return name
	}
	return ""
}

// option is a value with the range that it must be in, low ≤ v < high.
type option struct {
	name         string
	v, low, high float64
}

// check returns an error for the first option that is out of its range.
func check(op string, options ...option) error {
	for _, o := range options {
		if o.v >= o.low && o.v < o.high {
			continue
		}
		want := fmt.Sprintf("%v or more and below %v", o.low, o.high)
		switch {
		case math.IsInf(o.high, 1) && o.low == positive:
			want = "above 0, finite"
		case math.IsInf(o.high, 1):
			want = fmt.Sprintf("%v or more, finite", o.low)
		}
		return &graph.ArgumentError{Op: op, Name: o.name, Got: fmt.Sprint(o.v), Want: want}
	}
	return nil
}

const positive = math.SmallestNonzeroFloat64

var inf = math.Inf(1)

// sqrt is the square root in the precision of its argument.
func sqrt[F kernel.Float](x F) F { return F(math.Sqrt(float64(x))) }
