package schedule

import "math"

var _ Schedule = Cyclic{}

// Cyclic rises from Min to the optimizer's learning rate and falls back, in straight lines, over and over (Smith 2017).
// PyTorch's modes are: triangular, the default; triangular2, PerCycle = 0.5; exp_range, PerStep = gamma.
type Cyclic struct {
	Up       int     // steps to rise; required, at least 1
	Down     int     // steps to fall; 0 means Up
	Min      float64 // PyTorch's base_lr/max_lr
	PerCycle float64 // what the height of the cycles is multiplied by after each; 0 means 1
	PerStep  float64 // what the height is multiplied by after each step; 0 means 1
}

// Factor returns the factor for a step.
func (s Cyclic) Factor(step int) float64 {
	if s.Check() != nil {
		return math.NaN()
	}
	up, down := float64(s.Up), float64(orDefault(s.Down, s.Up))
	cycle, at := math.Floor(float64(step)/(up+down)), math.Mod(float64(step), up+down)
	height := at / up
	if at > up {
		height = (up + down - at) / down
	}
	height *= math.Pow(orDefault(s.PerCycle, 1), cycle) * math.Pow(orDefault(s.PerStep, 1), float64(step))
	return s.Min + (1-s.Min)*height
}

// Check returns an error if an option is out of its range.
func (s Cyclic) Check() error {
	return check("schedule.Cyclic", number{"Up", float64(s.Up), 1, inf}, number{"Down", float64(s.Down), 0, inf}, number{"Min", s.Min, 0, 1},
		number{"PerCycle", s.PerCycle, 0, 1}, number{"PerStep", s.PerStep, 0, 1})
}
