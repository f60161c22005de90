package track

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

var _ Observer = (*CSV)(nil)

// CSV logs updates and evaluations to a file of comma-separated values: a line of column names, then one line each, in
// the columns of [History.CSV] and with the training time so far as the last, in seconds. Every line is handed to the
// operating system at once, so a crash of the program loses none.
//
// A run that begins at step 0 wants a file that doesn't exist or has no records. A run that goes on after step n keeps
// the records up to n, and cuts off those behind and a last line that is not complete.
type CSV struct {
	Path string // its directory must exist

	log logFile
}

const (
	columns    = "set,step,loss,grad_norm,rate,tokens"
	logColumns = columns + ",seconds\n"
)

// Start opens the file.
func (c *CSV) Start(_ context.Context, r Run) error { return c.open(r.Step, false) }

func (c *CSV) open(after int, back bool) (err error) {
	c.log, err = openLines(c.Path, logColumns, after, back, func(line string) (int, error) {
		fields := strings.Split(line, ",")
		if len(fields) != strings.Count(logColumns, ",")+1 {
			return 0, fmt.Errorf("got %d fields", len(fields))
		}
		return strconv.Atoi(fields[1])
	})
	return err
}

// Observe writes an [Update] or an [Evaluation], and cuts off what a [RolledBack] makes void.
func (c *CSV) Observe(e Event) error {
	switch e := e.(type) {
	case Update:
		return c.log.append([]byte(record("train", e.Point) + "," + number(e.Seconds) + "\n"))
	case Evaluation:
		return c.log.append([]byte(record("validation", e.Point) + "," + number(e.Seconds) + "\n"))
	case RolledBack:
		if err := c.log.close(); err != nil {
			return err
		}
		return c.open(e.Run.Step, true)
	}
	return nil
}

// End closes the file.
func (c *CSV) End(error) error { return c.log.close() }

// CSV returns all points as comma-separated values: a line of column names, then one line a point, the training points
// first. The column set is "train" or "validation". Floats have as many digits as it takes to read them back exactly;
// the others are NaN, +Inf and -Inf.
func (h *History) CSV() string {
	var b strings.Builder
	b.WriteString(columns + "\n")
	for _, p := range h.Train {
		b.WriteString(record("train", p) + "\n")
	}
	for _, p := range h.Validation {
		b.WriteString(record("validation", p) + "\n")
	}
	return b.String()
}

// record needs no quoting: no field holds a comma, a quote or a line break.
func record(set string, p Point) string {
	return strings.Join([]string{
		set,
		strconv.Itoa(p.Step),
		number(p.Loss),
		number(p.GradNorm),
		number(p.Rate),
		strconv.FormatInt(p.Tokens, 10),
	}, ",")
}

// number is the shortest text that strconv.ParseFloat reads back as v.
func number(v float64) string {
	return strconv.FormatFloat(v, 'g', -1, 64)
}
