package seqdata

import (
	"bufio"
	"errors"
	"io"
	"unicode/utf8"
)

var errInvalidUTF8 = errors.New("invalid UTF-8")

// decoder reads a text token by token.
type decoder struct {
	in     *bufio.Reader
	bytes  bool  // tokens are bytes, not code points
	offset int64 // bytes decoded so far
}

// next returns the next code point or byte; at the end, io.EOF; and
// errInvalidUTF8 where there is no code point.
func (d *decoder) next() (rune, error) {
	if d.bytes {
		c, err := d.in.ReadByte()
		d.offset++
		return rune(c), err
	}
	r, size, err := d.in.ReadRune()
	if err != nil {
		return 0, err
	}
	if r == utf8.RuneError && size == 1 {
		return 0, errInvalidUTF8
	}
	d.offset += int64(size)
	return r, nil
}

// scan decodes all of in, calls visit with each token and its byte offset, and
// returns the number of bytes.
func scan(in io.Reader, name string, bytes bool, visit func(code rune, offset int64)) (int64, error) {
	d := decoder{in: bufio.NewReaderSize(in, 1<<16), bytes: bytes}
	for {
		offset := d.offset
		code, err := d.next()
		switch err {
		case nil:
			visit(code, offset)
		case io.EOF:
			return offset, nil
		case errInvalidUTF8:
			return offset, &EncodingError{Name: name, Offset: offset}
		default:
			return offset, readError(name, err)
		}
	}
}

// runeSet collects the characters of a text. It is indexed by code point, which
// makes it fast, of fixed size, and sorted.
type runeSet []bool

func newRuneSet() runeSet { return make(runeSet, utf8.MaxRune+1) }

func (s runeSet) vocab() *Vocab {
	var runes []rune
	for r, seen := range s {
		if seen && r != utf8.RuneError {
			runes = append(runes, rune(r))
		}
	}
	return runeVocab(runes)
}
