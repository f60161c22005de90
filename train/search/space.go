package search

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Space lists the parameters of a study. Those of a trial are drawn in this order, so that one that is added at the end
// doesn't change the others.
type Space []Parameter

// Parameter is a name and the values that it may have. Uniform, LogUniform, Integer and Choice make one.
type Parameter struct {
	name   string
	domain domain
}

// domain is a set of values.
type domain interface {
	// wrong says what is wrong with the set: what it is and what was wanted, or "".
	wrong() (got, want string)
	// draw returns a random value.
	draw(rng *rand.Rand) any
	// grid returns how many values there are and the i-th; 0 if they can't be counted.
	grid() (count uint64, at func(i uint64) any)
}

// Uniform is a float64 from low to high, all equally likely.
func Uniform(name string, low, high float64) Parameter { return Parameter{name, uniform{low, high}} }

// LogUniform is a float64 from low to high, above 0, whose logarithm is uniform: for what differs by factors, such as a
// learning rate.
func LogUniform(name string, low, high float64) Parameter {
	return Parameter{name, logUniform{low, high}}
}

// Integer is an int from low to high, both included.
func Integer(name string, low, high int) Parameter { return Parameter{name, integer{low, high}} }

// Choice is one of several values of any kind.
func Choice(name string, values ...any) Parameter {
	return Parameter{name, choice(slices.Clone(values))}
}

type uniform struct{ low, high float64 }

func (u uniform) wrong() (got, want string) {
	if finite(u.low) && finite(u.high) && u.low <= u.high {
		return "", ""
	}
	return fmt.Sprintf("%v to %v", u.low, u.high), "finite numbers, low ≤ high"
}

func (u uniform) draw(rng *rand.Rand) any {
	x := rng.Float64()
	return u.low*(1-x) + u.high*x // the difference might overflow
}

func (uniform) grid() (uint64, func(uint64) any) { return 0, nil }

type logUniform struct{ low, high float64 }

func (u logUniform) wrong() (got, want string) {
	if u.low > 0 && finite(u.high) && u.low <= u.high {
		return "", ""
	}
	return fmt.Sprintf("%v to %v", u.low, u.high), "finite numbers, 0 < low ≤ high"
}

func (u logUniform) draw(rng *rand.Rand) any {
	v := math.Exp(uniform{math.Log(u.low), math.Log(u.high)}.draw(rng).(float64))
	return min(max(v, u.low), u.high) // rounding might leave the range
}

func (logUniform) grid() (uint64, func(uint64) any) { return 0, nil }

type integer struct{ low, high int }

func (n integer) wrong() (got, want string) {
	if n.low <= n.high {
		return "", ""
	}
	return fmt.Sprintf("%d to %d", n.low, n.high), "low ≤ high"
}

func (n integer) draw(rng *rand.Rand) any {
	span := uint64(n.high) - uint64(n.low)
	if span == math.MaxUint64 {
		return int(rng.Uint64())
	}
	return int(uint64(n.low) + rng.Uint64N(span+1))
}

func (n integer) grid() (uint64, func(uint64) any) {
	count := uint64(n.high) - uint64(n.low)
	if count < math.MaxUint64 {
		count++
	}
	return count, func(i uint64) any { return int(uint64(n.low) + i) }
}

type choice []any

func (c choice) wrong() (got, want string) {
	if len(c) > 0 {
		return "", ""
	}
	return "no values", "at least one"
}

func (c choice) draw(rng *rand.Rand) any { return c[rng.IntN(len(c))] }

func (c choice) grid() (uint64, func(uint64) any) {
	return uint64(len(c)), func(i uint64) any { return c[i] }
}

// check finds what is wrong with a space.
func (s Space) check() error {
	if len(s) == 0 {
		return &ArgumentError{Name: "Space", Got: "empty", Want: "at least one parameter"}
	}
	names := map[string]bool{}
	for _, p := range s {
		switch {
		case p.domain == nil:
			return &ArgumentError{Name: "Space", Got: "a Parameter without values", Want: "one made by Uniform, LogUniform, Integer or Choice"}
		case p.name == "" || names[p.name]:
			return &ArgumentError{Name: "Space", Got: fmt.Sprintf("a parameter named %q", p.name), Want: "names that differ and aren't empty"}
		}
		if got, want := p.domain.wrong(); got != "" {
			return &ArgumentError{Name: "parameter " + p.name, Got: got, Want: want}
		}
		names[p.name] = true
	}
	return nil
}

// draw returns the parameters of a random trial, a function of the seed and the number.
func (s Space) draw(seed uint64, number int) []any {
	rng := rand.New(rand.NewPCG(seed, uint64(number)))
	values := make([]any, len(s))
	for k, p := range s {
		values[k] = p.domain.draw(rng)
	}
	return values
}

// combinations counts the points of the grid.
func (s Space) combinations() (int, error) {
	total := uint64(1)
	for _, p := range s {
		count, _ := p.domain.grid()
		if count == 0 {
			return 0, &ArgumentError{Name: "parameter " + p.name, Got: "a range without steps, in a grid", Want: "a Choice or an Integer, or a number of Trials"}
		}
		if count > maxTrials/total {
			return 0, &ArgumentError{Name: "Space", Got: fmt.Sprintf("a grid of more than %d combinations", maxTrials), Want: "fewer, or a number of Trials"}
		}
		total *= count
	}
	return int(total), nil
}

// combination returns the parameters of a point of the grid. The last parameter changes the fastest.
func (s Space) combination(number int) []any {
	values, rest := make([]any, len(s)), uint64(number)
	for k := len(s) - 1; k >= 0; k-- {
		count, at := s[k].domain.grid()
		values[k] = at(rest % count)
		rest /= count
	}
	return values
}

func (s Space) names() []string {
	names := make([]string, len(s))
	for k, p := range s {
		names[k] = p.name
	}
	return names
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
