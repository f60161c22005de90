package optim

import (
	"fmt"
	"path"
	"sort"
	"strings"

	"github.com/gobptt/bptt/graph"
)

// Group gives some of the parameters settings of their own. Names are read at the first step; the other fields may
// change between steps.
type Group struct {
	// Names are patterns of the parameters' names, in the manner of path.Match: "*bias*", "encoder.*". Each must match
	// at least one parameter, and no parameter may be in two groups. One with several names goes by the first.
	Names []string

	Rate        float64 // factor of the learning rate; 0 means 1
	WeightDecay float64 // in place of the optimizer's; 0 means the optimizer's
	NoDecay     bool    // no weight decay
	Frozen      bool    // no updates; the gradient is computed all the same, and counts in the norm that is clipped
}

func (g *Group) check(op string, i int) error {
	name := func(field string) string { return fmt.Sprintf("Groups[%d].%s", i, field) }
	switch {
	case !(g.Rate >= 0 && g.Rate < inf):
		return &graph.ArgumentError{Op: op, Name: name("Rate"), Got: fmt.Sprint(g.Rate), Want: "0 or more, finite"}
	case !(g.WeightDecay >= 0 && g.WeightDecay < inf):
		return &graph.ArgumentError{Op: op, Name: name("WeightDecay"), Got: fmt.Sprint(g.WeightDecay), Want: "0 or more, finite"}
	case g.NoDecay && g.WeightDecay != 0:
		return &graph.ArgumentError{Op: op, Name: name("WeightDecay"), Got: fmt.Sprintf("%v with NoDecay", g.WeightDecay), Want: "one of the two"}
	case len(g.Names) == 0:
		return &graph.ArgumentError{Op: op, Name: name("Names"), Got: "empty", Want: "at least one pattern"}
	}
	return nil
}

// layout is an arena in pieces, each within one parameter and small enough for threads to share the work by pieces. The
// pieces don't depend on the number of threads, so neither do results.
type layout struct {
	arena  *graph.Arena
	count  int // of groups
	pieces []piece
}

type piece struct {
	from, to int
	param    int // whose it is
	group    int // -1 if none
}

// block is what no piece is longer than.
const block = 1 << 13

// divide makes the pieces of an arena, if they aren't those that it has.
func (l *layout) divide(op string, a *graph.Arena, groups []Group) error {
	if a == nil {
		return &graph.ArgumentError{Op: op, Name: "arena", Got: "nil", Want: "an arena"}
	}
	if err := a.Check(); err != nil {
		return err
	}
	for i := range groups {
		if err := groups[i].check(op, i); err != nil {
			return err
		}
	}
	if l.arena == a && l.count == len(groups) {
		return nil
	}
	group := make([]int, len(a.Params))
	for i := range group {
		group[i] = -1
	}
	for g := range groups {
		matched, err := match(op, fmt.Sprintf("Groups[%d].Names", g), groups[g].Names, a)
		if err != nil {
			return err
		}
		for i, mine := range matched {
			switch {
			case mine && group[i] >= 0:
				return &graph.ArgumentError{Op: op, Name: fmt.Sprintf("Groups[%d].Names", g),
					Got:  fmt.Sprintf("%q, with %s of Groups[%d]", groups[g].Names, a.Params[i].Name, group[i]),
					Want: "no parameter of another group"}
			case mine:
				group[i] = g
			}
		}
	}
	var pieces []piece
	for i, r := range a.Ranges {
		for from := r.From; from < r.To; from += block {
			pieces = append(pieces, piece{from, min(from+block, r.To), i, group[i]})
		}
	}
	l.arena, l.count, l.pieces = a, len(groups), pieces
	return nil
}

// first is the number of the first piece that begins at an index or after it.
func (l *layout) first(index int) int {
	return sort.Search(len(l.pieces), func(i int) bool { return l.pieces[i].from >= index })
}

// match tells for every parameter whether one of the patterns matches its name. Each pattern must match one. name is that
// of the option that they come from.
func match(op, name string, patterns []string, a *graph.Arena) ([]bool, error) {
	matched := make([]bool, len(a.Params))
	for _, pattern := range patterns {
		none := true
		for i, p := range a.Params {
			ok, err := path.Match(pattern, p.Name)
			if err != nil {
				return nil, &graph.ArgumentError{Op: op, Name: name, Got: fmt.Sprintf("%q", pattern), Want: "patterns of path.Match"}
			}
			if ok {
				matched[i], none = true, false
			}
		}
		if none {
			return nil, &graph.ArgumentError{Op: op, Name: name, Got: fmt.Sprintf("%q, which matches no parameter", pattern),
				Want: "patterns for some of " + names(a)}
		}
	}
	return matched, nil
}

// names lists the first parameters' names.
func names(a *graph.Arena) string {
	var list []string
	for i, p := range a.Params {
		if i == 8 {
			list = append(list, "…")
			break
		}
		list = append(list, p.Name)
	}
	return strings.Join(list, ", ")
}
