package track

import (
	"strconv"
	"strings"
)

// CSV returns all points as comma-separated values: a line of column names, then one line a point, the training points
// first. The column set is "train" or "validation". Floats have as many digits as it takes to read them back exactly;
// the others are NaN, +Inf and -Inf.
func (h *History) CSV() string {
	var b strings.Builder
	b.WriteString("set,step,loss,grad_norm,rate,tokens,seconds\n")
	for _, p := range h.Train {
		writeRecord(&b, "train", p)
	}
	for _, p := range h.Validation {
		writeRecord(&b, "validation", p)
	}
	return b.String()
}

// writeRecord needs no quoting: no field holds a comma, a quote or a line break.
func writeRecord(b *strings.Builder, set string, p Point) {
	b.WriteString(strings.Join([]string{
		set,
		strconv.Itoa(p.Step),
		number(p.Loss),
		number(p.GradNorm),
		number(p.Rate),
		strconv.FormatInt(p.Tokens, 10),
		number(p.Seconds),
	}, ","))
	b.WriteByte('\n')
}

// number is the shortest text that strconv.ParseFloat reads back as v.
func number(v float64) string {
	return strconv.FormatFloat(v, 'g', -1, 64)
}
