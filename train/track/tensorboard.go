package track

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

var _ Observer = (*TensorBoard)(nil)

// TensorBoard logs all events to files that TensorBoard reads: `tensorboard --logdir Dir`. An update is the scalars
// loss/train, gradient/norm, learning rate and tokens per second; an evaluation is loss/validation. A gradient flow is
// a histogram over the time steps whose heights are the norms.
//
// Every event is handed to the operating system at once, so a crash of the program loses none. A run that begins at
// step 0 wants a directory without a log of this kind; files of other programs don't matter. A run that goes on after
// step n keeps the events up to n, cuts off those behind, and begins a file of its own, so that a TensorBoard that is
// looking on follows.
type TensorBoard struct {
	Dir string // is made if it doesn't exist

	log   logFile
	speed speed
}

// TensorBoard takes every file with "tfevents" in its name, in the order of the names.
const (
	eventsPrefix = "events.out.tfevents."
	eventsSuffix = ".bptt"
)

// Start makes a file for the run.
func (t *TensorBoard) Start(_ context.Context, r Run) error { return t.begin(r, false) }

func (t *TensorBoard) begin(r Run, back bool) error {
	t.log = logFile{path: t.Dir}
	if err := t.open(r, back); err != nil {
		t.log.close() // err says what is wrong
		return logError(t.log.path, err)
	}
	t.speed = speed{r.Tokens, r.Seconds}
	return nil
}

func (t *TensorBoard) open(r Run, back bool) error {
	if err := os.MkdirAll(t.Dir, 0o777); err != nil {
		return err
	}
	entries, err := os.ReadDir(t.Dir) // sorted
	if err != nil {
		return err
	}
	number := 0
	for _, e := range entries {
		n, ok := eventsNumber(e.Name())
		if !ok {
			continue
		}
		number = n
		if err := cutEvents(filepath.Join(t.Dir, e.Name()), r.Step, back); err != nil {
			return err
		}
	}
	t.log.path = filepath.Join(t.Dir, eventsName(number+1))
	if t.log.file, err = os.OpenFile(t.log.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); err != nil {
		return err
	}
	if err := t.write(event(0).text(versionField, "brain.Event:2")); err != nil {
		return err
	}
	// The start of a second session tells a TensorBoard that has read events from its step on to forget them.
	const start = 1
	return t.write(event(r.Step+1).bytes(sessionField, message(nil).integer(1, start)))
}

func eventsName(number int) string {
	return fmt.Sprintf("%s%010d%s", eventsPrefix, number, eventsSuffix)
}

// eventsNumber is the number in the name of a log file.
func eventsNumber(name string) (number int, ok bool) {
	digits := strings.TrimSuffix(strings.TrimPrefix(name, eventsPrefix), eventsSuffix)
	number, err := strconv.Atoi(digits)
	return number, err == nil && number > 0 && name == eventsName(number)
}

// cutEvents cuts off the events after a step, and what is damaged.
func cutEvents(path string, after int, back bool) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	reader, kept := bufio.NewReader(file), int64(0)
	for {
		data, err := readRecord(reader, info.Size()-kept)
		if err != nil {
			return err
		}
		step, kind, ok := readEvent(data)
		if after == 0 && !back && kind == summaryField {
			return earlier(path, step)
		}
		if !ok || kind == summaryField && step > after {
			return file.Truncate(kept)
		}
		kept += recordFrame + int64(len(data))
	}
}

// readEvent returns the step of an event that was written here, and which field follows it.
func readEvent(data []byte) (step int, kind uint64, ok bool) {
	const head = 1 + 8 + 1 // the tag and the value of wall_time, the tag of step
	if len(data) < head {
		return 0, 0, false
	}
	value, n := binary.Uvarint(data[head:])
	tag, m := binary.Uvarint(data[head+max(0, n):])
	return int(int64(value)), tag >> 3, n > 0 && m > 0
}

// Observe writes an event. At a [RolledBack] it goes on as a resumed run does.
func (t *TensorBoard) Observe(e Event) error {
	var values [][]byte
	scalar := func(name string, v float64) {
		values = append(values, message(nil).text(1, name).float(2, v))
	}
	switch e := e.(type) {
	case RolledBack:
		if err := t.log.close(); err != nil {
			return err
		}
		return t.begin(e.Run, true)
	case Update:
		scalar("loss/train", e.Point.Loss)
		scalar("gradient/norm", e.Point.GradNorm)
		scalar("learning rate", e.Point.Rate)
		if v := t.speed.of(e); v > 0 {
			scalar("tokens per second", v)
		}
	case Evaluation:
		scalar("loss/validation", e.Point.Loss)
	case Scalar:
		scalar(e.Name, e.Value)
	case Text:
		values = append(values, textValue(e.Name, e.Text))
	case Flow:
		if len(e.Norms) > 0 {
			values = append(values, histogramValue("gradient flow/"+e.State, 0, float64(len(e.Norms)), e.Norms))
		}
	case Histogram:
		heights := make([]float64, len(e.Counts))
		for i, n := range e.Counts {
			heights[i] = float64(n)
		}
		if len(heights) > 0 {
			values = append(values, histogramValue(e.Name, e.Low, e.High, heights))
		}
	case Image:
		value, err := imageValue(e.Name, e.PNG)
		if err != nil {
			return err
		}
		values = append(values, value)
	}
	if len(values) == 0 {
		return nil
	}
	var summary message
	for _, v := range values {
		summary = summary.bytes(1, v)
	}
	return t.write(event(e.at()).bytes(summaryField, summary))
}

// End closes the file.
func (t *TensorBoard) End(error) error { return t.log.close() }

// The fields of an Event that follow wall_time and step.
const (
	versionField = 3
	summaryField = 5
	sessionField = 7
)

// event begins an Event: wall_time, step.
func event(step int) message {
	return message(nil).double(1, float64(time.Now().UnixNano())/1e9).integer(2, int64(step))
}

func (t *TensorBoard) write(event message) error { return t.log.append(appendRecord(nil, event)) }

// textValue is a Summary.Value for the text plugin, which reads Markdown: an indented text is left as it is.
func textValue(name, text string) []byte {
	text = "    " + strings.ReplaceAll(text, "\n", "\n    ")
	const dtString = 7
	shape := message(nil).bytes(2, message(nil).integer(1, 1)) // one dimension of size 1
	tensor := message(nil).integer(1, dtString).bytes(2, shape).text(8, text)
	plugin := message(nil).text(1, "text")
	return message(nil).text(1, name).bytes(8, tensor).bytes(9, message(nil).bytes(1, plugin))
}

// histogramValue is a Summary.Value with bins of these heights between two ends.
func histogramValue(name string, low, high float64, heights []float64) []byte {
	limits := make([]float64, len(heights)) // right ends of the bins
	width := (high - low) / float64(len(heights))
	var num, sum, squares float64
	for i, n := range heights {
		limits[i] = low + width*float64(i+1)
		middle := limits[i] - width/2
		num, sum, squares = num+n, sum+n*middle, squares+n*middle*middle
	}
	histogram := message(nil).double(1, low).double(2, high).double(3, num).double(4, sum).double(5, squares).
		doubles(6, limits).doubles(7, heights)
	return message(nil).text(1, name).bytes(5, histogram)
}

func imageValue(name string, data []byte) ([]byte, error) {
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, &ArgumentError{Name: fmt.Sprintf("Image.PNG of %q", name), Got: err.Error(), Want: "a picture in PNG"}
	}
	const rgba = 4
	image := message(nil).integer(1, int64(config.Height)).integer(2, int64(config.Width)).integer(3, rgba).bytes(4, data)
	return message(nil).text(1, name).bytes(4, image), nil
}
