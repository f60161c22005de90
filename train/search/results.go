package search

import (
	"encoding/csv"
	"fmt"
	"html"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Results are the trials of a study. A notebook shows them as a table.
type Results struct {
	Parameters []string // names, in the order of the space
	Trials     []Trial  // in the order of their numbers
	Maximize   bool     // the highest value is the best
}

// Best returns the complete trial with the lowest value, or the highest if that was looked for; the first one of equals. Values
// that are NaN or infinite don't count. ok is false if no other is left.
func (r Results) Best() (best Trial, ok bool) {
	for _, t := range r.Trials {
		if t.State != Complete || !finite(t.Value) {
			continue
		}
		if !ok || t.Value < best.Value && !r.Maximize || t.Value > best.Value && r.Maximize {
			best, ok = t, true
		}
	}
	return best, ok
}

// columns are the heads of a table.
func (r Results) columns() []string {
	return append(append([]string{"trial"}, r.Parameters...), "value", "step", "state", "seconds", "error")
}

// row is a line of a table.
func (t *Trial) row(number func(any) string) []string {
	cells := []string{strconv.Itoa(t.Number)}
	for _, v := range t.Params.values {
		cells = append(cells, number(v))
	}
	step, text := "", ""
	if len(t.Reports) > 0 {
		step = strconv.Itoa(t.last().Step)
	}
	if t.Err != nil && t.State != Pruned {
		text = t.Err.Error()
	}
	return append(cells, number(t.Value), step, string(t.State), number(t.Seconds), text)
}

// String is a table, with a star before the best trial.
func (r Results) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	oneLine := strings.NewReplacer("\t", " ", "\n", " ", "\r", " ", "\v", " ", "\f", " ")
	line := func(mark string, cells []string) {
		for i, c := range cells {
			cells[i] = oneLine.Replace(c)
		}
		fmt.Fprintln(w, mark+strings.Join(cells, "\t"))
	}
	best, ok := r.Best()
	line("  ", r.columns())
	for _, t := range r.Trials {
		mark := "  "
		if ok && t.Number == best.Number {
			mark = "* "
		}
		line(mark, t.row(short))
	}
	w.Flush() // to memory
	var trimmed []string
	for _, l := range strings.Split(b.String(), "\n") {
		trimmed = append(trimmed, strings.TrimRight(l, " "))
	}
	return strings.Join(trimmed, "\n")
}

// CSV returns the table as comma-separated values, with numbers as exact as they are.
func (r Results) CSV() string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Write(r.columns())
	for _, t := range r.Trials {
		w.Write(t.row(exact))
	}
	w.Flush() // to memory
	return b.String()
}

// HTML returns the table, with the best trial in bold type.
func (r Results) HTML() string {
	var b strings.Builder
	line := func(style, cell string, cells []string) {
		fmt.Fprintf(&b, "<tr%s>", style)
		for _, c := range cells {
			fmt.Fprintf(&b, "<%s>%s</%s>", cell, html.EscapeString(c), cell)
		}
		b.WriteString("</tr>\n")
	}
	best, ok := r.Best()
	b.WriteString("<table>\n")
	line("", "th", r.columns())
	for _, t := range r.Trials {
		style := ""
		if ok && t.Number == best.Number {
			style = ` style="font-weight: bold"`
		}
		line(style, "td", t.row(short))
	}
	b.WriteString("</table>\n")
	return b.String()
}
