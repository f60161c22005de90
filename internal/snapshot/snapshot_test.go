package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// content is what the tests save: files that depend on the step.
func content(step int64) map[string]string {
	return map[string]string{
		"model.safetensors": fmt.Sprintf("the weights of step %d", step),
		"state.json":        fmt.Sprintf(`{"step":%d}`, step),
		"empty":             "",
	}
}

func writer(files map[string]string) func(func(string) (io.Writer, error)) error {
	return func(create func(string) (io.Writer, error)) error {
		for name, text := range files {
			w, err := create(name)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(w, text); err != nil {
				return err
			}
		}
		return nil
	}
}

// quick is the real system without the waiting for the disk.
func quick() system {
	s := disk
	s.create = func(path string) (file, error) {
		f, err := disk.create(path)
		return noSync{f}, err
	}
	s.syncDir = func(string) error { return nil }
	return s
}

type noSync struct{ file }

func (noSync) Sync() error { return nil }

func mustSave(t testing.TB, dir string, step int64, keep int) string {
	t.Helper()
	path, err := quick().save(dir, step, keep, writer(content(step)))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// mustLoad holds the newest loadable snapshot to a step and its content.
func mustLoad(t testing.TB, dir string, step int64, skipped int) *Snapshot {
	t.Helper()
	s, skip, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s.Step != step || len(skip) != skipped {
		t.Fatalf("loaded step %d and skipped %v, want step %d and %d skipped", s.Step, skip, step, skipped)
	}
	if len(s.files) != len(content(step)) {
		t.Fatalf("step %d has %d files", step, len(s.files))
	}
	for name, want := range content(step) {
		if got, err := s.ReadFile(name); err != nil || string(got) != want {
			t.Fatalf("%s of step %d is %q, %v, want %q", name, step, got, err, want)
		}
	}
	return s
}

// names lists dir without the lock file.
func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		if e.Name() != lockName {
			list = append(list, e.Name())
		}
	}
	return list
}

func wantNames(t testing.TB, dir string, want ...string) {
	t.Helper()
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Fatalf("directory holds %v, want %v", got, want)
	}
}

func TestSaveAndLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	path, err := Save(dir, 500, 3, writer(content(500)))
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "step-00000500"); path != want {
		t.Errorf("path %q, want %q", path, want)
	}
	wantNames(t, dir, "step-00000500")
	s := mustLoad(t, dir, 500, 0)
	if s.Path != path {
		t.Errorf("path %q, want %q", s.Path, path)
	}

	if _, err := s.Open("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := s.ReadFile("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	// What was verified stays, whatever becomes of the disk and of copies.
	copied, _ := s.ReadFile("state.json")
	copied[0] = 'x'
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open("state.json")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != `{"step":500}` {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestSumsAreStandard(t *testing.T) {
	program, err := exec.LookPath("sha256sum")
	if err != nil {
		t.Skip("no sha256sum here")
	}
	path := mustSave(t, t.TempDir(), 1, 0)
	cmd := exec.Command(program, "-c", "--strict", sumsName)
	cmd.Dir = path
	if out, err := cmd.CombinedOutput(); err != nil || strings.Count(string(out), ": OK\n") != 3 {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestNone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "step-00000009"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"other", "step-5", "step-00000005.0", "step-00000005.x", "step--0000005", ".tmp-step-00000005"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{dir, filepath.Join(dir, "none")} {
		if s, skipped, err := Load(d); s != nil || skipped != nil || !errors.Is(err, ErrNone) {
			t.Errorf("got %v, %v, %v", s, skipped, err)
		}
	}
	if _, _, err := Load(filepath.Join(dir, "step-00000009")); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("a file as the directory: %v", err)
	}
}

func TestOrderOfSteps(t *testing.T) {
	dir := t.TempDir()
	for _, step := range []int64{100000000, 99999999, 0, 7} {
		mustSave(t, dir, step, 0)
	}
	mustLoad(t, dir, 100000000, 0)
}

// Whichever byte is changed, added or lost, the snapshot before is used.
func TestEveryByte(t *testing.T) {
	dir := t.TempDir()
	mustSave(t, dir, 1, 0)
	path := mustSave(t, dir, 2, 0)
	damaged := func(what string) {
		t.Helper()
		s, skipped, err := Load(dir)
		if err != nil || s.Step != 1 || len(skipped) != 1 {
			t.Fatalf("%s: got %v, %v, %v", what, s, skipped, err)
		}
		var e *Error
		if !errors.As(skipped[0], &e) || e.Path != path || strings.Contains(e.Error(), "\n") {
			t.Fatalf("%s: reported as %q", what, skipped[0])
		}
	}
	replace := func(file string, b []byte) {
		t.Helper()
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names(t, path) {
		file := filepath.Join(path, name)
		original, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := range original {
			for _, mask := range []byte{1, 0x20, 0xff} {
				b := bytes.Clone(original)
				b[i] ^= mask
				replace(file, b)
				damaged(fmt.Sprintf("%s: byte %d ^ %x", name, i, mask))
			}
			replace(file, original[:i])
			damaged(fmt.Sprintf("%s: cut to %d", name, i))
			replace(file, slices.Delete(bytes.Clone(original), i, i+1))
			damaged(fmt.Sprintf("%s: without byte %d", name, i))
		}
		replace(file, append(bytes.Clone(original), '\n'))
		damaged(name + ": a byte more")
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		damaged(name + ": missing")
		if err := os.Mkdir(file, 0o755); err != nil {
			t.Fatal(err)
		}
		damaged(name + ": a directory")
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		replace(file, original)
	}
	extra := filepath.Join(path, "zzz")
	replace(extra, nil)
	damaged("an extra file")
	if err := os.Remove(extra); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, dir, 2, 0)
}

func TestAllDamaged(t *testing.T) {
	dir := t.TempDir()
	mustSave(t, dir, 1, 0)
	mustSave(t, dir, 2, 0)
	if err := os.Remove(filepath.Join(dir, "step-00000001", "empty")); err != nil {
		t.Fatal(err)
	}
	// Nothing at all must not count as a snapshot of no files.
	second := filepath.Join(dir, "step-00000002")
	for _, name := range names(t, second) {
		if err := os.WriteFile(filepath.Join(second, sumsName), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if name != sumsName {
			if err := os.Remove(filepath.Join(second, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	s, skipped, err := Load(dir)
	var e *Error
	if s != nil || len(skipped) != 2 || !errors.As(err, &e) || errors.Is(err, ErrNone) {
		t.Fatalf("got %v, %v, %v", s, skipped, err)
	}
	for _, want := range []error{skipped[0], skipped[1]} {
		if !errors.Is(err, want) {
			t.Errorf("%v is not among the reasons of %v", want, err)
		}
	}
	if !strings.Contains(err.Error(), "every snapshot is damaged (2)") {
		t.Error(err)
	}
}

func TestKeep(t *testing.T) {
	dir := t.TempDir()
	for step := range int64(5) {
		mustSave(t, dir, step, 2)
	}
	wantNames(t, dir, "step-00000003", "step-00000004")
	mustSave(t, dir, 5, 0)
	wantNames(t, dir, "step-00000003", "step-00000004", "step-00000005")

	// After a return to an earlier step the new snapshot stays, and so do the
	// later ones.
	mustSave(t, dir, 2, 1)
	wantNames(t, dir, "step-00000002", "step-00000003", "step-00000004", "step-00000005")
	mustSave(t, dir, 4, 1)
	wantNames(t, dir, "step-00000004.1", "step-00000005")
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	for i, want := range []string{"step-00000007", "step-00000007.1", "step-00000007.2"} {
		text := strings.Repeat("x", i)
		s := quick()
		s.rename = func(from, to string) error {
			if i > 0 {
				if _, _, err := Load(dir); err != nil {
					t.Errorf("before the rename to %s: %v", to, err)
				}
			}
			return disk.rename(from, to)
		}
		if _, err := s.save(dir, 7, 1, writer(map[string]string{"f": text})); err != nil {
			t.Fatal(err)
		}
		wantNames(t, dir, want)
		got, _, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := got.ReadFile("f"); string(b) != text || got.Step != 7 {
			t.Errorf("got %q of step %d, want %q", b, got.Step, text)
		}
	}

	// Killed between the rename and the removal: both are there.
	if err := os.CopyFS(filepath.Join(dir, "step-00000007.10"), os.DirFS(mustSave(t, t.TempDir(), 7, 0))); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, dir, 7, 0)
	mustSave(t, dir, 8, 2)
	wantNames(t, dir, "step-00000007.10", "step-00000008")
}

func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	mustSave(t, dir, 1, 0)
	for _, name := range []string{".tmp-step-00000002", ".tmp-old-step-00000000"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(dir, "step-00000001"))); err != nil {
			t.Fatal(err)
		}
	}
	mustLoad(t, dir, 1, 0)
	if len(names(t, dir)) != 3 {
		t.Error("Load has removed something")
	}
	mustSave(t, dir, 2, 0)
	wantNames(t, dir, "step-00000001", "step-00000002")
}

func TestConcurrentSaves(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for step := range int64(8) {
		wg.Go(func() {
			if _, err := quick().save(dir, step/2, 0, writer(content(step/2))); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, _, err := Load(dir); err != nil && !errors.Is(err, ErrNone) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := names(t, dir); len(got) != 4 {
		t.Errorf("left %v", got)
	}
	mustLoad(t, dir, 3, 0)
}

func TestNames(t *testing.T) {
	for _, name := range []string{"", ".", "..", ".hidden", "a/b", `a\b`, "../a", "/a", "a\nb", "a b", "é", "a.", sumsName, "sha256sums"} {
		dir := t.TempDir()
		_, err := quick().save(dir, 1, 0, writer(map[string]string{name: "text"}))
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%q: %v", name, err)
		}
		wantNames(t, dir)
	}
}

func TestWriteCallback(t *testing.T) {
	dir := t.TempDir()
	mustSave(t, dir, 1, 0)
	failed := errors.New("failed")
	for want, write := range map[string]func(func(string) (io.Writer, error)) error{
		"failed": func(create func(string) (io.Writer, error)) error {
			w, _ := create("a")
			io.WriteString(w, "text")
			return failed
		},
		"no file": func(func(string) (io.Writer, error)) error { return nil },
		"exist": func(create func(string) (io.Writer, error)) error {
			create("a")
			create("a") // its error is ignored
			return nil
		},
		"\"\" cannot be": func(create func(string) (io.Writer, error)) error {
			create("")
			create("a")
			return nil
		},
	} {
		path, err := quick().save(dir, 2, 1, write)
		var e *Error
		if path != "" || !errors.As(err, &e) || e.Op != "save" || !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, %v, want %q", path, err, want)
		}
		if want == "failed" && !errors.Is(err, failed) {
			t.Errorf("%v does not wrap the error of write", err)
		}
		wantNames(t, dir, "step-00000001")
	}
	if _, err := Save(dir, -1, 0, writer(content(1))); err == nil {
		t.Error("a negative step was saved")
	}
}

func TestCheck(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		if err := Check(dir); err != nil {
			t.Fatal(err)
		}
		wantNames(t, dir)
	}
	if err := os.MkdirAll(filepath.Join(dir, ".tmp-checked", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Check(dir); err != nil {
		t.Errorf("after a killed Check: %v", err)
	}

	plain := filepath.Join(dir, "file")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{plain, filepath.Join(plain, "below"), ""} {
		var e *Error
		if err := Check(bad); !errors.As(err, &e) || e.Op != "check" {
			t.Errorf("Check(%q): %v", bad, err)
		}
		if path, err := Save(bad, 1, 0, writer(content(1))); path != "" || !errors.As(err, &e) || e.Op != "save" {
			t.Errorf("Save(%q): %q, %v", bad, path, err)
		}
	}
}

func TestReadOnlyDirectory(t *testing.T) {
	dir := t.TempDir()
	mustSave(t, dir, 1, 0)
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o755)
	if f, err := os.Create(filepath.Join(dir, "probe")); err == nil {
		f.Close()
		t.Skip("this user may write to a read-only directory")
	}
	if err := Check(dir); !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
	if _, err := Save(dir, 2, 1, writer(content(2))); !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
	mustLoad(t, dir, 1, 0)
}
