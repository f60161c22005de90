package track

import (
	"fmt"
	"html"
	"strings"
)

// HTML returns the learning curve as a page that needs no other file. A notebook shows it in a cell.
func (h *History) HTML() string {
	var facts []string
	if n := len(h.Train); n > 0 {
		last := h.Train[n-1]
		facts = append(facts, fmt.Sprintf("%s steps, %s tokens", thousands(float64(last.Step)), thousands(float64(last.Tokens))),
			"last training loss "+loss(last.Loss))
	}
	if best, ok := h.Best(); ok {
		facts = append(facts, fmt.Sprintf("best validation loss %s at step %s", loss(best.Loss), thousands(float64(best.Step))))
	}
	return htmlPage("Learning curve", strings.Join(facts, "; "), h.SVG())
}

// HTML returns all that was collected as a page that needs no other file: the heat map, the unrolled network and the charts.
// A notebook shows it in a cell.
func (f *GradientFlow) HTML() string {
	var facts string
	parts := []string{f.HeatMap().SVG(), f.ByLag().SVG(), f.Unrolled().SVG(), f.Norms().SVG(), f.Ratios().SVG()}
	if f != nil {
		facts = fmt.Sprintf("%d updates, of which %d are kept; %.1f %% were clipped.", f.seen, len(f.Updates), 100*f.ClipRate())
		if len(f.Radii) > 0 {
			parts = append(parts, f.SpectralRadii().SVG())
		}
	}
	if saturation := f.Saturation(); len(saturation.Lines) > 0 {
		parts = append(parts, saturation.SVG(), f.Activations().SVG())
	}
	return htmlPage("Gradient flow", facts, parts...)
}

// htmlPage is an HTML page of pictures.
func htmlPage(title, facts string, pictures ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>%s</title></head>\n"+
		"<body style=\"font-family: Arial, Helvetica, sans-serif; color: #333\">\n<h1>%s</h1>\n<p>%s</p>\n", html.EscapeString(title), html.EscapeString(title), html.EscapeString(facts))
	for _, svg := range pictures {
		if _, picture, ok := strings.Cut(svg, "?>"); ok { // a page has no declaration of XML in it
			svg = picture
		}
		b.WriteString("<div>\n" + strings.TrimSpace(svg) + "\n</div>\n")
	}
	b.WriteString("</body>\n</html>\n")
	return b.String()
}
