package snapshot

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Snapshot is a verified snapshot, held in memory.
type Snapshot struct {
	Path  string
	Step  int64
	files map[string][]byte
}

// Open returns a reader of the named file's verified bytes. The error for a
// file that the snapshot does not have is fs.ErrNotExist.
func (s *Snapshot) Open(name string) (*bytes.Reader, error) {
	b, ok := s.files[name]
	if !ok {
		return nil, &Error{"load", filepath.Join(s.Path, name), fs.ErrNotExist}
	}
	return bytes.NewReader(b), nil
}

// ReadFile returns a copy of the bytes that Open gives to read.
func (s *Snapshot) ReadFile(name string) ([]byte, error) {
	if _, err := s.Open(name); err != nil {
		return nil, err
	}
	return bytes.Clone(s.files[name]), nil
}

// Load returns the newest snapshot in dir whose files match its SHA256SUMS,
// and for each newer one that does not an *Error that says why.
//
// If there is no snapshot at all, or no dir, errors.Is(err, ErrNone). If there
// are some but all are damaged, err is another *Error that joins the reasons.
func Load(dir string) (s *Snapshot, skipped []error, err error) {
	ids, err := list(dir)
	for err == nil && len(ids) > 0 {
		skipped = nil
		for _, i := range ids {
			path := filepath.Join(dir, i.String())
			files, err := verify(path)
			if err == nil {
				return &Snapshot{path, i.step, files}, skipped, nil
			}
			skipped = append(skipped, &Error{"load", path, err})
		}
		// Another process may have saved and removed snapshots meanwhile:
		// only if a second look finds the same ones are they damaged.
		before := ids
		ids, err = list(dir)
		if slices.Equal(ids, before) {
			err = fmt.Errorf("every snapshot is damaged (%d):\n%w", len(ids), errors.Join(skipped...))
		}
	}
	if err == nil {
		err = ErrNone
	}
	return nil, skipped, &Error{"load", dir, err}
}

// LoadAll returns all snapshots in dir whose files match their SHA256SUMS, the
// newest first, of each step the newest one, and for each that does not match
// an *Error that says why. If there is none, errors.Is(err, ErrNone).
func LoadAll(dir string) (all []*Snapshot, skipped []error, err error) {
	ids, err := list(dir)
	if err != nil {
		return nil, nil, &Error{"load", dir, err}
	}
	for _, i := range ids {
		if n := len(all); n > 0 && all[n-1].Step == i.step {
			continue
		}
		path := filepath.Join(dir, i.String())
		files, err := verify(path)
		if err != nil {
			skipped = append(skipped, &Error{"load", path, err})
			continue
		}
		all = append(all, &Snapshot{path, i.step, files})
	}
	if len(all) == 0 {
		return nil, skipped, &Error{"load", dir, errors.Join(append([]error{ErrNone}, skipped...)...)}
	}
	return all, skipped, nil
}

// verify reads the files of a snapshot and compares the SHA256SUMS that they
// give with the stored one, byte for byte.
func verify(path string) (map[string][]byte, error) {
	entries, err := os.ReadDir(path) // sorted by name, as SHA256SUMS is
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	var stored []byte
	var sums strings.Builder
	for _, e := range entries {
		if !e.Type().IsRegular() {
			return nil, fmt.Errorf("%.80q is not a file", e.Name())
		}
		b, err := os.ReadFile(filepath.Join(path, e.Name()))
		if err != nil {
			return nil, err
		}
		if e.Name() == sumsName {
			stored = b
			continue
		}
		files[e.Name()] = b
		sum := sha256.Sum256(b)
		sums.WriteString(sumLine(sum[:], e.Name()))
	}
	if len(stored) == 0 {
		return nil, errors.New(sumsName + " is missing or empty")
	}
	if computed := sums.String(); string(stored) != computed {
		return nil, mismatch(strings.Split(string(stored), "\n"), strings.Split(computed, "\n"))
	}
	return files, nil
}

// mismatch names the first line in which the two texts differ.
func mismatch(stored, computed []string) error {
	n := 0
	for n < len(stored) && n < len(computed) && stored[n] == computed[n] {
		n++
	}
	// One text may end here: its line is empty then.
	line := func(text []string) string { return strings.Join(text[min(n, len(text)):min(n+1, len(text))], "") }
	return fmt.Errorf("damaged: line %d of %s is %.100q, but the files give %.100q", n+1, sumsName, line(stored), line(computed))
}
