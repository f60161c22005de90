package track

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// fake is the clock and the output of a Progress in a test, and counts the writes.
type fake struct {
	bytes.Buffer
	time   time.Time
	writes int
}

func (f *fake) Write(data []byte) (int, error) {
	f.writes++
	return f.Buffer.Write(data)
}

// progress writes to f as to a terminal of so many columns, 0 for none.
func (f *fake) progress(columns int) *Progress {
	f.time = time.Unix(1e9, 0)
	return &Progress{
		Out:     f,
		now:     func() time.Time { return f.time },
		columns: func(io.Writer) int { return columns },
	}
}

// screen is what a terminal of so many columns shows after these bytes, without blanks at the ends of lines.
func screen(output string, columns int) []string {
	lines, column := [][]rune{nil}, 0
	for _, r := range output {
		row := len(lines) - 1
		switch r {
		case '\r':
			column = 0
		case '\n':
			lines, column = append(lines, nil), 0
		default:
			if column == columns {
				lines, column, row = append(lines, nil), 0, row+1
			}
			for len(lines[row]) <= column {
				lines[row] = append(lines[row], ' ')
			}
			lines[row][column] = r
			column++
		}
	}
	shown := make([]string, len(lines))
	for i, line := range lines {
		shown[i] = strings.TrimRight(string(line), " ")
	}
	return shown
}

func checkLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got:\n%s\nwant:\n%s", g, w)
	}
}

func begin(p *Progress, step, steps int) {
	p.Start(context.Background(), Run{Step: step, Steps: steps, Unit: Nats})
}

func update(p *Progress, step int, loss float64) {
	p.Observe(Update{Point: Point{Step: step, Loss: loss}})
}

func TestPlainLines(t *testing.T) {
	for _, test := range []struct {
		every time.Duration
		want  []string // steps that are shown
	}{
		{0, []string{"1", "6", "11", "12"}},
		{3 * time.Second, []string{"1", "4", "7", "10", "12"}},
		{time.Hour, []string{"1", "12"}},
		{1, []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}},
	} {
		var f fake
		p := f.progress(0)
		p.Every = test.every
		begin(p, 0, 12)
		for step := 1; step <= 12; step++ {
			f.time = f.time.Add(time.Second)
			update(p, step, 1)
		}
		p.End(nil)
		p.End(nil)
		update(p, 13, 0)
		var steps []string
		for line := range strings.Lines(f.String()) {
			step, _, _ := strings.Cut(strings.TrimPrefix(line, "step "), "/")
			steps = append(steps, step)
		}
		checkLines(t, steps, test.want...)
	}
}

func TestPlainLineOfLastStepOnce(t *testing.T) {
	var f fake
	p := f.progress(0)
	begin(p, 0, 1)
	update(p, 1, 0)
	p.End(nil)
	checkLines(t, strings.Split(f.String(), "\n"), "step 1/1  loss 0.0000  ppl 1.000  in 0s", "")
}

func TestDescribe(t *testing.T) {
	for _, test := range []struct {
		step    status
		first   int
		elapsed time.Duration
		want    string
	}{
		{status{nats: true, step: 1, steps: 4, loss: 1.5}, 0, 10 * time.Second, "1/4  loss 1.5000  ppl 4.482  30s left"},
		{status{nats: true, step: 4, steps: 4, loss: 1.5, perSecond: 512}, 0, 40 * time.Second, "4/4  loss 1.5000  ppl 4.482  512 tok/s  in 40s"},
		{status{nats: true, step: 9, loss: 6}, 0, time.Second, "9  loss 6.0000  ppl 403.4"},
		{status{step: 9, loss: 6}, 0, time.Second, "9  loss 6.0000"},
		// Of the 9010 steps only the ten since the resume took time here.
		{status{nats: true, step: 9010, steps: 10000, loss: 0}, 9000, 10 * time.Second, "9010/10000  loss 0.0000  ppl 1.000  16m30s left"},
		{status{nats: true, step: 9000, steps: 10000, loss: 11}, 9000, time.Second, "9000/10000  loss 11.0000  ppl 59874"},
		{status{nats: true, step: 1, steps: 1e6, loss: 1e-5}, 0, time.Second, "1/1000000  loss 1.000e-05  ppl 1.000  11d13h left"},
		{status{nats: true, step: 1, steps: 7201, loss: -2}, 0, time.Second, "1/7201  loss -2.0000  ppl 0.135  2h00m left"},
		{status{nats: true, step: 1, steps: 2, loss: 1e5}, 0, 0, "1/2  loss 1.000e+05  ppl +Inf  0s left"},
		{status{nats: true, step: 1, steps: 2, loss: 20}, 0, 0, "1/2  loss 20.0000  ppl 4.85e+08  0s left"},
		{status{nats: true, step: 1, steps: 2, loss: math.NaN(), perSecond: 2.345e6}, 0, 0, "1/2  loss NaN  ppl NaN  2.3M tok/s  0s left"},
	} {
		if got := test.step.describe(test.first, test.elapsed); got != test.want {
			t.Errorf("%+v: got %q, want %q", test.step, got, test.want)
		}
	}
}

func TestLiveLine(t *testing.T) {
	var f fake
	p := f.progress(72)
	begin(p, 0, 200)
	f.time = f.time.Add(time.Second)
	update(p, 1, 1)
	checkLines(t, screen(f.String(), 72), "   0% |                     | 1/200  loss 1.0000  ppl 2.718  3m19s left")
	f.time = f.time.Add(99 * time.Second)
	update(p, 100, 1)
	checkLines(t, screen(f.String(), 72), "  50% |█████████          | 100/200  loss 1.0000  ppl 2.718  1m40s left")
	p.Println("validation: loss 1.2")
	checkLines(t, screen(f.String(), 72),
		"validation: loss 1.2",
		"  50% |█████████          | 100/200  loss 1.0000  ppl 2.718  1m40s left")
	f.time = f.time.Add(time.Second)
	update(p, 200, 1)
	p.Println("two\nlines")
	p.End(nil)
	p.End(nil)
	p.Println("after")
	checkLines(t, screen(f.String(), 72),
		"validation: loss 1.2",
		"two",
		"lines",
		" 100% |█████████████████████| 200/200  loss 1.0000  ppl 2.718  in 1m41s",
		"after",
		"")
}

func TestLiveLineFits(t *testing.T) {
	steps := []status{
		{step: 1, steps: 100, loss: 4, perSecond: 1e5},
		{step: 99, steps: 100, loss: 4},
		{step: 150, steps: 100, loss: math.NaN()},
		{step: -5, steps: 100, loss: -1e300},
		{step: 7, loss: 4},
		{step: 7, steps: -3, loss: 4},
		{step: math.MaxInt, steps: math.MaxInt, loss: math.MaxFloat64, perSecond: math.Inf(1)},
	}
	for columns := 0; columns < 150; columns++ {
		for _, s := range steps {
			line := s.withBar(s.describe(0, time.Hour), columns)
			if width := utf8.RuneCountInString(line); width > max(0, columns-1) || strings.ContainsAny(line, "\r\n") {
				t.Errorf("%d columns: %q has %d", columns, line, width)
			}
		}
	}
}

func TestLiveRedraws(t *testing.T) {
	var f fake
	p := f.progress(80)
	begin(p, 0, 10000)
	for step := 1; step <= 10000; step++ {
		f.time = f.time.Add(time.Millisecond)
		update(p, step, 1)
	}
	p.End(nil)
	// Ten seconds, ten times a second, and the last step and its line break.
	if f.writes > 102 {
		t.Errorf("%d writes", f.writes)
	}
	if got := screen(f.String(), 80); len(got) != 2 || !strings.Contains(got[0], "10000/10000") {
		t.Errorf("got %q, want one line with the last step", got)
	}
}

func TestProgressAgain(t *testing.T) {
	var f fake
	p := f.progress(0)
	update(p, 1, 0) // before Start: not shown
	p.Println("before")
	for range 2 {
		begin(p, 5, 10)
		f.time = f.time.Add(time.Second)
		update(p, 6, 0)
		p.End(nil)
	}
	begin(p, 0, 10)
	p.End(nil) // without a step
	const line = "step 6/10  loss 0.0000  ppl 1.000  4s left"
	checkLines(t, strings.Split(f.String(), "\n"), "before", line, line, "")
}

func TestNilProgress(t *testing.T) {
	var p *Progress
	begin(p, 0, 1)
	update(p, 1, 0)
	p.Println("nobody sees this")
	p.End(nil)
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestProgressIgnoresWriteErrors(t *testing.T) {
	for _, columns := range []int{0, 80} {
		p := &Progress{Out: broken{}, Every: 1, columns: func(io.Writer) int { return columns }}
		begin(p, 0, 3)
		update(p, 1, 0)
		p.Println("text")
		p.End(nil)
	}
}

func TestTerminalColumns(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, w := range []io.Writer{file, &bytes.Buffer{}} {
		if got := terminalColumns(w); got != 0 {
			t.Errorf("%T: got %d columns, want 0", w, got)
		}
	}
}

func TestProgressConcurrently(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	var f fake
	p := f.progress(80)
	begin(p, 0, 100)
	var wait sync.WaitGroup
	for g := range 4 {
		wait.Go(func() {
			for i := range 100 {
				update(p, i, 0)
				p.Println(fmt.Sprintf("line %d of %d", i, g))
			}
		})
	}
	wait.Wait()
	p.End(nil)
	// The test's own goroutines are done, but may not be gone yet.
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), goroutines)
		}
	}
	lines := 0
	for _, line := range screen(f.String(), 80) {
		if strings.HasPrefix(line, "line ") {
			lines++
		}
	}
	if lines != 400 {
		t.Errorf("%d whole lines, want 400", lines)
	}
}

func BenchmarkProgressStep(b *testing.B) {
	p := &Progress{Out: io.Discard, columns: func(io.Writer) int { return 80 }}
	begin(p, 0, b.N)
	for step := 1; b.Loop(); step++ {
		update(p, step, 1)
	}
}

func TestSpeedAndAverage(t *testing.T) {
	s := speed{100, 5}
	for _, test := range []struct {
		tokens  int64
		seconds float64
		want    float64
	}{{150, 7, 25}, {150, 8, 0}, {190, 8, 0}, {200, 8.5, 20}} {
		if got := s.of(Update{Point{Tokens: test.tokens}, test.seconds}); got != test.want {
			t.Errorf("%+v: got %g", test, got)
		}
	}
	var a average
	for _, test := range []struct{ value, want float64 }{{3, 3}, {3, 3}, {9, (0.98*0.98*3 + 0.98*3 + 9) / (0.98*0.98 + 0.98 + 1)}} {
		if got := a.add(test.value); math.Abs(got-test.want) > 1e-12 {
			t.Errorf("%+v: got %g", test, got)
		}
	}
}
