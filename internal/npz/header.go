package npz

import (
	"encoding/binary"
	"io"
	"strconv"
	"strings"
)

// header is what precedes an array's elements.
type header struct {
	length  int // in bytes, with everything before the elements
	order   binary.ByteOrder
	size    int // of an element in bytes
	fortran bool
	shape   []int
}

// readHeader reads up to the first element.
func readHeader(name string, r io.Reader) (*header, error) {
	failed := func(err error) error { return &FormatError{Name: name, Reason: "reading the header", Err: noEOF(err)} }
	var start [len(magic) + 2]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return nil, failed(err)
	}
	if string(start[:len(magic)]) != magic {
		return nil, errorf(name, "does not begin as an .npy file does")
	}
	var length [4]byte
	used := length[:4]
	switch major, minor := start[len(magic)], start[len(magic)+1]; {
	case major < 1 || major > 3 || minor != 0:
		return nil, errorf(name, "format %d.%d is unknown, want 1.0 to 3.0", major, minor)
	case major == 1:
		used = length[:2]
	}
	if _, err := io.ReadFull(r, used); err != nil {
		return nil, failed(err)
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n > maxHeader {
		return nil, errorf(name, "header of %d bytes is larger than %d", n, maxHeader)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, failed(err)
	}
	h, err := parseHeader(string(text))
	if err != nil {
		err.Name = name
		return nil, err
	}
	h.length = len(start) + len(used) + len(text)
	return h, nil
}

// noEOF turns an end that came too early into an error that cannot be taken for the usual end of a stream.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// parseHeader reads Python's literal of a dictionary with the three keys, in any order.
func parseHeader(text string) (*header, *FormatError) {
	p := literal{text}
	h := &header{}
	seen := map[string]bool{}
	if !p.take("{") {
		return nil, errorf("", "header %.80q is not a dictionary", text)
	}
	for !p.take("}") {
		key, ok := p.quoted()
		if !ok || !p.take(":") {
			return nil, errorf("", "header has %.40q, want a key", p.rest)
		}
		if seen[key] {
			return nil, errorf("", "%.40q occurs twice in the header", key)
		}
		seen[key] = true
		var err *FormatError
		switch key {
		case "descr":
			err = h.readType(&p)
		case "fortran_order":
			h.fortran = p.take("True")
			if !h.fortran && !p.take("False") {
				err = errorf("", "fortran_order is %.40q, want True or False", p.rest)
			}
		case "shape":
			err = h.readShape(&p)
		default:
			err = errorf("", "key %.40q in the header is unknown", key)
		}
		if err != nil {
			return nil, err
		}
		if !p.take(",") && !strings.HasPrefix(p.rest, "}") {
			return nil, errorf("", "header has %.40q, want a comma or }", p.rest)
		}
	}
	p.space()
	switch {
	case p.rest != "":
		return nil, errorf("", "header goes on after }: %.40q", p.rest)
	case len(seen) != 3:
		return nil, errorf("", "descr, fortran_order or shape is missing in the header")
	}
	return h, nil
}

// readType reads a type such as '<f4'.
func (h *header) readType(p *literal) *FormatError {
	s, ok := p.quoted()
	if !ok {
		return errorf("", "element type is %.40q, want a string: structures are not supported", p.rest)
	}
	orders := map[string]binary.ByteOrder{"<": binary.LittleEndian, ">": binary.BigEndian}
	sizes := map[string]int{"f2": 2, "f4": 4, "f8": 8}
	if len(s) == 3 {
		h.order, h.size = orders[s[:1]], sizes[s[1:]]
	}
	if h.order == nil || h.size == 0 {
		return errorf("", "element type is %.40q, want floating point: <f2, <f4 or <f8 (or the same with >)", s)
	}
	return nil
}

// readShape reads a tuple of numbers: (), (3,), (2, 3) or (2, 3,).
func (h *header) readShape(p *literal) *FormatError {
	if !p.take("(") {
		return errorf("", "shape is %.40q, want a tuple", p.rest)
	}
	for comma := true; !p.take(")"); {
		digits := p.digits()
		n, err := strconv.Atoi(digits)
		if err != nil || !comma {
			return errorf("", "shape has %.40q, want numbers from 0 to 2^63-1 and commas", digits+p.rest)
		}
		p.take("L") // of Python 2's long integers
		h.shape = append(h.shape, n)
		comma = p.take(",")
		switch {
		case len(h.shape) > maxRank:
			return errorf("", "shape has more than %d dimensions", maxRank)
		case !comma && len(h.shape) == 1:
			return errorf("", "shape (%d is not a tuple: it has no comma", n)
		}
	}
	return nil
}

// literal reads a part of Python's syntax: what is left of the text.
type literal struct{ rest string }

func (p *literal) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// take skips space and a token, and the space after it, or returns false.
func (p *literal) take(token string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = rest
		p.space()
	}
	return ok
}

// quoted reads a string without escapes.
func (p *literal) quoted() (string, bool) {
	p.space()
	if p.rest == "" || p.rest[0] != '\'' && p.rest[0] != '"' {
		return "", false
	}
	s, rest, ok := strings.Cut(p.rest[1:], p.rest[:1])
	if !ok || strings.ContainsRune(s, '\\') {
		return "", false
	}
	p.rest = rest
	p.space()
	return s, true
}

func (p *literal) digits() string {
	p.space()
	n := 0
	for n < len(p.rest) && '0' <= p.rest[n] && p.rest[n] <= '9' {
		n++
	}
	digits := p.rest[:n]
	p.rest = p.rest[n:]
	return digits
}
