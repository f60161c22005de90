package track

// speed measures the training speed from one update to the next.
type speed struct {
	tokens  int64
	seconds float64
}

// of returns the tokens per second since the update before, 0 if no time went by.
func (s *speed) of(u Update) float64 {
	tokens, seconds := u.Point.Tokens-s.tokens, u.Seconds-s.seconds
	*s = speed{u.Point.Tokens, u.Seconds}
	if !(seconds > 0) {
		return 0
	}
	return float64(tokens) / seconds
}

// average is a mean of values in which one counts e times less than another that came 50 later. The zero value is the mean
// of none.
type average struct{ sum, weight float64 }

func (a *average) add(v float64) (mean float64) {
	const decay = 0.98
	a.sum, a.weight = decay*a.sum+v, decay*a.weight+1
	return a.sum / a.weight
}
