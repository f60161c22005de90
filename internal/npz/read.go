package npz

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// Entry is an array of an open file.
type Entry struct {
	Name string // without ".npy"
	file *zip.File
}

// Open lists the arrays of a file of size bytes, in its order. Their names differ. Arrays are read from r when they are
// asked for.
func Open(r io.ReaderAt, size int64) ([]*Entry, error) {
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // nothing is written under these names
		return nil, &FormatError{Reason: "not a zip archive", Err: err}
	}
	var entries []*Entry
	seen := map[string]bool{}
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, extension)
		switch {
		case !ok:
			return nil, errorf("", "entry %.80q does not end with %s", f.Name, extension)
		case !utf8.ValidString(name):
			return nil, errorf(name, "name is not UTF-8")
		case seen[name]:
			return nil, errorf(name, "name occurs twice")
		case f.Flags&1 != 0:
			return nil, errorf(name, "is encrypted")
		case f.CompressedSize64 > uint64(size) || f.UncompressedSize64/maxRatio > f.CompressedSize64:
			return nil, errorf(name, "entry of %d bytes can't come from %d in a file of %d", f.UncompressedSize64, f.CompressedSize64, size)
		}
		seen[name] = true
		entries = append(entries, &Entry{name, f})
	}
	return entries, nil
}

// Shape reads the array's shape, which is empty for a single number.
func (e *Entry) Shape() ([]int, error) {
	r, h, err := e.open()
	if err != nil {
		return nil, err
	}
	r.Close() // only read
	return h.shape, nil
}

// Read reads the array's elements in row-major order: a []float64, a []float32, or a []uint16 with the bits of numbers
// in half precision.
func (e *Entry) Read() (any, error) {
	r, h, err := e.open()
	if err != nil {
		return nil, err
	}
	defer r.Close() // only read
	var data any
	switch h.size {
	case 8:
		data, err = read[float64](r, h)
	case 4:
		data, err = read[float32](r, h)
	default:
		data, err = read[uint16](r, h)
	}
	if err == nil { // the end is where the checksum is compared
		_, err = io.ReadFull(r, make([]byte, 1))
		switch err {
		case io.EOF:
			return data, nil
		case nil:
			err = errors.New("more bytes than the archive says")
		}
	}
	return nil, &FormatError{Name: e.Name, Reason: "reading the elements", Err: err}
}

// open reads the header and checks that it fits the size of the entry.
func (e *Entry) open() (io.ReadCloser, *header, error) {
	r, err := e.file.Open()
	if err != nil {
		return nil, nil, &FormatError{Name: e.Name, Reason: "opening the entry", Err: noEOF(err)}
	}
	h, err := readHeader(e.Name, r)
	if err == nil {
		err = e.checkSize(h)
	}
	if err != nil {
		r.Close() // only read
		return nil, nil, err
	}
	return r, h, nil
}

func (e *Entry) checkSize(h *header) error {
	n, err := elements(e.Name, h.shape)
	if err != nil {
		return err
	}
	want := uint64(h.length) + uint64(n)*uint64(h.size)
	if got := e.file.UncompressedSize64; got != want {
		return errorf(e.Name, "entry has %d bytes, want %d for shape %v", got, want, h.shape)
	}
	return nil
}

// read reads all elements, E being of the header's size.
func read[E float64 | float32 | uint16](r io.Reader, h *header) ([]E, error) {
	n, err := elements("", h.shape)
	if err != nil {
		return nil, err
	}
	data := make([]E, n)
	buf := make([]byte, min(chunkSize, n*h.size))
	for i := 0; i < n; {
		j := min(n, i+len(buf)/h.size)
		chunk := buf[:(j-i)*h.size]
		if _, err := io.ReadFull(r, chunk); err != nil {
			return nil, noEOF(err)
		}
		if _, err := binary.Decode(chunk, h.order, data[i:j]); err != nil {
			return nil, err
		}
		i = j
	}
	if h.fortran {
		data = rowMajor(data, h.shape)
	}
	return data, nil
}

// rowMajor returns the elements of a column-major array in row-major order.
func rowMajor[E any](data []E, shape []int) []E {
	stride := make([]int, len(shape))
	n := 1
	for d, size := range shape {
		stride[d] = n
		n *= size
	}
	out := make([]E, len(data))
	index := make([]int, len(shape))
	at := 0
	for i := range out {
		out[i] = data[at]
		for d := len(shape) - 1; d >= 0; d-- {
			index[d]++
			at += stride[d]
			if index[d] < shape[d] {
				break
			}
			at -= index[d] * stride[d]
			index[d] = 0
		}
	}
	return out
}
