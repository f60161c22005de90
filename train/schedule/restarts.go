package schedule

import "math"

var _ Schedule = CosineRestarts{}

// CosineRestarts falls as Cosine does, and then begins anew, each time for Multiply times as long (SGDR, Loshchilov and
// Hutter 2017).
type CosineRestarts struct {
	Steps    int // until the first restart; required, at least 1
	Multiply int // 0 means 1
	Min      float64
}

// Factor returns the factor for a step.
func (s CosineRestarts) Factor(step int) float64 {
	if s.Check() != nil {
		return math.NaN()
	}
	at, length, multiply := float64(step), float64(s.Steps), float64(s.Multiply)
	if multiply <= 1 {
		at = math.Mod(at, length)
	}
	for at >= length {
		at -= length
		length *= multiply
	}
	return cosine(1, s.Min, at/length)
}

// Check returns an error if an option is out of its range.
func (s CosineRestarts) Check() error {
	return check("schedule.CosineRestarts", number{"Steps", float64(s.Steps), 1, inf}, number{"Multiply", float64(s.Multiply), 0, inf},
		number{"Min", s.Min, 0, 1})
}
