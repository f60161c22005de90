package track

import (
	"fmt"
	"image/color"
	"strconv"
	"strings"
)

// DOT returns the network of Unrolled as a graph in the language of Graphviz, with the norms. The whole graph of a compiled
// window, each op a node, is graph.Program.Graph.
func (f *GradientFlow) DOT() string {
	rows, lags := f.unrolled()
	scale := scaleOfRows(rows)
	var b strings.Builder
	b.WriteString("digraph unrolled {\n\trankdir=LR;\n\tnode [shape=circle, style=filled, fontsize=10, fontname=\"Helvetica\"];\n")
	id := func(name string, lag int) string { return strconv.Quote(fmt.Sprintf("%s t%s", name, lagLabel(lag))) }
	for column, lag := range lags {
		below, layer := []string{id("input", lag)}, []string(nil)
		fmt.Fprintf(&b, "\t{ rank=same; %s [shape=box, fillcolor=white, label=\"input\\nt %s\"];", below[0], lagLabel(lag))
		for _, r := range rows {
			c := scale.color(r.norms[column])
			fmt.Fprintf(&b, " %s [fillcolor=%q, fontcolor=%q, label=\"%s\\n%.1e\"];",
				id(r.state, lag), hex(c), hex(readable(c)), escaped(r.state), r.norms[column])
		}
		b.WriteString(" }\n")
		for _, r := range rows {
			if !r.beside && layer != nil {
				below, layer = layer, nil
			}
			for _, from := range below {
				fmt.Fprintf(&b, "\t%s -> %s [color=gray];\n", from, id(r.state, lag))
			}
			layer = append(layer, id(r.state, lag))
		}
	}
	for _, r := range rows {
		for column, norm := range r.norms {
			next := column + 1
			if r.reverse {
				next = column - 1
			}
			if next >= 0 && next < len(lags) {
				fmt.Fprintf(&b, "\t%s -> %s [color=%q, penwidth=3%s];\n",
					id(r.state, lags[column]), id(r.state, lags[next]), hex(visible(scale.color(norm))), map[bool]string{true: ", constraint=false"}[r.reverse])
			}
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// readable is the colour of text on a colour.
func readable(c color.RGBA) color.RGBA {
	if 0.3*float64(c.R)+0.59*float64(c.G)+0.11*float64(c.B) > 120 {
		return color.RGBA{0, 0, 0, 255}
	}
	return color.RGBA{255, 255, 255, 255}
}

// escaped is text within quotes in DOT.
func escaped(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(s)
}

// hex is a colour as HTML and DOT write it.
func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
