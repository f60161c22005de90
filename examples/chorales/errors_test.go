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

const good = `{"split":"train","steps":[[1,2],[3]]}
{"split":"valid","steps":[[1]]}

{"split":"test","steps":[[],[0,87]]}
`

// Whatever is wrong is one line on stderr that mentions it, the exit status 1, and nothing is written.
func TestBadInput(t *testing.T) {
	args := small(t)
	put(t, "empty.jsonl", "")
	put(t, "part.jsonl", strings.Join(strings.Split(good, "\n")[:2], "\n"))
	put(t, "text.jsonl", good+"not JSON\n")
	put(t, "cut.jsonl", good[:30])
	put(t, "split.jsonl", good+`{"split":"dev","steps":[[1]]}`)
	put(t, "note.jsonl", good+`{"split":"test","steps":[[1],[2,88]]}`)
	put(t, "negative.jsonl", good+`{"split":"test","steps":[[-1]]}`)
	put(t, "silent.jsonl", good+`{"split":"test","steps":[]}`)
	put(t, "strings.jsonl", good+`{"split":"test","steps":[["C"]]}`)
	put(t, "long.jsonl", good+`{"split":"test","steps":[[`+strings.Repeat("1,", longestLine/2)+`1]]}`)
	if err := os.Mkdir("dir", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, flags string
		mention     []string
	}{
		{"no such file", "-data none.jsonl", []string{"none.jsonl", "no such file"}},
		{"a directory", "-data dir", []string{"dir", "is a directory"}},
		{"an empty file", "-data empty.jsonl", []string{"empty.jsonl", `split "train"`}},
		{"no test", "-data part.jsonl", []string{`no piece of the split "test"`}},
		{"no JSON", "-data text.jsonl", []string{"text.jsonl, line 5", "JSON"}},
		{"cut off", "-data cut.jsonl", []string{"cut.jsonl, line 1", "JSON"}},
		{"another split", "-data split.jsonl", []string{"split.jsonl, line 5", `"dev"`, "train, valid or test"}},
		{"a note too high", "-data note.jsonl", []string{"line 5: step 1 has the note 88, want 0 to 87"}},
		{"a note too low", "-data negative.jsonl", []string{"step 0 has the note -1"}},
		{"no steps", "-data silent.jsonl", []string{"line 5", "no steps"}},
		{"notes by name", "-data strings.jsonl", []string{"line 5", "string"}},
		{"a long line", "-data long.jsonl", []string{"long.jsonl, line 5", "too long"}},

		{"an unknown cell", "-cell transformer", []string{`-cell is "transformer"`, "lstm or gru"}},
		{"no width", "-hidden 0", []string{"-hidden is 0", "1 to 4096"}},
		{"a huge width", "-hidden 9223372036854775807", []string{"-hidden is 9223372036854775807"}},
		{"no batch", "-batch 0", []string{"-batch is 0"}},
		{"no epochs", "-epochs 0", []string{"-epochs is 0"}},
		{"no steps of its own", "-steps -1", []string{"-steps is -1"}},
		{"no learning rate", "-lr 0", []string{"-lr is 0"}},
		{"a learning rate that is no number", "-lr NaN", []string{"-lr is NaN"}},
		{"nothing but dropout", "-dropout 1", []string{"-dropout is 1"}},
		{"negative dropout", "-weightdrop -0.1", []string{"-weightdrop is -0.1"}},
		{"music over a directory", "-midi dir", []string{"dir is a directory"}},
		{"music in no directory", "-midi none/own.mid", []string{"none", "no such file"}},
		{"an unknown flag", "-stesp 10", []string{"-stesp", "-help"}},
		{"a value that is no number", "-epochs ten", []string{"ten", "-epochs"}},
		{"a stray argument", "-quiet pieces.jsonl", []string{`"pieces.jsonl"`, "flags"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := execute(append(slices.Clone(args), strings.Fields(c.flags)...)...)
			if o.status != 1 || !strings.HasPrefix(o.stderr, "chorales: ") || strings.Count(o.stderr, "\n") != 1 || o.stdout != "" {
				t.Fatalf("status %d, stdout %q, stderr:\n%s", o.status, o.stdout, o.stderr)
			}
			for _, m := range c.mention {
				if !strings.Contains(o.stderr, m) {
					t.Errorf("%q does not mention %q", o.stderr, m)
				}
			}
		})
	}
	if files, err := os.ReadDir("."); err != nil || len(files) != 12 {
		t.Errorf("files %v, %v", files, err)
	}
}

func TestHelp(t *testing.T) {
	if o := execute("-help"); o.status != 0 || o.stdout != "" || !strings.Contains(o.stderr, "-weightdrop") {
		t.Errorf("%+v", o)
	}
}

// An interrupted run ends at once, as the shell expects it.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stdout, stderr bytes.Buffer
	if code := program.Status("chorales", run(ctx, []string{"-quiet"}, &stdout, &stderr), &stderr); code != 130 || stderr.Len() > 0 {
		t.Errorf("status %d, %s", code, &stderr)
	}
}

// Whatever is read is music that can be learned, or an error of one line.
func FuzzReadMusic(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"split":"train","steps":[[1e9]]}`))
	f.Add([]byte(`{"split":"test","steps":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := readMusic(bytes.NewReader(data), "fuzz")
		if err != nil {
			if m != nil || !strings.HasPrefix(err.Error(), "fuzz") {
				t.Fatalf("%v, %v", m, err)
			}
			return
		}
		for _, p := range slices.Concat(m.train, m.valid, m.test) {
			e := examples([]piece{p})[0]
			if len(p) == 0 || len(e["input"].Floats) != len(p)*notes {
				t.Fatalf("%v becomes %v", p, e)
			}
		}
	})
}
