package track

import (
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// Progress shows how far a training run is: on a terminal as a bar that is redrawn in place at most ten times a second,
// elsewhere as a plain line now and then. The zero value is ready to use; a nil *Progress shows nothing. It starts no
// goroutine, and several may use it. It ignores write errors: a closed terminal should not stop a training run.
type Progress struct {
	Out   io.Writer     // nil: os.Stderr
	Every time.Duration // least time between two plain lines; 0: 5 s

	now     func() time.Time    // nil: time.Now
	columns func(io.Writer) int // nil: terminalColumns

	mu      sync.Mutex
	running bool
	live    bool      // Out is a terminal
	first   int       // the step that the run started after: 0, or where it was resumed
	total   int       // 0: unknown
	started time.Time // when the run started
	shown   time.Time // when the line was last shown
	last    Step      // the newest step
	stale   bool      // the newest step was not shown yet
	width   int       // columns that the live line takes on the screen
}

// Step is what a Progress shows of a training step.
type Step struct {
	Step            int     // parameter updates so far
	Total           int     // of the whole run; 0: what Start was given
	Loss            float64 // mean over the targets, in nats
	TokensPerSecond float64 // 0: not shown
}

// Start begins a run of total steps, of which step are done already: 0, or the step that a resumed run starts after.
// The time left is judged from the steps after it. A total of 0 is an unknown one.
func (p *Progress) Start(step, total int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running, p.live = true, p.terminalColumns() > 0
	p.first, p.total = step, total
	p.started, p.shown = p.time(), time.Time{}
	p.last, p.stale, p.width = Step{}, false, 0
}

// Step shows a step, unless the last one was shown only just now. It does nothing before Start and after Finish.
func (p *Progress) Step(s Step) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running {
		return
	}
	if s.Total == 0 {
		s.Total = p.total
	}
	p.last, p.stale = s, true
	pause := 100 * time.Millisecond
	if !p.live {
		pause = p.Every
		if pause == 0 {
			pause = 5 * time.Second
		}
	}
	if now := p.time(); p.shown.IsZero() || now.Sub(p.shown) >= pause {
		p.show(now)
	}
}

// Println prints text and a line break above the bar.
func (p *Progress) Println(text string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	erase := ""
	if p.width > 0 {
		erase = "\r" + strings.Repeat(" ", p.width) + "\r"
		p.width = 0
	}
	p.write(erase + text + "\n")
	if p.live && erase != "" {
		p.show(p.time())
	}
}

// Finish shows the last step, if that is still to be done, and ends the run. To call it again does nothing.
func (p *Progress) Finish() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running && p.stale {
		p.show(p.time())
	}
	if p.width > 0 {
		p.write("\n")
		p.width = 0
	}
	p.running, p.live = false, false
}

// show writes the newest step in a single write, which no other output can come between.
func (p *Progress) show(now time.Time) {
	p.shown, p.stale = now, false
	text := describe(p.last, p.first, now.Sub(p.started))
	if !p.live {
		p.write("step " + text + "\n")
		return
	}
	line := withBar(p.last, text, p.terminalColumns())
	width := utf8.RuneCountInString(line)
	// Blanks cover what a longer line before this one left. All terminals can do that; not all know escape codes.
	p.write("\r" + line + strings.Repeat(" ", max(0, p.width-width)))
	p.width = width
}

func (p *Progress) write(s string) {
	_, _ = io.WriteString(p.out(), s)
}

func (p *Progress) out() io.Writer {
	if p.Out == nil {
		return os.Stderr
	}
	return p.Out
}

func (p *Progress) time() time.Time {
	if p.now == nil {
		return time.Now()
	}
	return p.now()
}

func (p *Progress) terminalColumns() int {
	if p.columns == nil {
		return terminalColumns(p.out())
	}
	return p.columns(p.out())
}

// terminalColumns returns the width of the terminal that w writes to, and 0 when that is none.
func terminalColumns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
		return columns
	}
	return 80
}
