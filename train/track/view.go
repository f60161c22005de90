package track

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// view is a board in JSON, as page.js reads it.
type view struct {
	Version    string      `json:"version"`
	Title      string      `json:"title"`
	Status     string      `json:"status"`
	Message    string      `json:"message"`
	Step       int         `json:"step"`
	Steps      int         `json:"steps"`
	Tokens     int64       `json:"tokens"`
	Loss       *jsonFloat  `json:"loss"` // null: none yet
	Nats       bool        `json:"nats"` // its exponential is a perplexity
	Validation *Point      `json:"validation"`
	Best       *Point      `json:"best"`
	Speed      jsonFloat   `json:"speed"`
	Elapsed    float64     `json:"elapsed"` // seconds
	Left       *float64    `json:"left"`    // seconds; null: unknown
	Charts     []viewChart `json:"charts"`
	Flows      []viewFlow  `json:"flows"`
	Texts      []viewText  `json:"texts"`
}

type viewChart struct {
	Name  string     `json:"name"`
	Unit  string     `json:"unit"`
	Whole bool       `json:"whole"`
	Lines []viewLine `json:"lines"`
}

type viewLine struct {
	Name   string `json:"name"`
	Smooth bool   `json:"smooth"`
	spans  []span
	Steps  []int   `json:"steps"`
	Mean   numbers `json:"mean"`
	Low    numbers `json:"low,omitempty"` // where points were merged
	High   numbers `json:"high,omitempty"`
}

type viewFlow struct {
	State string    `json:"state"`
	Time  int       `json:"time"`
	Rows  []flowRow `json:"rows"`
}

type viewText struct {
	Step int    `json:"step"`
	Name string `json:"name"`
	Text string `json:"text"`
}

// version changes with everything that is shown but the time.
func (b *board) version() string {
	return fmt.Sprintf("%d-%d-%s", b.begun.UnixNano(), b.changes, b.status)
}

// view copies what is shown. It is quick: the rest is up to encode.
func (b *board) view(now time.Time) *view {
	v := &view{
		Version: b.version(), Title: b.title, Status: b.status, Message: b.message,
		Nats: b.run.Unit == Nats, Step: b.newest.Point.Step, Steps: b.run.Steps, Tokens: b.newest.Point.Tokens,
		Validation: b.validation, Best: b.best, Elapsed: now.Sub(b.begun).Seconds(),
	}
	begin := speed{b.run.Tokens, b.run.Seconds}
	v.Speed = jsonFloat(begin.of(b.newest))
	if b.losses.weight > 0 {
		v.Loss = new(jsonFloat(b.mean))
	}
	if done := v.Step - b.run.Step; done > 0 && v.Steps > 0 && b.status == "training" {
		v.Left = new(v.Elapsed / float64(done) * float64(max(0, v.Steps-v.Step)))
	}
	for _, c := range b.charts {
		var lines []viewLine
		for _, l := range c.lines {
			if len(l.entries) > 0 {
				lines = append(lines, viewLine{Name: l.name, Smooth: l.smooth, spans: slices.Clone(l.entries)})
			}
		}
		if lines != nil {
			v.Charts = append(v.Charts, viewChart{c.name, c.unit, c.whole, lines})
		}
	}
	for _, f := range b.flows {
		v.Flows = append(v.Flows, viewFlow{f.state, f.time, slices.Clone(f.entries)})
	}
	for _, t := range slices.Backward(b.texts) {
		v.Texts = append(v.Texts, viewText(t))
	}
	return v
}

// encode writes the view in JSON.
func (v *view) encode() []byte {
	for _, c := range v.Charts {
		for i := range c.Lines {
			l := &c.Lines[i]
			merged := false
			for _, s := range l.spans {
				l.Steps = append(l.Steps, s.step)
				l.Mean = append(l.Mean, s.sum/float64(s.count))
				merged = merged || s.count > 1
			}
			if !merged {
				continue
			}
			for _, s := range l.spans {
				l.Low, l.High = append(l.Low, s.low), append(l.High, s.high)
			}
		}
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic("track: " + err.Error()) // all types have their place in JSON
	}
	return data
}

// numbers are written with as many digits as can be seen; null if not finite.
type numbers []float64

func (n numbers) MarshalJSON() ([]byte, error) {
	out := []byte{'['}
	for i, v := range n {
		if i > 0 {
			out = append(out, ',')
		}
		if !finite(v) {
			out = append(out, "null"...)
			continue
		}
		out = strconv.AppendFloat(out, v, 'g', 5, 64)
	}
	return append(out, ']'), nil
}

func (r flowRow) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Step  int     `json:"step"`
		Time  int     `json:"time"`
		Norms numbers `json:"norms"`
	}{r.step, r.time, r.norms})
}
