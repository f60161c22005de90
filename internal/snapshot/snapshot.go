package snapshot

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	sumsName  = "SHA256SUMS"
	lockName  = ".lock"
	tmpPrefix = ".tmp-"
)

// ErrNone says that a directory has no snapshot, neither whole nor damaged.
var ErrNone = errors.New("no snapshot")

// Error is the error of every function of this package.
type Error struct {
	Op   string // "save", "load", "check", "remove" or "write"
	Path string // the snapshot, the directory of snapshots, or the file
	Err  error
}

func (e *Error) Error() string { return "snapshot: " + e.Op + " " + e.Path + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// id is what a snapshot's name says. A step that is saved again has the next
// generation.
type id struct {
	step       int64
	generation int
}

func (i id) String() string {
	if i.generation == 0 {
		return fmt.Sprintf("step-%08d", i.step)
	}
	return fmt.Sprintf("step-%08d.%d", i.step, i.generation)
}

func parseID(name string) (id, bool) {
	step, generation, dotted := strings.Cut(strings.TrimPrefix(name, "step-"), ".")
	if !dotted {
		generation = "0"
	}
	s, err1 := strconv.ParseInt(step, 10, 64)
	g, err2 := strconv.Atoi(generation)
	i := id{s, g}
	// The comparison leaves each snapshot one spelling.
	return i, err1 == nil && err2 == nil && s >= 0 && i.String() == name
}

// list returns the snapshots in dir, the newest first. A directory that does
// not exist has none.
func list(dir string) ([]id, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var ids []id
	for _, e := range entries {
		if i, ok := parseID(e.Name()); ok && e.IsDir() {
			ids = append(ids, i)
		}
	}
	slices.SortFunc(ids, func(a, b id) int {
		return cmp.Or(cmp.Compare(b.step, a.step), cmp.Compare(b.generation, a.generation))
	})
	return ids, nil
}

// Check creates dir if there is none and returns an *Error unless snapshots
// can be written to it. It is for the start of a long run.
func Check(dir string) error {
	if err := probe(dir); err != nil {
		return &Error{"check", dir, err}
	}
	return nil
}

// probe goes through all that Save does, with a file of a few bytes.
func probe(dir string) error {
	unlock, err := claim(dir)
	if err != nil {
		return err
	}
	defer unlock()
	if err := removeLeftovers(dir); err != nil {
		return err
	}
	tmp := filepath.Join(dir, tmpPrefix+"check")
	err = disk.fill(tmp, func(create func(string) (io.Writer, error)) error {
		w, err := create("check")
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, "check\n")
		return err
	})
	if err == nil {
		err = os.Rename(tmp, tmp+"ed")
	}
	return errors.Join(err, removeLeftovers(dir))
}

// claim makes dir if there is none and waits until no other Save or Check is
// at work in it.
func claim(dir string) (unlock func(), err error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	return lock(filepath.Join(dir, lockName))
}

// makeDir is os.MkdirAll that also flushes the new names to the disk.
func makeDir(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}
