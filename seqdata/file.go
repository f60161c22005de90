package seqdata

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"sync"
)

// OpenText opens a file of UTF-8 as a text of characters without keeping it in
// memory. It reads the file once, to check it, to build the vocabulary and to
// note where characters begin; later reads go to the file. The caller closes
// the text.
//
// Errors are those of ReadText, and *ChangedError.
func OpenText(path string) (*Text, error) {
	return openFile(path, nil, newMarks())
}

// OpenText opens a file as a text without keeping it in memory, as the function
// OpenText does. A character that is not in the vocabulary becomes Unknown. A
// file of bytes is not read in advance.
func (v *Vocab) OpenText(path string) (*Text, error) {
	return openFile(path, v, newMarks())
}

// OpenBytes is OpenText with bytes as tokens. It takes files of any kind.
func OpenBytes(path string) (*Text, error) {
	return openFile(path, ByteVocab(), newMarks())
}

// file is a source of the tokens of a file.
type file struct {
	vocab *Vocab
	f     *os.File
	info  fs.FileInfo // when it was opened
	marks marks       // without offsets, every token is one byte

	mu      sync.Mutex // guards what follows
	section *io.SectionReader
	in      *bufio.Reader // on section
}

// openFile notes in m where the characters of the file are.
func openFile(path string, v *Vocab, m marks) (t *Text, err error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close() // err says more than an error from here could
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, readError(path, err)
	}
	size := info.Size()
	if size > math.MaxInt {
		return nil, &ArgumentError{"OpenText", "size of " + path, size, "one that an int can hold"}
	}
	s := &file{vocab: v, f: f, info: info, section: io.NewSectionReader(f, 0, size)}
	s.in = bufio.NewReaderSize(s.section, 1<<13)
	n := int(size)
	if v == nil || !v.bytes {
		if n, err = s.index(m); err != nil {
			return nil, err
		}
	}
	if n == 0 {
		return nil, &EmptyError{Name: path}
	}
	return &Text{Vocab: s.vocab, name: path, src: s, n: n}, nil
}

// index reads the file through: it counts and marks the characters, and builds
// the vocabulary if there is none.
func (s *file) index(m marks) (n int, err error) {
	seen := newRuneSet()
	size, err := scan(s.section, s.f.Name(), false, func(code rune, offset int64) {
		seen[code] = true
		m.note(n, offset)
		n++
	})
	if err != nil {
		return 0, err
	}
	if size != s.info.Size() {
		return 0, &ChangedError{Name: s.f.Name()}
	}
	if s.vocab == nil {
		s.vocab = seen.vocab()
	}
	if int64(n) != size {
		s.marks = m
	}
	return n, s.unchanged()
}

func (s *file) read(dst []int32, at int) error {
	s.mu.Lock()
	defer s.mu.Unlock()

	skip, offset := s.marks.before(at)
	if _, err := s.section.Seek(offset, io.SeekStart); err != nil {
		return readError(s.f.Name(), err)
	}
	s.in.Reset(s.section)
	d := decoder{in: s.in, bytes: s.vocab.bytes}
	for i := -skip; i < len(dst); i++ {
		code, err := d.next()
		if err == io.EOF || err == errInvalidUTF8 {
			// The whole file was read and checked when it was opened.
			return &ChangedError{Name: s.f.Name()}
		}
		if err != nil {
			return readError(s.f.Name(), err)
		}
		if i >= 0 {
			dst[i] = s.vocab.id(code)
		}
	}
	return s.unchanged()
}

// unchanged is called after data is read, so that it covers that data.
func (s *file) unchanged() error {
	now, err := s.f.Stat()
	if err != nil {
		return readError(s.f.Name(), err)
	}
	if now.Size() != s.info.Size() || !now.ModTime().Equal(s.info.ModTime()) {
		return &ChangedError{Name: s.f.Name()}
	}
	return nil
}

func (s *file) Close() error {
	if err := s.f.Close(); err != nil {
		return readError(s.f.Name(), err)
	}
	return nil
}

// openRegular opens a file that has an end.
func openRegular(path string) (*os.File, error) {
	// Opening a named pipe would wait for a writer, so look before.
	info, err := os.Stat(path)
	if err != nil {
		return nil, readError(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, &NotRegularError{Name: path, Mode: info.Mode()}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, readError(path, err)
	}
	return f, nil
}

// readError names the file unless err does.
func readError(name string, err error) error {
	if _, named := errors.AsType[*fs.PathError](err); named {
		return fmt.Errorf("seqdata: %w", err)
	}
	return fmt.Errorf("seqdata: read %s: %w", name, err)
}
