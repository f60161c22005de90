package track

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

var picture = sync.OnceValue((&History{}).PNG)

// eventsOf is what happens at a step: an update, and at every fifth one everything else.
func eventsOf(step int) []Event {
	x := float64(step)
	p := Point{Step: step, Loss: 3 / x, GradNorm: x / 7, Rate: 1e-3, Tokens: 100 * int64(step)}
	events := []Event{Update{p, x / 10}}
	if step%5 == 0 {
		events = append(events,
			Flow{step, "1.h_l0", []float64{x, 2 * x, 3 * x}},
			Histogram{step, "forget gate", 0, 1, []int{1, step, 3}},
			Evaluation{Point{Step: step, Loss: 4 / x, Tokens: p.Tokens}, x / 10},
			Scalar{step, "accuracy (%)", 10 * x},
			Text{step, "sample", fmt.Sprintf("func <f%d>() {\n\t\"é\xff\",\n}", step)},
			Image{step, "curve", picture()},
		)
	}
	return events
}

// log is a kind of log: how it is begun in a directory, and an independent reader of what it then holds, one string a
// record, without times.
type log struct {
	begin func(dir string) Observer
	read  func(t *testing.T, dir string) []string
}

var logs = map[string]log{
	"CSV": {
		func(dir string) Observer { return &CSV{Path: filepath.Join(dir, "run.csv")} },
		readCSV,
	},
	"JSON lines": {
		func(dir string) Observer { return &JSONLines{Path: filepath.Join(dir, "run.jsonl")} },
		readJSONLines,
	},
	"TensorBoard": {
		func(dir string) Observer { return &TensorBoard{Dir: filepath.Join(dir, "run")} },
		readEvents,
	},
}

func readCSV(t *testing.T, dir string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "run.csv"))
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(bytes.NewReader(data)).ReadAll() // all lines must have as many fields
	if err != nil {
		t.Fatal(err)
	}
	if header := strings.Join(records[0], " "); header != "set step loss grad_norm rate tokens seconds" {
		t.Fatalf("header %q", header)
	}
	var all []string
	for _, r := range records[1:] {
		all = append(all, fmt.Sprint(r[:6]))
	}
	return all
}

func readJSONLines(t *testing.T, dir string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "run.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(data)) {
		record := map[string]any{}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		delete(record, "seconds")
		all = append(all, fmt.Sprint(record)) // sorted by name
	}
	return all
}

// train tells an observer of the steps after first up to last.
func train(t *testing.T, o Observer, first, last int) {
	t.Helper()
	run := Run{Step: first, Steps: 20, Tokens: 100 * int64(first), Seconds: float64(first) / 10}
	if err := o.Start(context.Background(), run); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.End(nil) })
	observe(t, o, first, last)
}

func observe(t *testing.T, o Observer, first, last int) {
	t.Helper()
	for step := first + 1; step <= last; step++ {
		for _, e := range eventsOf(step) {
			if err := o.Observe(e); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// files are the log files in a directory.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sameRecords(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A log of a run that was killed and resumed twice has the records of the run that wasn't, each once, in order.
func TestLogsAfterResume(t *testing.T) {
	for name, log := range logs {
		t.Run(name, func(t *testing.T) {
			straight := t.TempDir()
			o := log.begin(straight)
			train(t, o, 0, 20)
			if err := o.End(nil); err != nil {
				t.Error(err)
			}
			want := log.read(t, straight)
			if len(want) < 20 {
				t.Fatalf("%d records", len(want))
			}

			dir := t.TempDir()
			train(t, log.begin(dir), 0, 13) // killed: no End
			train(t, log.begin(dir), 10, 17)
			train(t, log.begin(dir), 15, 15)
			o = log.begin(dir)
			train(t, o, 15, 20)
			sameRecords(t, log.read(t, dir), want) // before the end
			if err := errors.Join(o.End(nil), o.End(nil)); err != nil {
				t.Error(err)
			}
			sameRecords(t, log.read(t, dir), want)
		})
	}
}

// A log of a run that went back, once to its start, has the records of one that didn't.
func TestLogsAfterRollBack(t *testing.T) {
	for name, log := range logs {
		t.Run(name, func(t *testing.T) {
			straight := t.TempDir()
			train(t, log.begin(straight), 0, 20)
			dir := t.TempDir()
			o := log.begin(dir)
			train(t, o, 0, 4)
			for _, at := range []struct{ back, on int }{{0, 13}, {10, 17}, {15, 20}} {
				run := Run{Step: at.back, Steps: 20, Tokens: 100 * int64(at.back), Seconds: float64(at.back) / 10}
				if err := o.Observe(RolledBack{run}); err != nil {
					t.Fatal(err)
				}
				observe(t, o, at.back, at.on)
			}
			sameRecords(t, log.read(t, dir), log.read(t, straight))
		})
	}
}

// A log that was torn at any byte, and may have blocks of zeros behind that, goes on with the whole records that are
// left.
func TestTornLogs(t *testing.T) {
	for name, log := range logs {
		t.Run(name, func(t *testing.T) {
			source := t.TempDir()
			o := log.begin(source)
			train(t, o, 0, 3)
			o.End(nil)
			all := log.read(t, source)
			file := files(t, source)[0]
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			relative, err := filepath.Rel(source, file)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			path := filepath.Join(dir, relative)
			before := 0
			for size := range len(data) + 1 {
				if err := os.RemoveAll(filepath.Dir(path)); err != nil {
					t.Fatal(err)
				}
				if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
					t.Fatal(err)
				}
				torn := data[:size:size]
				if size > 0 && size%2 == 0 {
					torn = append(torn, make([]byte, 100)...)
				}
				if err := os.WriteFile(path, torn, 0o666); err != nil {
					t.Fatal(err)
				}
				o := log.begin(dir)
				train(t, o, 2, 2)
				kept := log.read(t, dir)
				if !slices.Equal(kept, all[:len(kept)]) || len(kept) < before || len(kept) > 2 {
					t.Fatalf("of %d bytes: kept\n%s", size, strings.Join(kept, "\n"))
				}
				before = len(kept)
				observe(t, o, 2, 3)
				if got := log.read(t, dir); !slices.Equal(got, append(kept, all[2])) {
					t.Fatalf("of %d bytes, after step 3:\n%s", size, strings.Join(got, "\n"))
				}
				o.End(nil)
			}
			if before != 2 {
				t.Errorf("of the whole file %d records are left, want 2", before)
			}
		})
	}
}

// A run that begins at step 0 doesn't go into the log of another one, nor cut it off.
func TestLogsOfAnotherRun(t *testing.T) {
	for name, log := range logs {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			o := log.begin(dir)
			train(t, o, 0, 0)
			o.End(nil)
			train(t, log.begin(dir), 0, 5) // the first run made nothing
			want := log.read(t, dir)
			err := log.begin(dir).Start(context.Background(), Run{})
			if wrong, ok := errors.AsType[*LogError](err); !ok || wrong.Path == "" || !strings.Contains(err.Error(), "has a record of step 1, want none") {
				t.Errorf("got error %v", err)
			}
			sameRecords(t, log.read(t, dir), want)
		})
	}
}

// A file that isn't a log is left as it is.
func TestLogsLeaveOtherFilesAlone(t *testing.T) {
	type at struct{ path, content, want string }
	begin := `{"event":"update","step":1}` + "\n"
	for name, other := range map[string]at{
		"CSV, text without end":       {"run.csv", "my thesis", "want \"set,step"},
		"CSV, other columns":          {"run.csv", "step,loss\n1,2\n", "want \"set,step"},
		"CSV, missing field":          {"run.csv", logColumns + "train,1,2\ntrain,2,1,1,1,1,1\n", "in line 2"},
		"CSV, step is no number":      {"run.csv", logColumns + "train,x,1,1,1,1,1\n", "in line 2"},
		"JSON lines, another object":  {"run.jsonl", `{"a":1}` + "\n", "want \"{"},
		"JSON lines, one object":      {"run.jsonl", `{"a":1}`, "want \"{"},
		"JSON lines, no JSON":         {"run.jsonl", begin + "hello\n" + begin, "in line 2"},
		"JSON lines, without a step":  {"run.jsonl", begin + `{"event":"x"}` + "\n", "in line 2"},
		"JSON lines, in place of one": {"run.jsonl", begin + "[1]\n", "in line 2"},
	} {
		kind, _, _ := strings.Cut(name, ",")
		dir := t.TempDir()
		path := filepath.Join(dir, other.path)
		if err := os.WriteFile(path, []byte(other.content), 0o666); err != nil {
			t.Fatal(err)
		}
		err := logs[kind].begin(dir).Start(context.Background(), Run{Step: 100})
		if _, ok := errors.AsType[*LogError](err); !ok || !strings.Contains(err.Error(), other.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got error %v, want %q in it", name, err, other.want)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != other.content {
			t.Errorf("%s: the file was changed to %q (%v)", name, data, err)
		}
	}
}

func TestLogErrors(t *testing.T) {
	for name, log := range logs {
		dir := t.TempDir()
		o := log.begin(dir)
		check := func(when string, err error) {
			t.Helper()
			if _, ok := errors.AsType[*LogError](err); !ok {
				t.Errorf("%s, %s: got %v, want a *LogError", name, when, err)
			}
		}
		check("before Start", o.Observe(eventsOf(1)[0]))
		if err := o.End(nil); err != nil {
			t.Errorf("%s, End before Start: %v", name, err)
		}
		train(t, o, 0, 1)
		o.End(nil)
		check("after End", o.Observe(eventsOf(1)[0]))
		if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		check("in a file", log.begin(filepath.Join(dir, "file")).Start(context.Background(), Run{}))
	}
	b := &TensorBoard{Dir: t.TempDir()}
	train(t, b, 0, 0)
	defer b.End(nil)
	if _, ok := errors.AsType[*ArgumentError](b.Observe(Image{1, "cat", []byte("no picture")})); !ok {
		t.Error("no *ArgumentError for a broken picture")
	}
}

// What a write left that failed, as on a full disk, is overwritten by the next record.
func TestLogAfterFailedWrite(t *testing.T) {
	dir := t.TempDir()
	c := logs["CSV"].begin(dir).(*CSV)
	train(t, c, 0, 1)
	if _, err := c.log.file.WriteAt([]byte("train,2,1.5"), c.log.size); err != nil {
		t.Fatal(err)
	}
	observe(t, c, 1, 2)
	c.End(nil)
	if got := readCSV(t, dir); len(got) != 2 {
		t.Errorf("got %q", got)
	}
}

// A crash loses nothing: every event is in the file when Observe returns, and numbers are exact.
func TestLogNumbers(t *testing.T) {
	dir := t.TempDir()
	c, j := &CSV{Path: filepath.Join(dir, "run.csv")}, &JSONLines{Path: filepath.Join(dir, "run.jsonl")}
	both := Observers{c, j}
	if err := both.Start(context.Background(), Run{}); err != nil {
		t.Fatal(err)
	}
	defer both.End(nil)
	for i, p := range awkward().Train {
		p.Step = i + 1
		if err := both.Observe(Update{p, p.Loss}); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(j.Path)
		if err != nil {
			t.Fatal(err)
		}
		lines := slices.Collect(strings.Lines(string(data)))
		var got Point
		if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
			t.Fatal(err)
		}
		checkSame(t, []Point{got}, []Point{p})
		want := fmt.Sprintf("[train %d %v %v %v %d]", p.Step, number(p.Loss), number(p.GradNorm), number(p.Rate), p.Tokens)
		if records := readCSV(t, dir); records[i] != want {
			t.Errorf("got %s, want %s", records[i], want)
		}
	}
	if err := j.Observe(Flow{99, "h", []float64{math.NaN(), math.Inf(1), 1e-300}}); err != nil {
		t.Error(err)
	}
	if err := j.Observe(Scalar{99, "<&>", math.Inf(-1)}); err != nil {
		t.Error(err)
	}
	data, err := os.ReadFile(j.Path)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"event":"flow","step":99,"state":"h","norms":["NaN","+Inf",1e-300]}` + "\n" +
		`{"event":"scalar","step":99,"name":"<&>","value":"-Inf"}` + "\n"
	if !strings.HasSuffix(string(data), want) {
		t.Errorf("got %s", data)
	}
}

// recorded is an observer that keeps what it is told, and fails when it is told to.
type recorded struct {
	told []string
	fail string
}

func (r *recorded) tell(what string) error {
	r.told = append(r.told, what)
	if strings.HasPrefix(what, r.fail) && r.fail != "" {
		return errors.New("failed: " + what)
	}
	return nil
}

func (r *recorded) Start(_ context.Context, run Run) error {
	return r.tell(fmt.Sprint("start ", run.Step))
}
func (r *recorded) Observe(e Event) error { return r.tell(fmt.Sprintf("%T", e)) }
func (r *recorded) End(err error) error   { return r.tell(fmt.Sprint("end ", err)) }

func TestObservers(t *testing.T) {
	for _, test := range []struct {
		fail string
		want string // told to the first and the third
	}{
		{"", "[start 3 track.Text end stop] [start 3 track.Text end stop]"},
		{"start", "[start 3 end failed: start 3] []"},
		{"track.Text", "[start 3 track.Text end stop] [start 3 track.Text end stop]"},
		{"end", "[start 3 track.Text end stop] [start 3 track.Text end stop]"},
	} {
		first, second, third := &recorded{}, &recorded{fail: test.fail}, &recorded{}
		all := Observers{nil, (*CSV)(nil), first, second, third}
		errs := []error{all.Start(context.Background(), Run{Step: 3})}
		if errs[0] == nil {
			errs = append(errs, all.Observe(Text{Step: 4}), all.End(errors.New("stop")))
		}
		if got := fmt.Sprint(first.told, " ", third.told); got != test.want {
			t.Errorf("%q fails: told %s, want %s", test.fail, got, test.want)
		}
		if failed := errors.Join(errs...) != nil; failed != (test.fail != "") {
			t.Errorf("%q fails: got errors %v", test.fail, errs)
		}
	}
}
