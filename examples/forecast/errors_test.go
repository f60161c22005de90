package main

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gobptt/bptt/internal/program"
)

// Whatever is wrong is one line on stderr that mentions it, the exit status 1, and nothing is written.
func TestBadInput(t *testing.T) {
	args := small(t)
	put(t, "empty.csv", "")
	put(t, "names.csv", "day,level\n")
	put(t, "short.csv", table(waves(25)))
	put(t, "word.csv", "day,level\nMonday,1\nTuesday,two\n")
	put(t, "hole.csv", "day,level\nMonday,1\nTuesday,NaN\n")
	put(t, "ragged.csv", "day,level\nMonday,1\nTuesday\n")
	put(t, "constant.csv", "level\n"+strings.Repeat("3\n", 600))
	put(t, "huge.csv", "level\n"+strings.Repeat("1e308\n-1e308\n", 300))
	if err := os.Mkdir("dir", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, flags string
		mention     []string
	}{
		{"no such file", "-csv none.csv", []string{"none.csv", "no such file"}},
		{"a directory", "-csv dir", []string{"dir is a directory"}},
		{"an empty file", "-csv empty.csv", []string{"empty.csv", "empty"}},
		{"only names", "-csv names.csv", []string{"names.csv", "no row"}},
		{"a short series", "-csv short.csv", []string{"-horizon is 20", "only 3 values"}},
		{"a word", "-csv word.csv", []string{"word.csv, line 3", `column "level"`, `"two"`}},
		{"NaN", "-csv hole.csv", []string{"hole.csv, line 3", `"NaN"`}},
		{"a ragged row", "-csv ragged.csv", []string{"ragged.csv, line 3", "1 cells", "2"}},
		{"a constant", "-csv constant.csv", []string{"always 3"}},
		{"huge values", "-csv huge.csv", []string{"squares are infinite"}},
		{"no such column", "-column depth", []string{"waves.csv", `"depth"`, `["day" "level"]`}},
		{"a column of words", "-column day", []string{`"day"`, `"Monday 0"`}},
		{"a file without a column", "-column=", []string{"-column"}},
		{"a column without a file", "-csv=", []string{"-column level", "-csv"}},
		{"a long horizon", "-horizon 61", []string{"-horizon is 61", "only 60 values"}},
		{"a long window", "-window 480", []string{"-window is 480", "only 479 time steps"}},

		{"no width", "-hidden 0", []string{"-hidden is 0", "1 to 4096"}},
		{"a huge width", "-hidden 9223372036854775807", []string{"-hidden is 9223372036854775807"}},
		{"a window of one step", "-window 1", []string{"-window is 1"}},
		{"no batch", "-batch 0", []string{"-batch is 0"}},
		{"no epochs", "-epochs -1", []string{"-epochs is -1"}},
		{"no horizon", "-horizon 0", []string{"-horizon is 0"}},
		{"one sample", "-samples 1", []string{"-samples is 1"}},
		{"too much", "-hidden 4096 -batch 10000", []string{"-batch 10000", "memory"}},
		{"too many paths", "-hidden 4096 -batch 1 -samples 10000 -horizon 100000", []string{"-samples 10000", "memory"}},
		{"no learning rate", "-lr 0", []string{"-lr is 0"}},
		{"a learning rate that is no number", "-lr NaN", []string{"-lr is NaN"}},
		{"nothing but dropout", "-dropout 1", []string{"-dropout is 1"}},
		{"no picture", "-out=", []string{"-out"}},
		{"a picture over a directory", "-out dir", []string{"dir is a directory"}},
		{"a picture in no directory", "-out none/forecast.png", []string{"none", "no such file"}},
		{"an unknown flag", "-stesp 10", []string{"-stesp", "-help"}},
		{"a value that is no number", "-epochs ten", []string{"ten", "-epochs"}},
		{"a stray argument", "-quiet waves.csv", []string{`"waves.csv"`, "flags"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := execute(append(slices.Clone(args), strings.Fields(c.flags)...)...)
			if o.status != 1 || !strings.HasPrefix(o.stderr, "forecast: ") || strings.Count(o.stderr, "\n") != 1 || o.stdout != "" {
				t.Fatalf("status %d, stdout %q, stderr:\n%s", o.status, o.stdout, o.stderr)
			}
			for _, m := range c.mention {
				if !strings.Contains(o.stderr, m) {
					t.Errorf("%q does not mention %q", o.stderr, m)
				}
			}
		})
	}
	if files, err := os.ReadDir("."); err != nil || len(files) != 10 {
		t.Errorf("files %v, %v", files, err)
	}
}

// A learning rate that is far too high ends with a message, or with numbers: not with a crash.
func TestHugeLearningRate(t *testing.T) {
	o := execute(small(t, "-lr", "1e5")...)
	if o.status != 0 && (o.status != 1 || strings.Count(o.stderr, "forecast: ") != 1) {
		t.Errorf("%+v", o)
	}
}

func TestHelp(t *testing.T) {
	if o := execute("-help"); o.status != 0 || o.stdout != "" || !strings.Contains(o.stderr, "-horizon") {
		t.Errorf("%+v", o)
	}
}

// An interrupted run ends at once, as the shell expects it.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stdout, stderr bytes.Buffer
	if code := program.Status("forecast", run(ctx, small(t, "-epochs", "1000000", "-quiet"), &stdout, &stderr), &stderr); code != 130 || stderr.Len() > 0 {
		t.Errorf("status %d, %s", code, &stderr)
	}
	if _, err := os.Stat("forecast.png"); err == nil {
		t.Error("there is a picture")
	}
}
