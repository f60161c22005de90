package snapshot

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var errDisk = errors.New("disk failure")

// faults fails the call number n of one kind, and all after it, or lets only
// so many bytes be written.
type faults struct {
	kind  string
	n     int
	calls map[string]int
	trace []string // the calls in order, without those for bytes
}

func (f *faults) fail(kind string) error {
	f.calls[kind]++
	if kind != "byte" {
		f.trace = append(f.trace, kind)
	}
	if kind == f.kind && f.calls[kind] > f.n {
		return fmt.Errorf("%s: %w", kind, errDisk)
	}
	return nil
}

func (f *faults) system() system {
	s := quick()
	f.calls = map[string]int{}
	return system{
		create: func(path string) (file, error) {
			if err := f.fail("create"); err != nil {
				return nil, err
			}
			real, err := s.create(path)
			return faultyFile{real, f}, err
		},
		rename: func(from, to string) error {
			if err := f.fail("rename"); err != nil {
				return err
			}
			return s.rename(from, to)
		},
		syncDir: func(string) error { return f.fail("syncDir") },
	}
}

type faultyFile struct {
	file
	f *faults
}

func (w faultyFile) Write(p []byte) (int, error) {
	for i := range p {
		if err := w.f.fail("byte"); err != nil {
			n, _ := w.file.Write(p[:i])
			return n, err
		}
	}
	return w.file.Write(p)
}

func (w faultyFile) Sync() error { return w.f.fail("sync") }

func (w faultyFile) Close() error { return errors.Join(w.file.Close(), w.f.fail("close")) }

// Whichever byte, flush, close or rename is the first to fail, the error says
// so and what was there is as it was.
func TestEveryFault(t *testing.T) {
	for _, step := range []int64{1, 2} { // a replacement and a new step
		for _, kind := range []string{"byte", "create", "sync", "close", "rename", "syncDir"} {
			count := &faults{}
			if _, err := count.system().save(t.TempDir(), step, 1, writer(content(step))); err != nil {
				t.Fatal(err)
			}
			if count.calls[kind] == 0 {
				t.Fatalf("no call of %s", kind)
			}
			dir := t.TempDir()
			mustSave(t, dir, 1, 0)
			for n := range count.calls[kind] {
				path, err := (&faults{kind: kind, n: n}).system().save(dir, step, 1, writer(content(step)))
				var e *Error
				if path != "" || !errors.As(err, &e) || !errors.Is(err, errDisk) || strings.Contains(err.Error(), "\n") {
					t.Fatalf("%s %d: got %q, %v", kind, n, path, err)
				}
				if kind == "syncDir" && n == 1 {
					// Whole, but not known to be on the disk: the old one stays.
					if got := names(t, dir); len(got) != 2 || got[0] != "step-00000001" {
						t.Fatalf("left %v", got)
					}
					mustLoad(t, dir, step, 0)
					continue
				}
				wantNames(t, dir, "step-00000001")
				mustLoad(t, dir, 1, 0)
			}
		}
	}
}

// A single file is replaced whole or not at all, and nothing else is left.
func TestEveryFaultOfOneFile(t *testing.T) {
	write := func(text string) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		}
	}
	count := &faults{}
	if err := count.system().writeFile(filepath.Join(t.TempDir(), "file"), write("new text")); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(count.trace, " "), "create sync close rename syncDir"; got != want {
		t.Errorf("calls: %s, want %s", got, want)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	check := func(what string, err, cause error, want string) {
		t.Helper()
		var e *Error
		if cause != nil && (!errors.As(err, &e) || !errors.Is(err, cause) || e.Path != path || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: got %v", what, err)
		}
		if cause == nil && err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != want {
			t.Errorf("%s: the file holds %q, %v", what, data, err)
		}
		wantNames(t, dir, "file")
	}
	check("first", WriteFile(path, write("old")), nil, "old")
	check("callback", WriteFile(path, func(w io.Writer) error { return errors.Join(write("new")(w), errDisk) }), errDisk, "old")
	for _, kind := range []string{"byte", "create", "sync", "close", "rename"} {
		for n := range count.calls[kind] {
			check(kind, (&faults{kind: kind, n: n}).system().writeFile(path, write("new text")), errDisk, "old")
		}
	}
	// The new file is there, but may not survive a power cut.
	check("syncDir", (&faults{kind: "syncDir"}).system().writeFile(path, write("newer")), errDisk, "newer")
	check("replaced", WriteFile(path, write("newest")), nil, "newest")

	var e *Error
	if err := WriteFile(filepath.Join(dir, "none", "file"), write("x")); !errors.As(err, &e) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	if err := WriteFile(dir, write("x")); !errors.As(err, &e) {
		t.Errorf("a directory: %v", err)
	}
}

// What a power cut leaves depends on the order of the calls, which no kill of
// a process can test.
func TestOrderOfCalls(t *testing.T) {
	dir := t.TempDir()
	mustSave(t, dir, 1, 0)
	f := &faults{}
	if _, err := f.system().save(dir, 1, 1, writer(map[string]string{"a": "text"})); err != nil {
		t.Fatal(err)
	}
	want := "create sync close create sync close syncDir rename syncDir rename"
	if got := strings.Join(f.trace, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The snapshot counts although an older one cannot be removed.
func TestRemovalFails(t *testing.T) {
	dir := t.TempDir()
	mustSave(t, dir, 1, 0)
	path, err := (&faults{kind: "rename", n: 1}).system().save(dir, 2, 1, writer(content(2)))
	var e *Error
	if path == "" || !errors.As(err, &e) || e.Op != "remove" || !errors.Is(err, errDisk) {
		t.Errorf("got %q, %v", path, err)
	}
	wantNames(t, dir, "step-00000001", "step-00000002")
	mustLoad(t, dir, 2, 0)
	mustSave(t, dir, 3, 1)
	wantNames(t, dir, "step-00000003")
}

// childDir makes the test binary a program that saves for ever.
const childDir = "SNAPSHOT_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		for {
			// New steps and replacements, real flushes, one kept.
			s, _, err := Load(dir)
			step := int64(0)
			if err == nil {
				step = s.Step + rand.Int64N(2)
			}
			if _, err := Save(dir, step, 1, writer(content(step))); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			fmt.Println("saved")
		}
	}
	os.Exit(m.Run())
}

func TestKilled(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	last, leftovers := int64(-1), 0
	for range 10 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, _ := bufio.NewReader(out).ReadString('\n')
		time.Sleep(time.Duration(rng.IntN(30_000)) * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait() // it reports the kill
		if line != "saved\n" {
			t.Fatalf("the child says %q", line)
		}

		s, skipped, err := Load(dir)
		if err != nil || s.Step < last || len(skipped) > 0 {
			t.Fatalf("after step %d: got %v, %v, %v", last, s, skipped, err)
		}
		mustLoad(t, dir, s.Step, 0)
		last = s.Step
		for _, name := range names(t, dir) {
			if strings.HasPrefix(name, tmpPrefix) {
				leftovers++
			}
		}
	}
	t.Logf("%d steps, %d left-over directories", last, leftovers)
	mustSave(t, dir, last+1, 1)
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left %v", got)
	}
}
