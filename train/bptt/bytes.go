package bptt

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gobptt/bptt/graph"
)

// bytesOf writes a size exactly, and one that is hard to read also in the unit that people use.
func bytesOf(n int64) string {
	s := fmt.Sprintf("%d bytes", n)
	switch v := float64(n); {
	case v >= 1<<30:
		s += fmt.Sprintf(" (%.1f GiB)", v/(1<<30))
	case v >= 1<<20:
		s += fmt.Sprintf(" (%.1f MiB)", v/(1<<20))
	}
	return s
}

// ParseBytes reads a size as people write it: "64MiB", "1.5 GB", "4096". kB, MB and GB are powers of 1000, KiB, MiB and GiB
// of 1024.
func ParseBytes(s string) (int64, error) {
	units := []struct {
		name string
		size float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1}}
	for _, u := range units {
		number, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if v *= u.size; err == nil && v >= 0 && v < math.MaxInt64 {
			return int64(v), nil
		}
		break
	}
	return 0, &graph.ArgumentError{Op: "ParseBytes", Name: "size", Got: strconv.Quote(s), Want: fmt.Sprintf("a number and a unit, such as %q", "64MiB")}
}
