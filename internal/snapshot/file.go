package snapshot

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// WriteFile writes a single file, which appears at path whole, in place of one that was there, or not at all. The
// callback write gives its content to a buffered writer.
//
// An error is an *Error, and wraps that of write if it has failed. Then what was at path is still there, unless only the
// flushing of the directory has failed.
func WriteFile(path string, write func(io.Writer) error) error { return disk.writeFile(path, write) }

func (s system) writeFile(path string, write func(io.Writer) error) error {
	dir := filepath.Dir(path)
	// Two writers at once must not share a file. This prefix isn't tmpPrefix, which Save clears away.
	tmp := filepath.Join(dir, fmt.Sprintf(".write-%016x", rand.Uint64()))
	f, err := s.create(tmp)
	if err != nil {
		return &Error{"write", path, err}
	}
	err = fillFile(f, write)
	if err == nil {
		err = s.rename(tmp, path)
	}
	if err != nil {
		return &Error{"write", path, errors.Join(err, os.Remove(tmp))}
	}
	if err := s.syncDir(dir); err != nil {
		return &Error{"write", path, err}
	}
	return nil
}

// fillFile puts the content into a file, on the disk, and closes it.
func fillFile(f file, write func(io.Writer) error) error {
	w := bufio.NewWriterSize(f, 64<<10)
	err := write(w)
	if err == nil {
		err = w.Flush()
	}
	return finish(f, err)
}
