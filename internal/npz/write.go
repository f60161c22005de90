package npz

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Array is an array to be written.
type Array struct {
	Name  string
	Shape []int // row-major; empty for a scalar
	Data  any   // []float32 or []float64, with the product of Shape elements
}

// Write writes arrays to w, not deflated: weights hardly get smaller. Nothing is written if the arrays themselves are at
// fault, which is a *FormatError; an error of w is returned wrapped.
func Write(w io.Writer, arrays []Array) error {
	headers := make([]string, len(arrays))
	seen := map[string]bool{}
	for i, t := range arrays {
		switch {
		case !utf8.ValidString(t.Name):
			return errorf(t.Name, "name is not UTF-8")
		case seen[t.Name]:
			return errorf(t.Name, "name occurs twice")
		}
		seen[t.Name] = true
		var err error
		if headers[i], err = t.header(); err != nil {
			return err
		}
	}
	z := zip.NewWriter(w)
	buf := make([]byte, 0, chunkSize)
	for i, t := range arrays {
		if err := t.write(z, headers[i], buf); err != nil {
			return fmt.Errorf("npz: writing array %.80q: %w", t.Name, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("npz: writing the directory: %w", err)
	}
	return nil
}

// header checks everything and returns all that precedes the elements.
func (t *Array) header() (string, error) {
	n, err := elements(t.Name, t.Shape)
	if err != nil {
		return "", err
	}
	descr, got := "", 0
	switch data := t.Data.(type) {
	case []float32:
		descr, got = "<f4", len(data)
	case []float64:
		descr, got = "<f8", len(data)
	default:
		return "", errorf(t.Name, "data is %T, want []float32 or []float64", t.Data)
	}
	if got != n {
		return "", errorf(t.Name, "data has %d elements, want %d for shape %v", got, n, t.Shape)
	}
	sizes := make([]string, len(t.Shape))
	for i, d := range t.Shape {
		sizes[i] = strconv.Itoa(d)
	}
	shape := strings.Join(sizes, ", ")
	if len(sizes) == 1 {
		shape += "," // else it would be a number in parentheses
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape)
	start := len(magic) + 4
	padding := 63 - (start+len(text))%64 // and a newline
	length := binary.LittleEndian.AppendUint16(nil, uint16(len(text)+padding+1))
	return magic + "\x01\x00" + string(length) + text + strings.Repeat(" ", padding) + "\n", nil
}

func (t *Array) write(z *zip.Writer, header string, buf []byte) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: t.Name + extension, Method: zip.Store})
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, header); err != nil {
		return err
	}
	if data, ok := t.Data.([]float64); ok {
		return writeElements(w, data, buf)
	}
	return writeElements(w, t.Data.([]float32), buf)
}

func writeElements[E float32 | float64](w io.Writer, data []E, buf []byte) error {
	for step := cap(buf) / 8; len(data) > 0; {
		n := min(step, len(data))
		chunk, err := binary.Append(buf[:0], binary.LittleEndian, data[:n])
		if err != nil {
			return err
		}
		if _, err := w.Write(chunk); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}
