package track

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

var _ Observer = (*JSONLines)(nil)

// JSONLines logs all events but images to a file, one JSON object a line:
//
//	{"event":"update","step":1,"loss":4.17,"grad_norm":2.5,"rate":0.002,"tokens":3200,"seconds":0.5}
//	{"event":"evaluation","step":1,"loss":4.02,"grad_norm":0,"rate":0,"tokens":3200,"seconds":0.5}
//	{"event":"text","step":1,"name":"sample","text":"func"}
//	{"event":"scalar","step":1,"name":"accuracy (%)","value":21.5}
//	{"event":"flow","step":1,"state":"1.h_l0","norms":[0.01,0.1,1]}
//	{"event":"histogram","step":1,"name":"1.h_l0 forget gate","low":0,"high":1,"counts":[3,0,7]}
//
// Floats have as many digits as it takes to read them back exactly; the others are "NaN", "+Inf" and "-Inf". What [CSV]
// says of crashes and of runs that go on holds here too.
type JSONLines struct {
	Path string // its directory must exist

	log logFile
}

// Start opens the file.
func (j *JSONLines) Start(_ context.Context, r Run) error { return j.open(r.Step, false) }

func (j *JSONLines) open(after int, back bool) (err error) {
	j.log, err = openLines(j.Path, `{"event":"`, after, back, func(line string) (int, error) {
		var record struct {
			Step *int `json:"step"`
		}
		err := json.Unmarshal([]byte(line), &record)
		if err == nil && record.Step == nil {
			err = errors.New("no step")
		}
		if err != nil {
			return 0, err
		}
		return *record.Step, nil
	})
	return err
}

// Observe writes an event, and cuts off what a [RolledBack] makes void.
func (j *JSONLines) Observe(e Event) error {
	switch e := e.(type) {
	case Update:
		return j.write("update", e.Point.Step, point(e.Point, e.Seconds)...)
	case Evaluation:
		return j.write("evaluation", e.Point.Step, point(e.Point, e.Seconds)...)
	case Text:
		return j.write("text", e.Step, field{"name", e.Name}, field{"text", e.Text})
	case Scalar:
		return j.write("scalar", e.Step, field{"name", e.Name}, field{"value", jsonFloat(e.Value)})
	case Flow:
		norms := make([]jsonFloat, len(e.Norms))
		for i, v := range e.Norms {
			norms[i] = jsonFloat(v)
		}
		return j.write("flow", e.Step, field{"state", e.State}, field{"norms", norms})
	case Histogram:
		return j.write("histogram", e.Step, field{"name", e.Name},
			field{"low", jsonFloat(e.Low)}, field{"high", jsonFloat(e.High)}, field{"counts", e.Counts})
	case RolledBack:
		if err := j.log.close(); err != nil {
			return err
		}
		return j.open(e.Run.Step, true)
	}
	return nil
}

// End closes the file.
func (j *JSONLines) End(error) error { return j.log.close() }

// field is a member of a JSON object.
type field struct {
	name  string
	value any
}

func point(p Point, seconds float64) []field {
	return []field{
		{"loss", jsonFloat(p.Loss)}, {"grad_norm", jsonFloat(p.GradNorm)}, {"rate", jsonFloat(p.Rate)},
		{"tokens", p.Tokens}, {"seconds", jsonFloat(seconds)},
	}
}

// write writes an object with its fields in their order.
func (j *JSONLines) write(event string, step int, fields ...field) error {
	line := fmt.Appendf(nil, `{"event":"%s","step":%d`, event, step)
	for _, f := range fields {
		var value bytes.Buffer
		encoder := json.NewEncoder(&value)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(f.value); err != nil {
			return &LogError{Path: j.Path, Err: err}
		}
		line = fmt.Appendf(line, `,"%s":%s`, f.name, bytes.TrimSpace(value.Bytes()))
	}
	return j.log.append(append(line, "}\n"...))
}
