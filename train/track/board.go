package track

import (
	"slices"
	"strings"
	"time"
)

// board is all that a [Dashboard] shows, in bounded memory. It is not locked.
type board struct {
	title   string
	run     Run
	begun   time.Time
	status  string // "training", "finished" or "stopped"
	message string // why it stopped
	changes int

	newest     Update
	losses     average
	mean       float64 // of the newest losses
	speed      speed
	validation *Point // the newest; nil: none yet
	best       *Point
	charts     []*chart
	flows      []*flowChart
	texts      []Text
}

// The limits are on what a run may show under names of its own.
const (
	maxScalars = 16
	maxFlows   = 8
	maxTexts   = 20
	maxText    = 4000 // bytes
)

// chart is a picture of one or two lines over the training steps.
type chart struct {
	name, unit string
	whole      bool // its axis starts at 0
	lines      []chartLine
}

type chartLine struct {
	name   string
	smooth bool // it is noisy
	trace
}

// The charts that every run has.
const (
	lossChart = iota
	normChart
	rateChart
	speedChart
	fixedCharts
)

func newBoard(title string, r Run, now time.Time) *board {
	b := &board{
		title: title, run: r, begun: now, status: "training",
		newest: Update{Point: Point{Step: r.Step, Tokens: r.Tokens}, Seconds: r.Seconds},
		speed:  speed{r.Tokens, r.Seconds},
		charts: []*chart{
			lossChart: {name: "Loss", unit: lossUnit(r.Unit), lines: []chartLine{
				{"training", true, newTrace()}, {"validation", false, newTrace()},
			}},
			normChart:  {name: "Gradient norm", unit: "before clipping", lines: []chartLine{{"norm", true, newTrace()}}},
			rateChart:  {name: "Learning rate", whole: true, lines: []chartLine{{"rate", false, newTrace()}}},
			speedChart: {name: "Speed", unit: "tokens per second", whole: true, lines: []chartLine{{"speed", true, newTrace()}}},
		},
	}
	if h := r.History; h != nil {
		for _, p := range h.Train {
			b.train(p)
		}
		for _, p := range h.Validation {
			b.validate(p)
		}
	}
	b.run.History = nil
	return b
}

func (b *board) train(p Point) {
	b.mean = b.losses.add(p.Loss)
	b.charts[lossChart].lines[0].add(p.Step, p.Loss)
	b.charts[normChart].lines[0].add(p.Step, p.GradNorm)
	if rates := &b.charts[rateChart].lines[0]; p.Rate > 0 || len(rates.entries) > 0 { // 0: not told
		rates.add(p.Step, p.Rate)
	}
}

func (b *board) validate(p Point) {
	b.charts[lossChart].lines[1].add(p.Step, p.Loss)
	b.validation = &p
	if finite(p.Loss) && (b.best == nil || p.Loss < b.best.Loss) {
		b.best = &p
	}
}

func (b *board) observe(e Event) {
	b.changes++
	switch e := e.(type) {
	case Update:
		b.newest = e
		b.train(e.Point)
		if v := b.speed.of(e); v > 0 {
			b.charts[speedChart].lines[0].add(e.Point.Step, v)
		}
	case Evaluation:
		b.validate(e.Point)
	case Scalar:
		b.scalar(e)
	case RolledBack:
		fresh := newBoard(b.title, e.Run, b.begun)
		fresh.changes, fresh.texts = b.changes, b.texts
		*b = *fresh
	case Flow:
		if len(e.Norms) > 0 {
			b.flow(e)
		}
	case Text:
		if len(e.Text) > maxText {
			e.Text = strings.ToValidUTF8(e.Text[:maxText], "") + " …"
		}
		b.texts = append(b.texts[max(0, len(b.texts)+1-maxTexts):], e)
	}
}

// end says how the run ended.
func (b *board) end(err error) {
	b.status = "finished"
	if err != nil {
		b.status, b.message = "stopped", err.Error()
	}
}

func (b *board) scalar(e Scalar) {
	for _, c := range b.charts[fixedCharts:] {
		if c.name == e.Name {
			c.lines[0].add(e.Step, e.Value)
			return
		}
	}
	if len(b.charts) < fixedCharts+maxScalars {
		b.charts = append(b.charts, &chart{name: e.Name, lines: []chartLine{{e.Name, false, newTrace()}}})
		b.scalar(e)
	}
}

// flowChart is a map of gradient norms, time step by training step.
type flowChart struct {
	state string
	time  int // time steps of the longest window
	bounded[flowRow]
}

// flowRow is the norms of one update.
type flowRow struct {
	step  int
	time  int       // time steps of the window
	norms []float64 // of equal parts of it
}

func (b *board) flow(e Flow) {
	for _, f := range b.flows {
		if f.state == e.State {
			f.time = max(f.time, len(e.Norms))
			f.add(flowRow{e.Step, len(e.Norms), largest(e.Norms, 100)})
			return
		}
	}
	if len(b.flows) < maxFlows {
		newer := func(_, newer flowRow) flowRow { return newer }
		b.flows = append(b.flows, &flowChart{state: e.State, bounded: bounded[flowRow]{limit: 120, merge: newer}})
		b.flow(e)
	}
}

// largest returns the largest values of at most so many equal parts of a list.
func largest(values []float64, parts int) []float64 {
	if len(values) <= parts {
		return slices.Clone(values)
	}
	out := make([]float64, parts)
	for i := range out {
		out[i] = slices.Max(values[i*len(values)/parts : (i+1)*len(values)/parts])
	}
	return out
}
