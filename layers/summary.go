package layers

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gobptt/bptt/graph"
)

// Summary returns a table of a model's parameters, to be printed. A layer without parameters isn't in it.
func Summary(model Layer) ParamTable { return model.Params() }

// ParamTable is a list of parameters that prints as a table: shapes and numbers of elements, by layer, which is a
// parameter's name up to the last dot. A notebook shows the table's HTML.
type ParamTable []graph.NamedParam

// Total returns the number of elements. A parameter under two names (shared weights) is counted once.
func (t ParamTable) Total() int {
	_, total := t.rows()
	return total
}

// String returns the table as text.
func (t ParamTable) String() string {
	rows, _ := t.rows()
	var width [3]int
	for _, r := range rows {
		for i, cell := range r {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%-*s  %-*s  %*s\n", width[0], r[0], width[1], r[1], width[2], r[2])
	}
	return b.String()
}

// HTML returns the table as HTML.
func (t ParamTable) HTML() string {
	rows, _ := t.rows()
	var b strings.Builder
	b.WriteString("<table>\n")
	for i, r := range rows {
		tag := "td"
		if i == 0 {
			tag = "th"
		}
		b.WriteString("<tr>")
		for i, cell := range r {
			align := "left"
			if i == 2 {
				align = "right"
			}
			fmt.Fprintf(&b, `<%s style="text-align:%s;white-space:pre">%s</%[1]s>`, tag, align, html.EscapeString(cell))
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</table>\n")
	return b.String()
}

// rows returns the table's cells, with a header, a row for each layer, and the total, which it also returns by itself.
func (t ParamTable) rows() ([][3]string, int) {
	var names []string
	below := map[string][][3]string{} // by layer
	counts := map[string]int{}
	seen := map[*graph.Param]bool{}
	total := 0
	for _, p := range t {
		dot := strings.LastIndexByte(p.Name, '.')
		layer, name := p.Name[:max(dot, 0)], p.Name[dot+1:]
		if below[layer] == nil {
			names = append(names, layer)
		}
		if layer != "" {
			name = "  " + name
		}
		switch {
		case p.Param == nil:
			below[layer] = append(below[layer], [3]string{name, "nil", "0"})
		case seen[p.Param]:
			below[layer] = append(below[layer], [3]string{name, fmt.Sprint(p.Shape()), "shared"})
		default:
			seen[p.Param] = true
			n := p.Value.Len()
			below[layer] = append(below[layer], [3]string{name, fmt.Sprint(p.Shape()), strconv.Itoa(n)})
			counts[layer] += n
			total += n
		}
	}
	rows := [][3]string{{"parameter", "shape", "elements"}}
	for _, layer := range names {
		if layer != "" {
			rows = append(rows, [3]string{layer, "", strconv.Itoa(counts[layer])})
		}
		rows = append(rows, below[layer]...)
	}
	return append(rows, [3]string{"total", "", strconv.Itoa(total)}), total
}
