package track

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
)

// status is what a Progress shows of a step.
type status struct {
	step      int
	steps     int // of the whole run; 0: unknown
	loss      float64
	nats      bool    // its exponential is a perplexity
	perSecond float64 // tokens; 0: not shown
}

// describe writes the numbers of a run that started elapsed ago, after the step first.
func (s status) describe(first int, elapsed time.Duration) string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(s.step))
	if s.steps > 0 {
		fmt.Fprintf(&b, "/%d", s.steps)
	}
	fmt.Fprintf(&b, "  loss %s", loss(s.loss))
	if s.nats {
		fmt.Fprintf(&b, "  ppl %s", perplexity(math.Exp(s.loss)))
	}
	if s.perSecond > 0 {
		fmt.Fprintf(&b, "  %s tok/s", rate(s.perSecond))
	}
	switch done := s.step - first; {
	case s.steps > 0 && s.step >= s.steps:
		fmt.Fprintf(&b, "  in %s", duration(elapsed.Seconds()))
	case s.steps > 0 && done > 0:
		fmt.Fprintf(&b, "  %s left", duration(elapsed.Seconds()/float64(done)*float64(s.steps-s.step)))
	}
	return b.String()
}

// withBar puts a bar before the text where the terminal has room for one, and cuts the text where it has not.
func (s status) withBar(text string, columns int) string {
	// A line that fills the last column makes some terminals start the next one.
	room := columns - 1 - len(" 100% || ") - len(text)
	if s.steps > 0 && room >= 4 {
		bar := progressbar.NewOptions(s.steps,
			progressbar.OptionSetWriter(io.Discard),
			progressbar.OptionSetWidth(min(room, 30)),
			progressbar.OptionSetPredictTime(false), // by a clock of its own, from step 0
		)
		_ = bar.Set(min(max(s.step, 0), s.steps))
		_ = bar.RenderBlank() // under 1 % Set draws nothing
		return strings.TrimRight(strings.TrimPrefix(bar.String(), "\r"), " ") + " " + text
	}
	text = "step " + text
	return text[:max(0, min(len(text), columns-1))]
}
