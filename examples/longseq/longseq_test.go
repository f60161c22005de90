package main

import (
	"bytes"
	"context"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/gobptt/bptt/internal/program"
)

// execute runs the program in this process.
func execute(args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	code = program.Status("longseq", run(context.Background(), args, &out, &errs), &errs)
	return out.String(), errs.String(), code
}

// The plan is what is done, the gradient doesn't depend on it, and what is printed says so.
func TestLongSequence(t *testing.T) {
	const args = "-steps 3000 -batch 2 -hidden 24 -window 10 -updates 3 -memory "
	losses := regexp.MustCompile(`step \d: loss (\d\.\d{5})`)
	var want [][]string
	for _, c := range []struct{ memory, plan string }{
		{"64MiB", "hold 300 of 300 windows and keep 0 states at once"},
		{"300KiB", "hold 1 of 300 windows and keep 299 states at once"},
		{"100KiB", "hold 1 of 300 windows and keep"},
	} {
		out, errs, code := execute(strings.Fields(args + c.memory)...)
		if code != 0 || errs != "" || !strings.Contains(out, c.plan) || !strings.Contains(out, "as planned: true") {
			t.Errorf("%s: status %d, %s\n%s", c.memory, code, errs, out)
		}
		got := losses.FindAllStringSubmatch(out, -1)
		if want == nil {
			want = got
		}
		if len(got) != 3 {
			t.Fatalf("%s: losses %q", c.memory, got)
		}
		for i := range got { // the sums of the gradient's parts have another order
			a, _ := strconv.ParseFloat(got[i][1], 64)
			if b, _ := strconv.ParseFloat(want[i][1], 64); a < b-2e-5 || a > b+2e-5 {
				t.Errorf("%s: step %d: loss %v, want %v", c.memory, i+1, a, b)
			}
		}
		m := regexp.MustCompile(`largest resident memory: (\d+\.\d) MiB`).FindStringSubmatch(out)
		if m == nil || runtime.GOOS == "linux" && m[1] == "0.0" || !regexp.MustCompile(`cosine of the two: -?\d\.\d{4}\n`).MatchString(out) {
			t.Errorf("%s: %s", c.memory, out)
		}
	}
}

func TestBadArguments(t *testing.T) {
	for args, want := range map[string]string{
		"-memory 1KiB -steps 100":     "are too few; it takes",
		"-memory lots":                `"lots"`,
		"-memory -1":                  `"-1"`,
		"-steps 0":                    "-steps is 0, want 1 to 10000000",
		"-batch 1000 -steps 10000000": "at most 100,000,000",
		"-hidden -3":                  "-hidden is -3",
		"-window 0":                   "-window is 0",
		"-updates 0":                  "-updates is 0",
		"-lr NaN":                     "-lr is NaN",
		"-lr 0":                       "-lr is 0",
		"-what":                       "-help lists the flags",
		"file":                        `the argument "file"`,
	} {
		_, errs, code := execute(strings.Fields(args)...)
		if code != 1 || !strings.HasPrefix(errs, "longseq: ") || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, want) {
			t.Errorf("%s: status %d, %s", args, code, errs)
		}
	}
	if _, errs, code := execute("-help"); code != 0 || !strings.Contains(errs, "-memory size") {
		t.Errorf("-help: status %d, %s", code, errs)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	var out, errs bytes.Buffer
	if code := program.Status("longseq", run(ctx, []string{"-steps", "10"}, &out, &errs), &errs); code != 130 || errs.Len() > 0 {
		t.Errorf("interrupted: status %d, %s", code, errs.String())
	}
}
