package seqdata

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// Text is a sequence of tokens, in memory or in a file, or a part of one.
//
// A nil Text and the zero value are empty.
type Text struct {
	Vocab *Vocab // what the ids mean

	name    string
	src     source
	from, n int // the part of src
}

// source gives tokens from a place in a text. Its caller has checked the range.
type source interface {
	read(dst []int32, at int) error
}

var (
	_ Sequence  = (*Text)(nil)
	_ io.Closer = (*Text)(nil)
)

// ReadText reads files of UTF-8 into memory, one after the other as one text of
// characters, and builds its vocabulary. An empty file among others adds
// nothing.
//
// Its errors are those of package os, *NotRegularError, *EncodingError, and
// *EmptyError when there is no character at all.
func ReadText(paths ...string) (*Text, error) {
	return readFiles(nil, paths)
}

// ReadText reads files into memory, one after the other as one text. A
// character that is not in the vocabulary becomes Unknown. Errors are those of
// the function ReadText.
func (v *Vocab) ReadText(paths ...string) (*Text, error) {
	return readFiles(v, paths)
}

// ReadBytes is ReadText with bytes as tokens. It takes files of any kind.
func ReadBytes(paths ...string) (*Text, error) {
	return readFiles(ByteVocab(), paths)
}

// ReadTextFrom is ReadText for a reader, which it reads to the end. The name
// stands for it in errors.
func ReadTextFrom(r io.Reader, name string) (*Text, error) {
	return (*Vocab)(nil).ReadTextFrom(r, name)
}

// ReadTextFrom is the method ReadText for a reader, which it reads to the end.
// The name stands for it in errors.
func (v *Vocab) ReadTextFrom(r io.Reader, name string) (*Text, error) {
	if r == nil {
		return nil, &ArgumentError{"ReadTextFrom", "reader", nil, "an io.Reader"}
	}
	codes, err := appendCodes(nil, r, name, v)
	if err != nil {
		return nil, err
	}
	return newText(codes, name, v)
}

// NewText is ReadText for a string.
func NewText(s string) (*Text, error) {
	return ReadTextFrom(strings.NewReader(s), "text")
}

// Name returns the name of the file or reader, for messages.
func (t *Text) Name() string {
	if t == nil {
		return "text"
	}
	return t.name
}

// Len returns the number of tokens.
func (t *Text) Len() int {
	if t == nil {
		return 0
	}
	return t.n
}

// Read fills dst with the ids of the tokens from index at on. A range that is
// not within [0, Len) gives an *ArgumentError, a file that is not what it was
// when it was opened a *ChangedError, a closed one os.ErrClosed.
func (t *Text) Read(dst []int32, at int) error {
	if at < 0 || at > t.Len()-len(dst) {
		return &ArgumentError{"Text.Read", "range", fmt.Sprintf("%d tokens from %d on", len(dst), at),
			fmt.Sprintf("one within the %d tokens of %s", t.Len(), t.Name())}
	}
	if len(dst) == 0 {
		return nil
	}
	return t.src.read(dst, t.from+at)
}

// Split cuts the text in two: the first fraction of it, for training, and the
// rest, for validation. Both are views: they share the memory or file of t, and
// its vocabulary. A fraction that is not in (0, 1), or that leaves a part
// empty, gives an *ArgumentError.
func (t *Text) Split(fraction float64) (train, valid *Text, err error) {
	cut := 0
	if fraction > 0 && fraction < 1 {
		cut = int(math.Round(fraction * float64(t.Len())))
	}
	if cut <= 0 || cut >= t.Len() {
		return nil, nil, &ArgumentError{"Text.Split", "fraction", fraction,
			fmt.Sprintf("one in (0, 1) that leaves no part of the %d tokens of %s empty", t.Len(), t.Name())}
	}
	train = &Text{t.Vocab, t.name + " (training part)", t.src, t.from, cut}
	valid = &Text{t.Vocab, t.name + " (validation part)", t.src, t.from + cut, t.n - cut}
	return train, valid, nil
}

// Close closes the file of a text from OpenText or OpenBytes, which ends all
// views of it too. For a text in memory it does nothing.
func (t *Text) Close() error {
	if t == nil {
		return nil
	}
	if c, ok := t.src.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// memory is a source of ids in memory.
type memory []int32

func (m memory) read(dst []int32, at int) error {
	copy(dst, m[at:])
	return nil
}

func readFiles(v *Vocab, paths []string) (*Text, error) {
	if len(paths) == 0 {
		return nil, &ArgumentError{"ReadText", "list of paths", "empty", "at least one"}
	}
	var codes []int32
	for _, path := range paths {
		f, err := openRegular(path)
		if err != nil {
			return nil, err
		}
		codes, err = appendCodes(codes, f, path, v)
		if closeErr := f.Close(); err == nil && closeErr != nil {
			err = readError(path, closeErr)
		}
		if err != nil {
			return nil, err
		}
	}
	name := paths[0]
	if more := len(paths) - 1; more > 0 {
		name = fmt.Sprintf("%s and %d more", name, more)
	}
	return newText(codes, name, v)
}

// appendCodes appends the code points of in, or its bytes if v is of bytes.
func appendCodes(codes []int32, in io.Reader, name string, v *Vocab) ([]int32, error) {
	_, err := scan(in, name, v != nil && v.bytes, func(code rune, _ int64) {
		codes = append(codes, code)
	})
	return codes, err
}

// newText turns code points or bytes into ids in place, and keeps the slice.
// Without a vocabulary it builds one of the characters.
func newText(codes []int32, name string, v *Vocab) (*Text, error) {
	if len(codes) == 0 {
		return nil, &EmptyError{Name: name}
	}
	if v == nil {
		seen := newRuneSet()
		for _, code := range codes {
			seen[code] = true
		}
		v = seen.vocab()
	}
	for i, code := range codes {
		codes[i] = v.id(code)
	}
	return &Text{Vocab: v, name: name, src: memory(codes), n: len(codes)}, nil
}
