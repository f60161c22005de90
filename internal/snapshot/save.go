package snapshot

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Save writes a snapshot of step into dir, which it creates if there is none,
// and returns its path. The callback write makes each file with create; names
// consist of letters, digits and "._-". The writers are buffered, and closed
// when write returns.
//
// After that, of the snapshots up to this step the newest keep remain (this one
// among them); keep <= 0 keeps all. Snapshots of later steps are left alone.
//
// An error is an *Error, and wraps that of write if it has failed. If path is
// empty nothing that was there has changed. Otherwise the snapshot is saved,
// and the error says which old files could not be removed.
func Save(dir string, step int64, keep int, write func(create func(name string) (io.Writer, error)) error) (path string, err error) {
	return disk.save(dir, step, keep, write)
}

// system is what Save asks of the operating system, so that tests can make
// each call fail.
type system struct {
	create  func(path string) (file, error)
	rename  func(from, to string) error
	syncDir func(path string) error
}

type file interface {
	io.WriteCloser
	Sync() error
}

var disk = system{
	create: func(path string) (file, error) {
		return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	},
	rename:  os.Rename,
	syncDir: syncDir,
}

func (s system) save(dir string, step int64, keep int, write func(func(string) (io.Writer, error)) error) (string, error) {
	if step < 0 {
		return "", &Error{"save", dir, fmt.Errorf("step %d is negative", step)}
	}
	unlock, err := claim(dir)
	if err != nil {
		return "", &Error{"save", dir, err}
	}
	defer unlock()

	// Left-overs go first: a full disk may be full of them.
	tidyErr := removeLeftovers(dir)
	ids, err := list(dir)
	if err != nil {
		return "", &Error{"save", dir, err}
	}
	this := id{step: step}
	for _, i := range ids {
		if i.step == step {
			this.generation = max(this.generation, i.generation+1)
		}
	}
	path := filepath.Join(dir, this.String())
	tmp := filepath.Join(dir, tmpPrefix+this.String())
	err = s.fill(tmp, write)
	if err == nil {
		err = s.rename(tmp, path)
	}
	if err != nil {
		return "", &Error{"save", path, errors.Join(err, os.RemoveAll(tmp))}
	}
	if err := s.syncDir(dir); err != nil {
		// Under its final name it is whole, but it may not survive a power
		// cut, so nothing older may go.
		return "", &Error{"save", path, err}
	}
	if err := errors.Join(tidyErr, s.prune(dir, this, keep)); err != nil {
		return path, &Error{"remove", dir, err}
	}
	return path, nil
}

// fill makes the directory tmp and puts all files into it, on the disk.
func (s system) fill(tmp string, write func(func(string) (io.Writer, error)) error) error {
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return err
	}
	var outputs []*output
	var createErr error // write may have ignored it
	err := write(func(name string) (io.Writer, error) {
		o, err := s.newOutput(tmp, name)
		if err != nil {
			createErr = cmp.Or(createErr, err)
			return nil, err
		}
		outputs = append(outputs, o)
		return o, nil
	})
	err = cmp.Or(err, createErr)
	if err == nil && len(outputs) == 0 {
		err = errors.New("no file was written")
	}
	for _, o := range outputs {
		err = o.finish(err)
	}
	if err != nil {
		return err
	}

	slices.SortFunc(outputs, func(a, b *output) int { return cmp.Compare(a.name, b.name) })
	var sums strings.Builder
	for _, o := range outputs {
		sums.WriteString(sumLine(o.sum.Sum(nil), o.name))
	}
	f, err := s.create(filepath.Join(tmp, sumsName))
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, sums.String())
	if err := finish(f, err); err != nil {
		return err
	}
	return s.syncDir(tmp)
}

// output is a file of a snapshot while it is written.
type output struct {
	*bufio.Writer
	name string
	file file
	sum  hash.Hash
}

func (s system) newOutput(dir, name string) (*output, error) {
	if !ValidName(name) {
		return nil, fmt.Errorf("%.80q cannot be the name of a file in a snapshot", name)
	}
	f, err := s.create(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	return &output{bufio.NewWriterSize(io.MultiWriter(f, sum), 64<<10), name, f, sum}, nil
}

// finish closes the file and returns err, or else the first error of its own.
func (o *output) finish(err error) error {
	if err == nil {
		err = o.Flush()
	}
	return finish(o.file, err)
}

// finish flushes f to the disk unless err says that it is lost, and closes it
// in any case.
func finish(f file, err error) error {
	if err == nil {
		err = f.Sync()
	}
	closeErr := f.Close()
	return cmp.Or(err, closeErr)
}

// ValidName reports whether Save takes a file of this name. It admits names that mean the same file everywhere and need no
// escape in SHA256SUMS.
func ValidName(name string) bool {
	for _, c := range name {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.ContainsRune("._-", c):
		default:
			return false
		}
	}
	return filepath.IsLocal(name) && name[0] != '.' && name[len(name)-1] != '.' && !strings.EqualFold(name, sumsName)
}

func sumLine(sum []byte, name string) string { return fmt.Sprintf("%x  %s\n", sum, name) }

// prune removes what the snapshot this makes superfluous: other snapshots of
// a step that has a newer one, and steps beyond the newest keep.
func (s system) prune(dir string, this id, keep int) error {
	ids, err := list(dir)
	if err != nil {
		return err
	}
	var errs []error
	steps, last := 0, int64(-1)
	for _, i := range ids {
		if i.step > this.step {
			continue
		}
		replaced := i.step == last
		if !replaced {
			steps++
			last = i.step
		}
		if replaced || keep > 0 && steps > keep {
			errs = append(errs, s.remove(dir, i))
		}
	}
	return errors.Join(errs...)
}

// Remove removes a step's snapshots, if there are any.
func Remove(dir string, step int64) error {
	unlock, err := claim(dir)
	if err != nil {
		return &Error{"remove", dir, err}
	}
	defer unlock()
	ids, err := list(dir)
	if err != nil {
		return &Error{"remove", dir, err}
	}
	for _, i := range slices.Backward(ids) { // the newest last
		if i.step != step {
			continue
		}
		if err := disk.remove(dir, i); err != nil {
			return &Error{"remove", dir, err}
		}
	}
	return nil
}

// remove takes the snapshot out of Load's sight before it takes it apart.
func (s system) remove(dir string, i id) error {
	tmp := filepath.Join(dir, tmpPrefix+"old-"+i.String())
	if err := s.rename(filepath.Join(dir, i.String()), tmp); err != nil {
		return err
	}
	return os.RemoveAll(tmp)
}

// removeLeftovers removes what killed processes left. The caller has the lock,
// so nobody is writing there.
func removeLeftovers(dir string) error {
	entries, err := os.ReadDir(dir)
	errs := []error{err}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tmpPrefix) {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}
