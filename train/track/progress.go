package track

import (
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

var _ Observer = (*Progress)(nil)

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
	run     Run       // as it began
	started time.Time // when it began
	shown   time.Time // when the line was last shown
	newest  status
	losses  average
	stale   bool // the newest step was not shown yet
	width   int  // columns that the live line takes on the screen
}

// Start begins a run. The time left is judged from the steps that it makes itself.
func (p *Progress) Start(_ context.Context, r Run) error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r.History = nil
	p.running, p.live = true, p.terminalColumns() > 0
	p.run, p.started, p.shown = r, p.time(), time.Time{}
	p.newest, p.losses, p.stale, p.width = status{}, average{}, false, 0
	return nil
}

// Observe shows an [Update], unless one was shown only just now: its step, the mean of about the last 50 losses, and the
// speed since Start. It does nothing before Start and after End.
func (p *Progress) Observe(e Event) error {
	u, ok := e.(Update)
	if p == nil || !ok {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running {
		return nil
	}
	begin := speed{p.run.Tokens, p.run.Seconds}
	p.newest, p.stale = status{u.Point.Step, p.run.Steps, p.losses.add(u.Point.Loss), p.run.Unit == Nats, begin.of(u)}, true
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
	return nil
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

// End shows the last step, if that is still to be done. To call it again does nothing.
func (p *Progress) End(error) error {
	if p == nil {
		return nil
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
	return nil
}

// show writes the newest step in a single write, which no other output can come between.
func (p *Progress) show(now time.Time) {
	p.shown, p.stale = now, false
	text := p.newest.describe(p.run.Step, now.Sub(p.started))
	if !p.live {
		p.write("step " + text + "\n")
		return
	}
	line := p.newest.withBar(text, p.terminalColumns())
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
