package search

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// Params are the values of a trial's parameters. A name that the study doesn't have, or a value of another kind than is
// asked for, makes the trial fail with an *ArgumentError, which the next report returns too; what the methods return
// then is NaN, 0, "" or nil.
type Params struct {
	names  []string
	values []any
	wrong  *atomic.Pointer[ArgumentError] // the first mistake
}

// Float returns a number.
func (p Params) Float(name string) float64 {
	v, ok := p.find(name)
	switch v := v.(type) {
	case float64:
		return v
	case int:
		return float64(v)
	}
	if ok {
		p.mistake(name, v, "a float64 or an int")
	}
	return math.NaN()
}

// Int returns a whole number.
func (p Params) Int(name string) int {
	v, ok := p.find(name)
	n, whole := v.(int)
	if ok && !whole {
		p.mistake(name, v, "an int")
	}
	return n
}

// Text returns a string.
func (p Params) Text(name string) string {
	v, ok := p.find(name)
	s, text := v.(string)
	if ok && !text {
		p.mistake(name, v, "a string")
	}
	return s
}

// Value returns a value of any kind.
func (p Params) Value(name string) any {
	v, _ := p.find(name)
	return v
}

func (p Params) find(name string) (v any, ok bool) {
	if k := slices.Index(p.names, name); k >= 0 {
		return p.values[k], true
	}
	p.note(&ArgumentError{Name: "parameter", Got: fmt.Sprintf("%q", name), Want: fmt.Sprintf("one of %q", p.names)})
	return nil, false
}

func (p Params) mistake(name string, v any, want string) {
	p.note(&ArgumentError{Name: "parameter " + name, Got: fmt.Sprintf("%v, a %T", v, v), Want: want})
}

func (p Params) note(e *ArgumentError) {
	if p.wrong != nil {
		p.wrong.CompareAndSwap(nil, e)
	}
}

// err returns the first mistake.
func (p Params) err() error {
	if e := p.wrong.Load(); e != nil {
		return e
	}
	return nil
}

// String lists names and values: "learning rate=0.01 hidden=64".
func (p Params) String() string {
	var all []string
	for k, name := range p.names {
		all = append(all, name+"="+short(p.values[k]))
	}
	return strings.Join(all, " ")
}

// short shows a value in a table for people, exact in one for machines.
func short(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'g', 4, 64)
	}
	return fmt.Sprint(v)
}

func exact(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}
