package initial

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/gobptt/bptt/graph"
)

// Rules are initializers by patterns of parameter names, in which * stands for any text: "*weight_hh*", "0.weight".
type Rules map[string]graph.Initializer

// Apply initializes the parameters whose names match a pattern, in the order of params, and leaves the others as they
// are. A parameter under two names (shared weights) is filled once, by the first that matches.
//
// If a pattern matches no name, or two patterns match the same one, that is an error, and nothing is changed. The first
// parameter that its initializer isn't for is an error too; those before it are changed by then.
func Apply(params []graph.NamedParam, rng *rand.Rand, rules Rules) error {
	const op = "initial.Apply"
	var chosen []choice
	patterns := slices.Sorted(maps.Keys(rules))
	used := map[string]bool{}
	for _, p := range params {
		var matching []string
		for _, pattern := range patterns {
			if matches(pattern, p.Name) {
				matching = append(matching, pattern)
				used[pattern] = true
			}
		}
		switch len(matching) {
		case 0:
		case 1:
			chosen = append(chosen, choice{p, rules[matching[0]]})
		default:
			got := fmt.Sprintf("%q for parameter %s", matching, p.Name)
			return &graph.ArgumentError{Op: op, Name: "rules", Got: got, Want: "one pattern that matches"}
		}
	}
	for _, pattern := range patterns {
		if !used[pattern] {
			got := fmt.Sprintf("%q", pattern)
			return &graph.ArgumentError{Op: op, Name: "pattern", Got: got, Want: "one that matches a parameter"}
		}
	}
	return fill(op, chosen, rng)
}

// matches reports whether a pattern stands for a name.
func matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return pattern == name
	}
	rest, ok := strings.CutPrefix(name, parts[0])
	for _, part := range parts[1:last] {
		var found bool
		_, rest, found = strings.Cut(rest, part) // the first will do: the next * takes what is too much
		ok = ok && found
	}
	return ok && strings.HasSuffix(rest, parts[last])
}

// choice is an initializer for a parameter.
type choice struct {
	param graph.NamedParam
	init  graph.Initializer
}

// fill initializes parameters in order.
func fill(op string, chosen []choice, rng *rand.Rand) error {
	if rng == nil {
		return &graph.ArgumentError{Op: op, Name: "rng", Got: "nil", Want: "a random source"}
	}
	filled := map[*graph.Param]bool{}
	for _, c := range chosen {
		p := c.param
		if err := usable(op, p); err != nil {
			return err
		}
		if c.init == nil {
			return &graph.ArgumentError{Op: op, Name: "initializer of " + p.Name, Got: "nil", Want: "an initializer"}
		}
		if filled[p.Param] {
			continue
		}
		filled[p.Param] = true
		values := make([]float64, p.Value.Len())
		if err := c.init(values, p.Shape(), rng); err != nil {
			return fmt.Errorf("parameter %s: %w", p.Name, err)
		}
		if err := p.Value.SetFloats(values); err != nil {
			return fmt.Errorf("parameter %s: %w", p.Name, err)
		}
	}
	return nil
}

// usable finds a parameter that isn't one.
func usable(op string, p graph.NamedParam) error {
	if p.Param == nil {
		return &graph.ArgumentError{Op: op, Name: "parameter " + p.Name, Got: "nil", Want: "a parameter"}
	}
	if err := p.Err(); err != nil {
		return fmt.Errorf("parameter %s: %w", p.Name, err)
	}
	return nil
}
