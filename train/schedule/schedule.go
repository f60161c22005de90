package schedule

import (
	"fmt"
	"math"
	"strings"

	"github.com/gobptt/bptt/graph"
)

// Schedule is the learning rate over training, as a factor of the optimizer's own.
type Schedule interface {
	// Factor returns the factor for a step, 0 or more. It is NaN, which optimizers refuse, if Check returns an error.
	Factor(step int) float64
	// Check returns an error if an option is out of its range.
	Check() error
}

// Composite is a schedule that is made of others.
type Composite interface {
	Schedule
	Parts() []Schedule
}

// Func is a schedule by a function of the step, PyTorch's LambdaLR.
type Func func(step int) float64

// Factor calls the function.
func (f Func) Factor(step int) float64 {
	if f == nil {
		return math.NaN()
	}
	return f(step)
}

// Check returns an error if the function is nil.
func (f Func) Check() error {
	if f == nil {
		return &graph.ArgumentError{Op: "schedule.Func", Name: "function", Got: "nil", Want: "a function"}
	}
	return nil
}

// observer is a schedule that depends on how training goes.
type observer interface {
	Observe(metric float64)
	State() map[string]float64
	Restore(map[string]float64) error
}

// Observe tells a schedule, and those that it is made of, the metric of an evaluation. Only Plateau, and schedules with
// methods like its, make use of it. The schedule may be nil.
func Observe(s Schedule, metric float64) {
	_ = walk(s, "", func(_ string, o observer) error {
		o.Observe(metric)
		return nil
	})
}

// State returns what a schedule remembers, for checkpoints: finite numbers, none for most schedules.
func State(s Schedule) map[string]float64 {
	state := map[string]float64{}
	_ = walk(s, "", func(path string, o observer) error {
		for name, v := range o.State() {
			state[path+name] = v
		}
		return nil
	})
	return state
}

// Restore takes over a state that State returned for a schedule made in the same way. After an error the schedule is in
// no certain state.
func Restore(s Schedule, state map[string]float64) error {
	taken := 0
	err := walk(s, "", func(path string, o observer) error {
		own := map[string]float64{}
		for name, v := range state {
			if rest, ok := strings.CutPrefix(name, path); ok && !strings.Contains(rest, ".") {
				own[rest] = v
			}
		}
		taken += len(own)
		return o.Restore(own)
	})
	if err == nil && taken != len(state) {
		err = &graph.ArgumentError{Op: "schedule.Restore", Name: "state",
			Got: fmt.Sprintf("%d numbers, %d of which belong to the schedule", len(state), taken), Want: "that of the same schedule"}
	}
	return err
}

// walk calls visit for every observer in a schedule, with a path that tells them apart.
func walk(s Schedule, path string, visit func(path string, o observer) error) error {
	if o, ok := s.(observer); ok {
		return visit(path, o)
	}
	if c, ok := s.(Composite); ok {
		for i, part := range c.Parts() {
			if err := walk(part, fmt.Sprintf("%s%d.", path, i), visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkParts returns the first error of parts.
func checkParts(op string, parts ...Schedule) error {
	if len(parts) == 0 {
		return &graph.ArgumentError{Op: op, Name: "schedules", Got: "none", Want: "at least one"}
	}
	for _, p := range parts {
		if p == nil {
			return &graph.ArgumentError{Op: op, Name: "Schedule", Got: "nil", Want: "a schedule"}
		}
		if err := p.Check(); err != nil {
			return err
		}
	}
	return nil
}

// number is an option with its range, low ≤ v ≤ high.
type number struct {
	name         string
	v, low, high float64
}

func check(op string, numbers ...number) error {
	for _, n := range numbers {
		if n.v >= n.low && n.v <= n.high && !math.IsInf(n.v, 0) {
			continue
		}
		want := fmt.Sprintf("%v to %v", n.low, n.high)
		if math.IsInf(n.high, 1) {
			want = fmt.Sprintf("%v or more, finite", n.low)
		}
		return &graph.ArgumentError{Op: op, Name: n.name, Got: fmt.Sprint(n.v), Want: want}
	}
	return nil
}

var inf = math.Inf(1)

// orDefault is the value of an option whose zero means the default.
func orDefault[N int | float64](v, standard N) N {
	if v == 0 {
		return standard
	}
	return v
}

// fraction is how much of a length has passed, from 0 to 1.
func fraction(step, length int) float64 {
	return min(max(float64(step)/float64(length), 0), 1)
}
