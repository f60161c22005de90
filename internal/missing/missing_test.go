package missing

import (
	"errors"
	"testing"
)

func TestValue(t *testing.T) {
	var p *int
	var err error
	for _, c := range []struct {
		v    any
		want bool
	}{{nil, true}, {p, true}, {err, true}, {new(int), false}, {0, false}, {errors.New(""), false}, {struct{}{}, false}, {[]int(nil), false}} {
		if got := Value(c.v); got != c.want {
			t.Errorf("%T(%v): got %v, want %v", c.v, c.v, got, c.want)
		}
	}
}
