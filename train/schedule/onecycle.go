package schedule

import "math"

var _ Schedule = OneCycle{}

// OneCycle rises to the optimizer's learning rate and falls far below where it began (Smith and Topin 2019). The
// optimizer's rate is PyTorch's max_lr. The momentum is left alone: PyTorch's cycle_momentum=False.
type OneCycle struct {
	Steps      int     // in all; required, at least 1
	Rise       float64 // part of the steps; 0 means 0.3
	Start      float64 // first factor; 0 means 1/25
	End        float64 // last factor; 0 means Start/10000
	Linear     bool    // straight lines instead of half waves of a cosine
	ThreePhase bool    // fall to Start in as many steps as it rose, and then to End
}

// Factor returns the factor for a step. After the last one it is End.
func (s OneCycle) Factor(step int) float64 {
	if s.Check() != nil {
		return math.NaN()
	}
	start := orDefault(s.Start, 1.0/25)
	end := orDefault(s.End, start/1e4)
	rise, last := s.rise()*float64(s.Steps)-1, float64(s.Steps)-1
	switch at := float64(step); {
	case at <= rise:
		return s.anneal(start, 1, at, rise)
	case !s.ThreePhase:
		return s.anneal(1, end, at-rise, last-rise)
	case at <= 2*rise:
		return s.anneal(1, start, at-rise, rise)
	default:
		return s.anneal(start, end, at-2*rise, last-2*rise)
	}
}

func (s OneCycle) rise() float64 { return orDefault(s.Rise, 0.3) }

func (s OneCycle) anneal(from, to, at, length float64) float64 {
	part := 1.0
	if at < length {
		part = at / length
	}
	if s.Linear {
		return from + (to-from)*part
	}
	return cosine(from, to, part)
}

// Check returns an error if an option is out of its range.
func (s OneCycle) Check() error {
	longest := 1.0
	if s.ThreePhase {
		longest = 0.5
	}
	return check("schedule.OneCycle", number{"Steps", float64(s.Steps), 1, inf}, number{"Rise", s.Rise, 0, longest},
		number{"Start", s.Start, 0, 1}, number{"End", s.End, 0, 1})
}
