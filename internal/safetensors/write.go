package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"unicode/utf8"
)

// Write writes f to w. Nothing is written if f itself is at fault, which is a
// *FormatError; an error of w is returned wrapped. f is not changed.
func Write(w io.Writer, f *File) error {
	tensors := slices.Clone(f.Tensors)
	slices.SortFunc(tensors, func(a, b Tensor) int {
		return cmp.Or(
			cmp.Compare(slices.Index(dtypes, a.DType), slices.Index(dtypes, b.DType)),
			cmp.Compare(a.Name, b.Name))
	})
	head, err := encodeHeader(tensors, f.Metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return fmt.Errorf("safetensors: writing the header: %w", err)
	}
	buf := make([]byte, 0, chunkSize)
	for _, t := range tensors {
		if err := writeData(w, t, buf); err != nil {
			return fmt.Errorf("safetensors: writing tensor %.80q: %w", t.Name, err)
		}
	}
	return nil
}

// encodeHeader checks everything and returns the length and the padded JSON.
func encodeHeader(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8)) // the length, set at the end
	b.WriteByte('{')
	if len(metadata) > 0 {
		for k, v := range metadata {
			if !utf8.ValidString(k) || !utf8.ValidString(v) {
				return nil, errorf("", "metadata %.80q is not UTF-8", k)
			}
		}
		if err := encodeMember(&b, metadataKey, metadata); err != nil {
			return nil, err
		}
	}
	seen := map[string]bool{metadataKey: true}
	end := int64(0)
	for _, t := range tensors {
		switch {
		case !utf8.ValidString(t.Name):
			return nil, errorf(t.Name, "name is not UTF-8")
		case seen[t.Name]:
			return nil, errorf(t.Name, "name occurs twice or is reserved")
		}
		seen[t.Name] = true
		size, err := byteSize(t.Name, t.DType, t.Shape)
		if err != nil {
			return nil, err
		}
		data, want := reflect.ValueOf(t.Data), sliceTypes[t.DType]
		if !data.IsValid() || data.Type() != want {
			return nil, errorf(t.Name, "data is %T, want %v for %s", t.Data, want, t.DType)
		}
		if n := size / int64(t.DType.size()); int64(data.Len()) != n {
			return nil, errorf(t.Name, "data has %d elements, want %d for shape %v", data.Len(), n, t.Shape)
		}
		e := entry{DType: t.DType, Shape: append([]int{}, t.Shape...), Offsets: [2]int64{end, end + size}}
		if err := encodeMember(&b, t.Name, e); err != nil {
			return nil, err
		}
		end += size
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	n := b.Len() - 8
	if n > maxHeader {
		return nil, errorf("", "header of %d bytes is larger than %d", n, maxHeader)
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(n))
	return b.Bytes(), nil
}

// encodeMember appends one member of the header's object.
func encodeMember(b *bytes.Buffer, key string, value any) error {
	if b.Bytes()[b.Len()-1] != '{' {
		b.WriteByte(',')
	}
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false) // the reference implementation does not
	if err := enc.Encode(key); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	b.Truncate(b.Len() - 1) // Encode ends with a newline
	b.WriteByte(':')
	if err := enc.Encode(value); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	b.Truncate(b.Len() - 1)
	return nil
}

func writeData(w io.Writer, t Tensor, buf []byte) error {
	data := reflect.ValueOf(t.Data)
	n, step := data.Len(), cap(buf)/t.DType.size()
	for i := 0; i < n; {
		j := min(n, i+step)
		chunk, err := binary.Append(buf[:0], binary.LittleEndian, data.Slice(i, j).Interface())
		if err != nil {
			return err
		}
		if _, err := w.Write(chunk); err != nil {
			return err
		}
		i = j
	}
	return nil
}
