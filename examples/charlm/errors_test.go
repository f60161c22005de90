package main

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobptt/bptt/internal/safetensors"
	"github.com/gobptt/bptt/internal/snapshot"
)

// refuse runs the program and wants one line on stderr that mentions what is wrong, the exit status 1, and every file
// as it was.
func refuse(t *testing.T, args []string, mention ...string) {
	t.Helper()
	before := listing(t)
	o := execute(args...)
	if o.status != 1 || !strings.HasPrefix(o.stderr, "charlm: ") || strings.Count(o.stderr, "\n") != 1 || !strings.HasSuffix(o.stderr, "\n") {
		t.Errorf("exit status %d, want 1 and one line:\n%s", o.status, o.stderr)
	}
	for _, m := range mention {
		if !strings.Contains(o.stderr, m) {
			t.Errorf("%q does not mention %q", o.stderr, m)
		}
	}
	if strings.Contains(o.stdout, "validation: ") {
		t.Errorf("it has a result all the same: %s", o.stdout)
	}
	if after := listing(t); !maps.Equal(after, before) {
		for name := range after {
			if before[name] != after[name] {
				t.Errorf("%s was made or changed", name)
			}
		}
		for name := range before {
			if _, ok := after[name]; !ok {
				t.Errorf("%s was removed", name)
			}
		}
	}
}

func TestBadInput(t *testing.T) {
	args := small(t)
	put(t, "empty.txt", "")
	put(t, "short.txt", prose(70))  // below 4 × 20 + 1
	put(t, "hardly.txt", prose(35)) // no validation stream of 4
	put(t, "latin1.txt", "caf\xe9 "+prose(4000))
	put(t, "cut.txt", prose(4000)+"\xe2\x82") // ends within a character
	put(t, "precious", "precious")
	if err := os.Mkdir("dir", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, flags string
		mention     []string
	}{
		{"no such file", "-text none.txt", []string{"none.txt", "no such file"}},
		{"a directory", "-text dir", []string{"dir is a directory"}},
		{"an empty file", "-text empty.txt", []string{"empty.txt is empty"}},
		{"a short text", "-text short.txt", []string{"short.txt", "63 tokens", "batch 4 × window 20", "at least 81"}},
		{"no room for validation", "-text hardly.txt -window 5", []string{"hardly.txt (validation part)", "at least 5"}},
		{"a batch as wide as the text", "-batch 4000", []string{"batch 4000"}},
		{"a window as long as the text", "-window 4000", []string{"window 4000"}},
		{"a product that overflows", "-batch 9000000000000000000 -window 9000000000000000000", []string{"9000000000000000000"}},
		{"invalid UTF-8", "-text latin1.txt", []string{"latin1.txt", "UTF-8", "byte 3"}},
		{"UTF-8 cut off", "-text cut.txt", []string{"cut.txt", "UTF-8", "byte 4000"}},

		{"no steps", "-steps 0", []string{"-steps is 0", "1 or more"}},
		{"negative steps", "-steps -5", []string{"-steps is -5"}},
		{"no width", "-hidden 0", []string{"-hidden is 0"}},
		{"negative width", "-hidden -1", []string{"-hidden is -1"}},
		{"no embedding", "-embed 0", []string{"-embed is 0"}},
		{"no layers", "-layers 0", []string{"-layers is 0"}},
		{"no batch", "-batch 0", []string{"-batch is 0"}},
		{"no window", "-window -20", []string{"-window is -20"}},
		{"no interval", "-every 0", []string{"-every is 0"}},
		{"a negative sample", "-sample -1", []string{"-sample is -1"}},
		{"no learning rate", "-lr 0", []string{"-lr is 0"}},
		{"a negative learning rate", "-lr -1e-3", []string{"-lr is -0.001"}},
		{"a learning rate that is no number", "-lr NaN", []string{"-lr is NaN"}},
		{"an infinite learning rate", "-lr Inf", []string{"-lr is +Inf"}},
		{"nothing but dropout", "-dropout 1", []string{"-dropout is 1"}},
		{"negative dropout", "-dropout -0.1", []string{"-dropout is -0.1"}},
		{"a negative temperature", "-temperature -1", []string{"-temperature is -1"}},
		{"an infinite temperature", "-temperature Inf", []string{"-temperature is +Inf"}},

		{"a huge width", "-hidden 100000000", []string{"100000000", "GB of memory"}},
		{"the largest width", "-hidden 9223372036854775807", []string{"GB of memory"}},
		{"a huge embedding", "-embed 100000000", []string{"embedding 100000000", "GB of memory"}},
		{"very many layers", "-layers 1000000", []string{"-layers is 1000000"}},
		{"wide and deep", "-hidden 10000 -layers 20", []string{"10000 × 20", "GB of memory"}},
		{"a number that is too large", "-hidden 99999999999999999999", []string{"99999999999999999999", "-hidden"}},

		{"an unknown cell", "-cell transformer", []string{`-cell is "transformer"`, "lstm, gru or rnn"}},
		{"an empty cell", "-cell=", []string{"-cell"}},
		{"an unknown flag", "-stesp 10", []string{"-stesp", "-help"}},
		{"a flag without a value", "-text", []string{"-text"}},
		{"a value that is no number", "-steps ten", []string{"ten", "-steps"}},
		{"a stray argument", "-quiet text.txt", []string{`"text.txt"`, "flags"}},
		{"a seed that is negative", "-seed -1", []string{"-seed"}},

		{"nothing to resume", "-resume", []string{"charlm-model", "no snapshot"}},
		{"nothing to resume there", "-resume -save nowhere", []string{"nowhere", "no snapshot"}},
		{"saving to a file", "-save precious", []string{"precious", "not a directory"}},
		{"saving below a file", "-save precious/dir", []string{"precious", "not a directory"}},
		{"resuming from a file", "-resume -save precious", []string{"precious", "not a directory"}},
	} {
		t.Run(c.name, func(t *testing.T) { refuse(t, with(args, strings.Fields(c.flags)...), c.mention...) })
	}
	// Where a run would be saved makes no difference to any of this: nothing is made before the input is known to be good.
	for _, flags := range []string{"-text none.txt", "-text empty.txt", "-text short.txt", "-text latin1.txt", "-hidden 100000000"} {
		refuse(t, with(args, append(strings.Fields(flags), "-save", "new/dir")...))
	}
}

func TestUnwritableDirectory(t *testing.T) {
	args := small(t)
	if err := os.Mkdir("closed", 0o555); err != nil {
		t.Fatal(err)
	}
	if os.WriteFile("closed/probe", nil, 0o644) == nil {
		os.Remove("closed/probe")
		t.Skip("the permission bits don't bind this user")
	}
	refuse(t, with(args, "-save", "closed"), "closed", "permission denied")
	refuse(t, with(args, "-save", "closed/dir"), "closed", "permission denied")
}

// A saved run is resumed only with what it was made of, and never written over.
func TestResumeRefuses(t *testing.T) {
	args := small(t)
	succeed(t, with(args, "-save", "model")...)
	put(t, "other.txt", strings.ReplaceAll(prose(4000), "x", "X"))
	args = with(args, "-steps", "30", "-save", "model")

	refuse(t, args, "model", "in use by a run saved at step 20")
	resume := append(args, "-resume")
	for _, c := range []struct {
		flags   string
		mention []string
	}{
		{"-hidden 17", []string{"-hidden is 17", "model", "16"}},
		{"-embed 9", []string{"-embed is 9", "8"}},
		{"-layers 2", []string{"-layers is 2", "1"}},
		{"-cell gru", []string{"-cell is gru", "lstm"}},
		{"-dropout 0.5", []string{"-dropout is 0.5", "0"}},
		{"-seed 2", []string{"-seed is 2", "1"}},
		{"-text other.txt", []string{"vocabulary.json", "different"}},
		{"-batch 5", []string{"[4 16]", "[5 16]"}},
		{"-text none.txt", []string{"none.txt"}},
	} {
		t.Run(c.flags, func(t *testing.T) { refuse(t, with(resume, strings.Fields(c.flags)...), c.mention...) })
	}
	if succeed(t, resume...) == "" {
		t.Error("after all these, the run can't go on")
	}
}

func TestDamagedCheckpoints(t *testing.T) {
	flip := func(d []byte) []byte { d[len(d)/2] ^= 4; return d }
	truncate := func(d []byte) []byte { return d[:len(d)/2] }
	for how, change := range map[string]func([]byte) []byte{"flipped": flip, "truncated": truncate} {
		for _, file := range []string{"model.safetensors", "optimizer.safetensors", "train.json", "charlm.json", "vocabulary.json", "SHA256SUMS"} {
			t.Run(file+" "+how, func(t *testing.T) {
				args := small(t)
				want := succeed(t, with(args, "-steps", "25", "-save", "straight")...)
				succeed(t, with(args, "-save", "model")...) // steps 10 and 20
				spoil(t, "model/step-00000020/"+file, change)
				o := execute(with(args, "-steps", "25", "-save", "model", "-resume")...)
				if o.last(t) != want || strings.Count(o.stderr, "skipped a damaged checkpoint") != 1 {
					t.Errorf("%s, straight %s\n%s", o.last(t), want, o.stderr)
				}
				succeed(t, with(args, "-save", "lost")...)
				spoil(t, "lost/step-00000010/"+file, change)
				spoil(t, "lost/step-00000020/"+file, change)
				refuse(t, with(args, "-steps", "25", "-save", "lost", "-resume"), "every snapshot is damaged", "step-00000010", "step-00000020")
				refuse(t, with(args, "-steps", "25", "-save", "lost"), "lost", "damaged")
			})
		}
	}
}

func spoil(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, path, string(change(data)))
}

// A run whose weights are no numbers any more says in which step, and which op made the first one.
func TestNaNLoss(t *testing.T) {
	args := small(t)
	succeed(t, with(args, "-save", "model")...)
	s, _, err := snapshot.Load("model")
	if err != nil {
		t.Fatal(err)
	}
	_, err = snapshot.Save("model", 20, 1, func(create func(string) (io.Writer, error)) error {
		entries, err := os.ReadDir(s.Path)
		for _, e := range entries {
			if e.Name() == "SHA256SUMS" || err != nil {
				continue
			}
			var data []byte
			if data, err = s.ReadFile(e.Name()); err != nil {
				continue
			}
			if e.Name() == "model.safetensors" {
				f, err := safetensors.Read(bytes.NewReader(data), int64(len(data)))
				if err != nil {
					return err
				}
				w, _ := f.Tensor("2.weight_ih_l0")
				w.Data.([]float32)[3] = float32(math.NaN())
				var b bytes.Buffer
				if err := safetensors.Write(&b, f); err != nil {
					return err
				}
				data = b.Bytes()
			}
			var w io.Writer
			if w, err = create(e.Name()); err == nil {
				_, err = w.Write(data)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	refuse(t, with(args, "-steps", "30", "-save", "model", "-resume"), "step 20: validation loss is NaN", "first produced by 2: Linear in the forward pass: its parameter 2.weight_ih_l0 of shape [64 8] holds NaN")
}

// A learning rate that is far too high either ends with a message, or with numbers: not with a crash.
func TestHugeLearningRate(t *testing.T) {
	for _, cell := range []string{"lstm", "gru", "rnn"} {
		args := small(t, "-cell", cell, "-lr", "1e5", "-layers", "3")
		o := execute(args...)
		diverged := regexp.MustCompile(`(?m)^charlm: step \d+: (loss|gradient norm|validation loss) is \S+: \S+ first produced by .* in the (for|back)ward pass(: .*)?$`)
		if o.status == 0 { // the perplexity may be infinite
			if !strings.Contains(o.stdout, "\nvalidation: ") {
				t.Errorf("%s: no result in\n%s", cell, o.stdout)
			}
		} else if !diverged.MatchString(o.stderr) {
			t.Errorf("%s: status %d\n%s", cell, o.status, o.stderr)
		}
	}
}

// A process of its own: bad input ends it with status 1, and Ctrl-C with a save from which -resume goes on to where the
// run would have come by itself.
func TestProcess(t *testing.T) {
	args := small(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start := func(args ...string) *exec.Cmd {
		c := exec.Command(program, args...)
		c.Env = append(os.Environ(), "CHARLM_TEST_MAIN=1")
		return c
	}
	out, err := start("-text", "none.txt").CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 || strings.Count(string(out), "\n") != 1 {
		t.Errorf("%v:\n%s", err, out)
	}
	if out, err := start(with(args, "-quiet", "-save", "plain")...).Output(); err != nil || !lastLine.MatchString(strings.TrimSpace(string(out))) {
		t.Errorf("%v:\n%s", err, out)
	}
	if runtime.GOOS == "windows" {
		t.Skip("no process can be interrupted from outside on Windows")
	}

	c := start(with(args, "-steps", "1000000", "-save", "model", "-dropout", "0.1")...)
	stderr, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	timeout := time.AfterFunc(time.Minute, func() { c.Process.Kill() })
	defer timeout.Stop()
	said := ""
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "step 20:") {
			if err := c.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
		said = lines.Text()
	}
	err = c.Wait()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 130 || said != "interrupted: saved in model; the same command with -save model -resume goes on" {
		t.Fatalf("%v, last line %q", err, said)
	}
	// It goes on with whatever step it has come to.
	saves, err := filepath.Glob("model/step-*")
	if err != nil || len(saves) == 0 {
		t.Fatalf("saves %v, %v", saves, err)
	}
	resumed := execute(with(args, "-steps", "1", "-save", "model", "-resume", "-quiet", "-dropout", "0.1")...)
	s, _, err := snapshot.Load("model")
	if err != nil || s.Step < 20 || resumed.status != 0 {
		t.Fatalf("resumed: %+v, %v", resumed, err)
	}
	steps := []string{"-steps", strconv.FormatInt(s.Step+10, 10), "-dropout", "0.1"}
	got := succeed(t, with(args, append(steps, "-save", "model", "-resume")...)...)
	if want := succeed(t, with(args, append(steps, "-save", "straight")...)...); got != want {
		t.Errorf("interrupted at step %d and resumed %s, straight %s", s.Step, got, want)
	}
}
