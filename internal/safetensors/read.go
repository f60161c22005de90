package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"
)

// ReadFile reads the file at path.
func ReadFile(path string) (*File, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	defer r.Close() // only read: nothing is lost if closing fails
	info, err := r.Stat()
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	f, err := Read(r, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Read reads a file of size bytes from r. The header is held against size
// before memory is taken for the tensors, so size must be the real one.
// Content that is refused is a *FormatError; an error of r is returned wrapped.
func Read(r io.Reader, size int64) (*File, error) {
	header, err := readHeader(r, size)
	if err != nil {
		return nil, err
	}
	entries, metadata, err := parseHeader(header)
	if err != nil {
		return nil, err
	}
	if err := checkLayout(entries, size-8-int64(len(header))); err != nil {
		return nil, err
	}
	f := &File{Metadata: metadata}
	buf := make([]byte, chunkSize)
	for _, e := range entries {
		data, err := readData(r, e, buf)
		if err != nil {
			return nil, fmt.Errorf("safetensors: reading tensor %.80q: %w", e.name, noEOF(err))
		}
		f.Tensors = append(f.Tensors, Tensor{Name: e.name, DType: e.DType, Shape: e.Shape, Data: data})
	}
	return f, nil
}

// entry is a tensor's part of the header.
type entry struct {
	name    string
	DType   DType    `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

func readHeader(r io.Reader, size int64) ([]byte, error) {
	if size < 8 {
		return nil, errorf("", "%d bytes are too few for a header", size)
	}
	var prefix [8]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, fmt.Errorf("safetensors: reading the header: %w", noEOF(err))
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > uint64(size-8) {
		return nil, errorf("", "header of %d bytes in a file of %d", n, size)
	}
	if n > maxHeader {
		return nil, errorf("", "header of %d bytes is larger than %d", n, maxHeader)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, fmt.Errorf("safetensors: reading the header: %w", noEOF(err))
	}
	return header, nil
}

// checkLayout sorts the entries by their data and checks that each has the
// size of its shape and that together they fill size bytes.
func checkLayout(entries []entry, size int64) error {
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.Offsets[0], b.Offsets[0]), cmp.Compare(a.Offsets[1], b.Offsets[1]))
	})
	end := int64(0)
	for _, e := range entries {
		want, err := byteSize(e.name, e.DType, e.Shape)
		if err != nil {
			return err
		}
		switch begin := e.Offsets[0]; {
		case begin < end:
			return errorf(e.name, "data begins at %d, inside of another tensor's, which ends at %d", begin, end)
		case begin > end:
			return errorf(e.name, "data begins at %d and leaves a gap after %d", begin, end)
		}
		if got := e.Offsets[1] - e.Offsets[0]; got != want {
			return errorf(e.name, "data_offsets %v span %d bytes, want %d for %s %v", e.Offsets, got, want, e.DType, e.Shape)
		}
		end = e.Offsets[1]
	}
	if end != size {
		return errorf("", "tensors take %d bytes, but %d follow the header", end, size)
	}
	return nil
}

func readData(r io.Reader, e entry, buf []byte) (any, error) {
	elem := e.DType.size()
	n := int(e.Offsets[1]-e.Offsets[0]) / elem
	data := reflect.MakeSlice(sliceTypes[e.DType], n, n)
	for i := 0; i < n; {
		j := min(n, i+len(buf)/elem)
		chunk := buf[:(j-i)*elem]
		if _, err := io.ReadFull(r, chunk); err != nil {
			return nil, err
		}
		if _, err := binary.Decode(chunk, binary.LittleEndian, data.Slice(i, j).Interface()); err != nil {
			return nil, err
		}
		i = j
	}
	return data.Interface(), nil
}

// noEOF turns an end that came too early into an error that cannot be taken
// for the usual end of a stream.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// parseHeader walks the tokens itself because decoding into structs would let
// pass keys that occur twice, keys in another case, and null for a number.
func parseHeader(header []byte) ([]entry, map[string]string, error) {
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, errorf("", "header does not begin with {")
	}
	if !utf8.Valid(header) {
		return nil, nil, errorf("", "header is not UTF-8")
	}
	if !json.Valid(header) {
		return nil, nil, errorf("", "header is not JSON")
	}
	p := parser{json.NewDecoder(bytes.NewReader(header))}
	p.dec.UseNumber()

	var entries []entry
	var metadata map[string]string
	err := p.object(func(name string) (err error) {
		if name == metadataKey {
			metadata, err = p.metadata()
			return err
		}
		e, err := p.entry(name)
		entries = append(entries, e)
		return err
	})
	return entries, metadata, err
}

// parser reads valid JSON token by token.
type parser struct{ dec *json.Decoder }

// object calls member after each key, which must read the key's value.
func (p parser) object(member func(key string) error) error {
	if err := p.delim('{', "an object"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for p.dec.More() {
		key, err := p.text()
		if err != nil {
			return err
		}
		if seen[key] {
			return errorf("", "%.80q occurs twice in the header", key)
		}
		seen[key] = true
		if err := member(key); err != nil {
			return err
		}
	}
	return p.delim('}', "the end of an object")
}

func (p parser) metadata() (map[string]string, error) {
	m := map[string]string{}
	err := p.object(func(key string) (err error) {
		m[key], err = p.text()
		return err
	})
	return m, err
}

func (p parser) entry(name string) (entry, error) {
	e := entry{name: name}
	keys := 0
	err := p.object(func(key string) error {
		keys++
		switch key {
		case "dtype":
			s, err := p.text()
			e.DType = DType(s)
			return err
		case "shape":
			return p.numbers(maxRank, func(n int64) error {
				if int64(int(n)) != n {
					return errorf("", "dimension %d is too large for this machine", n)
				}
				e.Shape = append(e.Shape, int(n))
				return nil
			})
		case "data_offsets":
			i := 0
			err := p.numbers(2, func(n int64) error {
				e.Offsets[i] = n
				i++
				return nil
			})
			if err == nil && i != 2 {
				err = errorf("", "data_offsets has %d numbers, want 2", i)
			}
			return err
		}
		return errorf("", "key %.80q is unknown", key)
	})
	if err == nil && keys != 3 {
		err = errorf("", "dtype, shape or data_offsets is missing")
	}
	if fe, ok := err.(*FormatError); ok {
		fe.Name = name
	}
	return e, err
}

// numbers reads an array of at most limit numbers that are not negative.
func (p parser) numbers(limit int, add func(int64) error) error {
	if err := p.delim('[', "an array"); err != nil {
		return err
	}
	for count := 0; p.dec.More(); count++ {
		if count == limit {
			return errorf("", "array in the header has more than %d numbers", limit)
		}
		t, err := p.token()
		if err != nil {
			return err
		}
		s, ok := t.(json.Number)
		if !ok {
			return errorf("", "header has %s, want a number", describe(t))
		}
		n, err := strconv.ParseUint(s.String(), 10, 63)
		if err != nil {
			return errorf("", "number %.40s in the header is not an integer from 0 to 2^63-1", s)
		}
		if err := add(int64(n)); err != nil {
			return err
		}
	}
	return p.delim(']', "the end of an array")
}

func (p parser) text() (string, error) {
	t, err := p.token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", errorf("", "header has %s, want a string", describe(t))
	}
	return s, nil
}

func (p parser) delim(want json.Delim, what string) error {
	t, err := p.token()
	if err != nil {
		return err
	}
	if t != want {
		return errorf("", "header has %s, want %s", describe(t), what)
	}
	return nil
}

func (p parser) token() (json.Token, error) {
	t, err := p.dec.Token()
	if err != nil {
		return nil, errorf("", "header is not JSON: %v", err)
	}
	return t, nil
}

func describe(t json.Token) string {
	switch t := t.(type) {
	case nil:
		return "null"
	case string:
		return fmt.Sprintf("%.40q", t)
	}
	return fmt.Sprintf("%.40s", fmt.Sprint(t))
}
