package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gobptt/bptt/internal/program"
)

// TestMain is charlm itself where a test starts this binary again to have a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("CHARLM_TEST_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// outcome is what a user sees of a run.
type outcome struct {
	stdout, stderr string
	status         int
}

// execute runs the program in this process.
func execute(args ...string) outcome {
	var stdout, stderr bytes.Buffer
	code := program.Status("charlm", run(context.Background(), args, &stdout, &stderr), &stderr)
	return outcome{stdout.String(), stderr.String(), code}
}

// succeed runs the program and returns the last line, which is always of the same form.
func succeed(t *testing.T, args ...string) (lastLine string) {
	t.Helper()
	o := execute(args...)
	if o.status != 0 {
		t.Fatalf("charlm %s: exit status %d: %s", strings.Join(args, " "), o.status, o.stderr)
	}
	return o.last(t)
}

var lastLine = regexp.MustCompile(`^validation: (\d+\.\d{4}) nats/char \(perplexity (\d+\.\d\d), (\d+\.\d\d) bits/char\)$`)

func (o outcome) last(t *testing.T) string {
	t.Helper()
	lines := strings.Split(o.stdout, "\n")
	if len(lines) < 2 || lines[len(lines)-1] != "" || !lastLine.MatchString(lines[len(lines)-2]) {
		t.Fatalf("the output does not end with the line of the validation loss:\n%s", o.stdout)
	}
	return lines[len(lines)-2]
}

// nats is the loss in a last line.
func nats(t *testing.T, line string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(lastLine.FindStringSubmatch(line)[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// prose is a text of a few words, always the same.
func prose(length int) string {
	words := []string{"the", "state", "of", "a", "network", "is", "carried", "from", "one", "window", "to", "next"}
	rng := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for b.Len() < length {
		b.WriteString(words[rng.IntN(len(words))])
		b.WriteByte(" \n"[rng.IntN(10)/9])
	}
	return b.String()[:length]
}

// small goes to an empty directory with text.txt, and returns the flags of a run of a few milliseconds. A flag that is
// given again after these takes their place.
func small(t *testing.T, more ...string) []string {
	t.Helper()
	t.Chdir(t.TempDir())
	put(t, "text.txt", prose(4000))
	return append(strings.Fields("-text text.txt -hidden 16 -embed 8 -batch 4 -window 20 -steps 20 -every 10 -sample 10 -lr 1e-2"), more...)
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// listing is everything below the working directory: names and contents.
func listing(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		files[path] = "a directory"
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			files[path] = string(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func with(args []string, more ...string) []string { return append(slices.Clone(args), more...) }

// A model learns the words of a text, and everything that the README promises is there afterwards.
func TestTrains(t *testing.T) {
	args := small(t, "-steps", "150", "-every", "50", "-sample", "30")
	o := execute(args...)
	line := o.last(t)
	loss := nats(t, line)
	// A guess among 18 characters has log 18 = 2.89 nats, a reader who knows the words 0.7.
	if o.status != 0 || !(loss < 1.2) {
		t.Errorf("status %d, %s; want a loss below 1.2\n%s", o.status, line, o.stderr)
	}
	for _, want := range []string{
		"text: 4000 characters, 18 different", "embedding 8, lstm 16 × 1, 2", "saved in charlm-model", "a sample of 500 characters:",
	} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("no %q in\n%s", want, o.stdout)
		}
	}
	for _, want := range []string{"step 50: training ", "step 100: training ", "step 150: training ", "nats/char\n    "} {
		if !strings.Contains(o.stderr, want) {
			t.Errorf("no %q in\n%s", want, o.stderr)
		}
	}
	sample, err := os.ReadFile("charlm-model/sample.txt")
	if err != nil || len(sample) != 500 || strings.ContainsRune(string(sample), '\uFFFD') {
		t.Errorf("sample of %d bytes, %v", len(sample), err)
	}
	if words := strings.Fields(string(sample)); !slices.Contains(words, "the") && !slices.Contains(words, "of") {
		t.Errorf("no word was learned: %q", sample)
	}
	curve, err := os.ReadFile("charlm-model/learning-curve.png")
	if err != nil || !bytes.HasPrefix(curve, []byte("\x89PNG")) {
		t.Errorf("learning curve: %.8q, %v", curve, err)
	}
	if _, err := os.Stat("charlm-model/step-00000150/model.safetensors"); err != nil {
		t.Error(err)
	}
	for name := range listing(t) {
		if strings.Contains(name, ".new-") || strings.Contains(name, ".tmp-") {
			t.Errorf("%s was left behind", name)
		}
	}
}

func TestLastLine(t *testing.T) {
	line := succeed(t, small(t)...)
	m := lastLine.FindStringSubmatch(line)
	loss := nats(t, line)
	perplexity, _ := strconv.ParseFloat(m[2], 64)
	bits, _ := strconv.ParseFloat(m[3], 64)
	if math.Abs(perplexity/math.Exp(loss)-1) > 1e-3 || math.Abs(bits-loss/math.Ln2) > 6e-3 {
		t.Errorf("the numbers don't agree: %s", line)
	}
	if again := succeed(t, small(t)...); again != line {
		t.Errorf("%s\nthe second time: %s", line, again)
	}
}

func TestQuiet(t *testing.T) {
	args := small(t)
	want := succeed(t, args...)
	o := execute(with(args, "-quiet")...)
	if o.stdout != want+"\n" || o.stderr != "" || o.status != 0 {
		t.Errorf("stdout %q, stderr %q, status %d; want only %q", o.stdout, o.stderr, o.status, want)
	}
}

// Every flag makes the difference that it should, and no other.
func TestFlags(t *testing.T) {
	base := small(t, "-dropout", "0.1")
	put(t, "other.txt", strings.ReplaceAll(prose(5000), "network", "machine"))
	want := succeed(t, with(base, "-save", "base")...)
	sampleOf := func(dir string) string {
		data, err := os.ReadFile(filepath.Join(dir, "sample.txt"))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for i, c := range []struct {
		flags             string
		training, samples bool // what is different
	}{
		{"-seed 1", false, false},
		{"-text other.txt", true, true},
		{"-steps 21", true, true},
		{"-hidden 17", true, true},
		{"-embed 9", true, true},
		{"-layers 2", true, true},
		{"-cell gru", true, true},
		{"-cell rnn", true, true},
		{"-batch 5", true, true},
		{"-window 21", true, true},
		{"-lr 0.02", true, true},
		{"-dropout 0.4", true, true},
		{"-seed 2", true, true},
		{"-every 7", false, false},
		{"-sample 33", false, false},
		{"-sample 0", false, false},
		{"-temperature 0.1", false, true},
		{"-temperature 0", false, true},
		{"-quiet", false, false},
	} {
		dir := fmt.Sprint("run", i)
		got := succeed(t, with(base, append(strings.Fields(c.flags), "-save", dir)...)...)
		if (got != want) != c.training {
			t.Errorf("%s: %s, without it %s", c.flags, got, want)
		}
		if (sampleOf(dir) != sampleOf("base")) != c.samples {
			t.Errorf("%s: the sample differs: %t", c.flags, !c.samples)
		}
	}

	// What is printed on the way.
	o := execute(with(base, "-every", "5", "-sample", "12", "-save", "printed")...)
	reports := regexp.MustCompile(`(?m)^step \d+: training \d+\.\d{4}, validation \d+\.\d{4} nats/char$`).FindAllString(o.stderr, -1)
	if len(reports) != 4 {
		t.Errorf("%d reports of 4:\n%s", len(reports), o.stderr)
	}
	if o := execute("-help"); o.status != 0 || o.stdout != "" || !strings.Contains(o.stderr, "-temperature") {
		t.Errorf("-help: %+v", o)
	}
}

// Steps are those of the whole run: raised step by step, it ends where the straight run ends.
func TestResume(t *testing.T) {
	for _, cell := range []string{"lstm", "gru", "rnn"} {
		args := small(t, "-dropout", "0.2", "-cell", cell, "-layers", "2", "-seed", "7")
		want := succeed(t, with(args, "-steps", "40", "-save", "straight")...)
		succeed(t, with(args, "-steps", "13", "-save", "parts")...)
		succeed(t, with(args, "-steps", "25", "-save", "parts", "-resume")...)
		// The model's shape need not be given again.
		resume := strings.Fields("-text text.txt -batch 4 -window 20 -lr 1e-2 -save parts -resume -quiet")
		if got := succeed(t, append(resume, "-steps", "40")...); got != want {
			t.Errorf("%s: resumed %s, straight %s", cell, got, want)
		}
		// A run that is there already only says so; the same with fewer steps.
		for _, steps := range []string{"40", "30"} {
			if got := succeed(t, append(resume, "-steps", steps)...); got != want {
				t.Errorf("%s: again to %s steps %s, straight %s", cell, steps, got, want)
			}
		}
	}
	// Without -save, it is the default directory that is resumed.
	args := small(t)
	want := succeed(t, with(args, "-steps", "30", "-save", "straight")...)
	succeed(t, args...)
	if got := succeed(t, with(args, "-steps", "30", "-resume")...); got != want {
		t.Errorf("resumed %s, straight %s", got, want)
	}
}

// Runs without -save get a directory each, also when they start at the same moment.
func TestRunsDoNotClash(t *testing.T) {
	args := small(t)
	want := execute(with(args, "-quiet")...)
	const runs = 4
	outcomes := make([]outcome, runs)
	var wg sync.WaitGroup
	for i := range runs {
		wg.Go(func() { outcomes[i] = execute(with(args, "-quiet")...) })
	}
	wg.Wait()
	for i, o := range outcomes {
		if o != want {
			t.Errorf("run %d: %+v, want %+v", i, o, want)
		}
	}
	for _, dir := range []string{"charlm-model", "charlm-model-2", "charlm-model-3", "charlm-model-4", "charlm-model-5"} {
		for _, file := range []string{"sample.txt", "learning-curve.png", "step-00000020/model.safetensors"} {
			if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
				t.Error(err)
			}
		}
	}
	if got, _ := filepath.Glob("charlm-model*"); len(got) != runs+1 {
		t.Errorf("directories %v", got)
	}
}

// The corpus of a run without -text is what the machine's Go has, a few megabytes, the same in every run.
func TestStandardLibrary(t *testing.T) {
	files, err := standardLibrary()
	if err != nil {
		t.Fatal(err)
	}
	again, err := standardLibrary()
	if err != nil || !slices.Equal(files, again) {
		t.Errorf("another list the second time, %v", err)
	}
	if !slices.IsSorted(files) || len(slices.Compact(slices.Clone(files))) != len(files) {
		t.Error("not sorted, or a file twice")
	}
	size := int64(0)
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
		if !strings.HasSuffix(f, ".go") || strings.HasSuffix(f, "_test.go") || strings.Contains(f, "testdata") {
			t.Errorf("%s is no source for reading", f)
		}
	}
	if size < 2<<20 || size > 8<<20 || len(files) < 100 {
		t.Errorf("%d bytes in %d files, want a few megabytes in hundreds", size, len(files))
	}
	t.Logf("%d bytes in %d files", size, len(files))

	t.Chdir(t.TempDir())
	succeed(t, strings.Fields("-steps 2 -hidden 8 -embed 4 -batch 4 -window 10")...)
}
