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

// describe writes the numbers of a step of a run that started elapsed ago, after the step first.
func describe(s Step, first int, elapsed time.Duration) string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(s.Step))
	if s.Total > 0 {
		fmt.Fprintf(&b, "/%d", s.Total)
	}
	fmt.Fprintf(&b, "  loss %s  ppl %s", loss(s.Loss), perplexity(math.Exp(s.Loss)))
	if s.TokensPerSecond > 0 {
		fmt.Fprintf(&b, "  %s tok/s", rate(s.TokensPerSecond))
	}
	switch done := s.Step - first; {
	case s.Total > 0 && s.Step >= s.Total:
		fmt.Fprintf(&b, "  in %s", duration(elapsed.Seconds()))
	case s.Total > 0 && done > 0:
		fmt.Fprintf(&b, "  %s left", duration(elapsed.Seconds()/float64(done)*float64(s.Total-s.Step)))
	}
	return b.String()
}

// withBar puts a bar before the text where the terminal has room for one, and cuts the text where it has not.
func withBar(s Step, text string, columns int) string {
	// A line that fills the last column makes some terminals start the next one.
	room := columns - 1 - len(" 100% || ") - len(text)
	if s.Total > 0 && room >= 4 {
		bar := progressbar.NewOptions(s.Total,
			progressbar.OptionSetWriter(io.Discard),
			progressbar.OptionSetWidth(min(room, 30)),
			progressbar.OptionSetPredictTime(false), // by a clock of its own, from step 0
		)
		_ = bar.Set(min(max(s.Step, 0), s.Total))
		_ = bar.RenderBlank() // under 1 % Set draws nothing
		return strings.TrimRight(strings.TrimPrefix(bar.String(), "\r"), " ") + " " + text
	}
	text = "step " + text
	return text[:max(0, min(len(text), columns-1))]
}
