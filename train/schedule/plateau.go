package schedule

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/graph"
)

var _ Schedule = (*Plateau)(nil)

// Plateau lowers the factor when a metric no longer improves, PyTorch's ReduceLROnPlateau. It must be told the metric of
// every evaluation, and it is the one schedule with a state of its own.
type Plateau struct {
	Reduce    float64 // what the factor is multiplied by; 0 means 0.1
	Patience  int     // evaluations without improvement that are let pass; 0 means 10, a negative number none
	Threshold float64 // by what part of the best metric one must be better; 0 means 1e-4
	Absolute  bool    // Threshold is not a part of the best metric but a difference
	Maximize  bool    // a higher metric is better
	Cooldown  int     // evaluations after a reduction in which none without improvement counts
	Min       float64 // lowest factor

	lowered  float64 // the factor; 0 means 1
	best     float64
	seen     bool // whether there is a best
	bad      int  // evaluations without improvement
	cooldown int  // evaluations left
}

// Factor returns the present factor, at every step.
func (s *Plateau) Factor(int) float64 {
	if s.Check() != nil {
		return math.NaN()
	}
	return orDefault(s.lowered, 1)
}

// Check returns an error if an option is out of its range.
func (s *Plateau) Check() error {
	if s == nil {
		return &graph.ArgumentError{Op: "schedule.Plateau", Name: "schedule", Got: "nil", Want: "a value"}
	}
	if !(s.Reduce < 1) {
		return &graph.ArgumentError{Op: "schedule.Plateau", Name: "Reduce", Got: fmt.Sprint(s.Reduce), Want: "below 1"}
	}
	return check("schedule.Plateau", number{"Reduce", s.Reduce, 0, 1}, number{"Threshold", s.Threshold, 0, inf},
		number{"Cooldown", float64(s.Cooldown), 0, inf}, number{"Min", s.Min, 0, 1})
}

// Observe takes note of the metric of an evaluation. One that is not finite is no improvement.
func (s *Plateau) Observe(metric float64) {
	if s.Check() != nil {
		return
	}
	if s.better(metric) {
		s.best, s.seen, s.bad = metric, true, 0
	} else {
		s.bad++
	}
	if s.cooldown > 0 {
		s.cooldown--
		s.bad = 0
	}
	if s.bad <= max(0, orDefault(s.Patience, 10)) {
		return
	}
	s.bad, s.cooldown = 0, s.Cooldown
	// Like PyTorch, it makes no change that is too small to matter.
	if before, after := s.Factor(0), max(s.Factor(0)*orDefault(s.Reduce, 0.1), s.Min); before-after > 1e-8 {
		s.lowered = after
	}
}

func (s *Plateau) better(metric float64) bool {
	if math.IsNaN(metric) || math.IsInf(metric, 0) {
		return false
	}
	threshold := orDefault(s.Threshold, 1e-4)
	if !s.Absolute {
		threshold *= math.Abs(s.best)
	}
	switch {
	case !s.seen:
		return true
	case s.Maximize:
		return metric > s.best+threshold
	}
	return metric < s.best-threshold
}

// State returns what the schedule remembers, for checkpoints.
func (s *Plateau) State() map[string]float64 {
	state := map[string]float64{"factor": orDefault(s.lowered, 1), "bad": float64(s.bad), "cooldown": float64(s.cooldown)}
	if s.seen {
		state["best"] = s.best
	}
	return state
}

// Restore takes over a state that State returned.
func (s *Plateau) Restore(state map[string]float64) error {
	for _, n := range []struct {
		name      string
		low, high float64
	}{{"factor", math.SmallestNonzeroFloat64, 1}, {"bad", 0, 1 << 31}, {"cooldown", 0, 1 << 31}} {
		if v, ok := state[n.name]; !ok || !(v >= n.low && v <= n.high) {
			return &graph.ArgumentError{Op: "schedule.Plateau", Name: "state", Got: fmt.Sprintf("%v, with a bad %q", state, n.name),
				Want: "what State returned"}
		}
	}
	s.lowered, s.bad, s.cooldown = state["factor"], int(state["bad"]), int(state["cooldown"])
	s.best, s.seen = state["best"]
	return nil
}
