package seqdata

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadTextGivesTheCharactersOfTheFile(t *testing.T) {
	content := "\uFEFFa\r\nb\u0301 日本 🙂 \uFFFD\x00"
	for name, read := range map[string]func(...string) (*Text, error){
		"ReadText":  ReadText,
		"ReadBytes": ReadBytes,
	} {
		text := ok[*Text](t)(read(writeFile(t, content)))
		if got := text.Vocab.Decode(readAll(t, text)); got != content {
			t.Errorf("%s: got %q, want %q", name, got, content)
		}
	}
}

func TestSeveralFilesAreOneText(t *testing.T) {
	a, b, empty := writeFile(t, "日本"), writeFile(t, "abc"), writeFile(t, "")
	text := ok[*Text](t)(ReadText(a, empty, b, a))
	if got, want := text.Vocab.Decode(readAll(t, text)), "日本abc日本"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if want := a + " and 3 more"; text.Name() != want {
		t.Errorf("name is %q, want %q", text.Name(), want)
	}
}

func TestExistingVocabulary(t *testing.T) {
	vocab := ok[*Text](t)(NewText("abc")).Vocab
	path := writeFile(t, "cab? 日a")
	want := []int32{3, 1, 2, Unknown, Unknown, Unknown, 1}
	read := ok[*Text](t)(vocab.ReadText(path))
	opened := ok[*Text](t)(vocab.OpenText(path))
	closeAfter(t, opened)
	from := ok[*Text](t)(vocab.ReadTextFrom(strings.NewReader("cab? 日a"), "reader"))
	for _, text := range []*Text{read, opened, from} {
		if got := readAll(t, text); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", text.Name(), got, want)
		}
		if text.Vocab != vocab {
			t.Errorf("%s has a vocabulary of its own", text.Name())
		}
	}
}

func TestReadTextFromAnyReader(t *testing.T) {
	content := strings.Repeat("aé日🙂", 20)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"one byte": iotest.OneByteReader,
		"half":     iotest.HalfReader,
		"data err": iotest.DataErrReader,
	} {
		text := ok[*Text](t)(ReadTextFrom(wrap(strings.NewReader(content)), name))
		if got := text.Vocab.Decode(readAll(t, text)); got != content {
			t.Errorf("%s: got %q", name, got)
		}
	}
	_, err := ReadTextFrom(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(content))), "slow")
	if !errors.Is(err, iotest.ErrTimeout) || !strings.Contains(err.Error(), "slow") {
		t.Errorf("got %v, want a timeout that names the reader", err)
	}
	if _, err := ReadTextFrom(stuckReader{}, "stuck"); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v, want %v", err, io.ErrNoProgress)
	}
}

type stuckReader struct{}

func (stuckReader) Read([]byte) (int, error) { return 0, nil }

func TestSplit(t *testing.T) {
	content := "0123456789"
	path := writeFile(t, content)
	opened := ok[*Text](t)(OpenText(path))
	closeAfter(t, opened)
	for _, text := range []*Text{ok[*Text](t)(ReadText(path)), opened} {
		for fraction, want := range map[float64]int{0.9: 9, 0.5: 5, 0.1: 1, 0.29: 3} {
			train, valid, err := text.Split(fraction)
			if err != nil {
				t.Fatal(err)
			}
			a, b := text.Vocab.Decode(readAll(t, train)), text.Vocab.Decode(readAll(t, valid))
			if a != content[:want] || b != content[want:] {
				t.Errorf("%v: got %q and %q", fraction, a, b)
			}
			if train.Vocab != text.Vocab || valid.Vocab != text.Vocab {
				t.Errorf("%v: the parts do not share the vocabulary", fraction)
			}
			// A view does not show what is outside it.
			if err := train.Read(make([]int32, 2), train.Len()-1); err == nil {
				t.Errorf("%v: read beyond the training part", fraction)
			}
			if a, b, err := valid.Split(0.5); valid.Len() > 1 {
				if err != nil {
					t.Fatal(err)
				}
				if got := text.Vocab.Decode(append(readAll(t, a), readAll(t, b)...)); got != content[want:] {
					t.Errorf("%v: a part of a part is %q", fraction, got)
				}
			}
		}
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	missing := filepath.Join(dir, "missing.txt")
	empty := file("empty.txt", "")
	latin1 := file("latin1.txt", "na\xefve")
	cut := file("cut.txt", "日本"[:5])
	surrogate := file("surrogate.txt", "ab\xed\xa0\x80")
	good := file("good.txt", strings.Repeat("abc\n", 25))
	text := ok[*Text](t)(ReadText(good))
	stream := ok[*Stream](t)(Streams(text, 3))

	open := func(f func(string) (*Text, error), path string) func() error {
		return func() error { _, err := f(path); return err }
	}
	read := func(f func(...string) (*Text, error), paths ...string) func() error {
		return func() error { _, err := f(paths...); return err }
	}
	split := func(fraction float64) func() error {
		return func() error { _, _, err := text.Split(fraction); return err }
	}
	streams := func(s Sequence, batch int) func() error {
		return func() error { _, err := Streams(s, batch); return err }
	}
	next := func(steps int) func() error {
		return func() error { _, err := stream.Next(steps); return err }
	}

	for name, test := range map[string]struct {
		call func() error
		as   any
		want string // in the message, where {dir} stands for the directory
	}{
		"missing":             {read(ReadText, missing), new(*fs.PathError), "{dir}missing.txt"},
		"missing bytes":       {read(ReadBytes, missing), new(*fs.PathError), "{dir}missing.txt"},
		"missing open":        {open(OpenText, missing), new(*fs.PathError), "{dir}missing.txt"},
		"missing open bytes":  {open(OpenBytes, missing), new(*fs.PathError), "{dir}missing.txt"},
		"missing second":      {read(ReadText, good, missing), new(*fs.PathError), "{dir}missing.txt"},
		"NUL in path":         {read(ReadText, "a\x00b"), new(*fs.PathError), "a\x00b"},
		"no path":             {read(ReadText), new(*ArgumentError), "ReadText: list of paths is empty; want at least one"},
		"directory":           {read(ReadText, dir), new(*NotRegularError), "is a directory; want a regular file"},
		"directory open":      {open(OpenBytes, dir), new(*NotRegularError), "is a directory; want a regular file"},
		"device":              {read(ReadBytes, os.DevNull), new(*NotRegularError), "pipe or device"},
		"empty":               {read(ReadText, empty), new(*EmptyError), "{dir}empty.txt is empty; want at least one token"},
		"all empty":           {read(ReadText, empty, empty), new(*EmptyError), "{dir}empty.txt and 1 more is empty"},
		"empty open":          {open(OpenText, empty), new(*EmptyError), "{dir}empty.txt is empty"},
		"empty open bytes":    {open(OpenBytes, empty), new(*EmptyError), "{dir}empty.txt is empty"},
		"latin1":              {read(ReadText, good, latin1), new(*EncodingError), "{dir}latin1.txt has invalid UTF-8 at byte 2"},
		"latin1 open":         {open(OpenText, latin1), new(*EncodingError), "{dir}latin1.txt has invalid UTF-8 at byte 2"},
		"cut character":       {read(ReadText, cut, good), new(*EncodingError), "{dir}cut.txt has invalid UTF-8 at byte 3"},
		"surrogate":           {open(OpenText, surrogate), new(*EncodingError), "at byte 2"},
		"nil reader":          {func() error { _, err := ReadTextFrom(nil, "r"); return err }, new(*ArgumentError), "reader is <nil>; want an io.Reader"},
		"empty string":        {func() error { _, err := NewText(""); return err }, new(*EmptyError), "text is empty"},
		"split 0":             {split(0), new(*ArgumentError), "fraction is 0; want one in (0, 1)"},
		"split 1":             {split(1), new(*ArgumentError), "fraction is 1; want one in (0, 1)"},
		"split -1":            {split(-1), new(*ArgumentError), "fraction is -1"},
		"split NaN":           {split(math.NaN()), new(*ArgumentError), "fraction is NaN"},
		"split Inf":           {split(math.Inf(1)), new(*ArgumentError), "fraction is +Inf"},
		"split none to train": {split(0.004), new(*ArgumentError), "leaves no part of the 100 tokens of {dir}good.txt empty"},
		"split none to valid": {split(0.996), new(*ArgumentError), "leaves no part of the 100 tokens of {dir}good.txt empty"},
		"split nil":           {func() error { _, _, err := (*Text)(nil).Split(0.5); return err }, new(*ArgumentError), "0 tokens of text"},
		"read before":         {func() error { return text.Read(make([]int32, 1), -1) }, new(*ArgumentError), "1 tokens from -1 on"},
		"read after":          {func() error { return text.Read(make([]int32, 2), 99) }, new(*ArgumentError), "within the 100 tokens of {dir}good.txt"},
		"read far":            {func() error { return text.Read(make([]int32, 2), math.MaxInt) }, new(*ArgumentError), "range"},
		"read zero text":      {func() error { return new(Text).Read(make([]int32, 1), 0) }, new(*ArgumentError), "range"},
		"batch 0":             {streams(text, 0), new(*ArgumentError), "Streams: batch is 0; want at least 1"},
		"batch min":           {streams(text, math.MinInt), new(*ArgumentError), "want at least 1"},
		"batch max":           {streams(text, math.MaxInt), new(*TooShortError), "has 100 tokens"},
		"batch 100":           {streams(text, 100), new(*TooShortError), "batch 100 × window 1 needs at least 101"},
		"nil sequence":        {streams(nil, 1), new(*ArgumentError), "text is <nil>; want a Sequence"},
		"nil text":            {streams((*Text)(nil), 1), new(*TooShortError), "text has 0 tokens; batch 1 × window 1 needs at least 2"},
		"zero text":           {streams(new(Text), 2), new(*TooShortError), "has 0 tokens; batch 2 × window 1 needs at least 3"},
		"steps 0":             {next(0), new(*ArgumentError), "Stream.Next: steps is 0; want at least 1"},
		"steps min":           {next(math.MinInt), new(*ArgumentError), "want at least 1"},
		"window":              {func() error { return stream.Require(34) }, new(*TooShortError), "{dir}good.txt has 100 tokens; batch 3 × window 34 needs at least 103"},
		"window 0":            {func() error { return stream.Require(0) }, new(*ArgumentError), "window is 0; want at least 1"},
		"window max":          {func() error { return stream.Require(math.MaxInt) }, new(*TooShortError), "has 100 tokens"},
		"cursor -1":           {func() error { return stream.SetCursor(-1) }, new(*ArgumentError), "cursor is -1; want 0 to 33"},
		"cursor after":        {func() error { return stream.SetCursor(34) }, new(*ArgumentError), "cursor is 34; want 0 to 33"},
		"cursor max":          {func() error { return stream.SetCursor(math.MaxInt64) }, new(*ArgumentError), "want 0 to 33"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.call()
			if !errors.As(err, test.as) {
				t.Fatalf("got %v (%T), want a %T", err, err, test.as)
			}
			want := strings.ReplaceAll(test.want, "{dir}", dir+string(filepath.Separator))
			if message := err.Error(); !strings.Contains(message, want) || !strings.HasPrefix(message, "seqdata: ") || strings.Contains(message, "\n") {
				t.Errorf("message is %q, want one line with %q", message, want)
			}
		})
	}
}

func FuzzReadTextFrom(f *testing.F) {
	for _, s := range []string{"", "abc", "日本\xff", "\xed\xa0\x80", "\uFEFF\r\n\uFFFD", "🙂"[:3]} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := ReadTextFrom(iotest.HalfReader(strings.NewReader(string(data))), "fuzz")
		if err == nil {
			if got := text.Vocab.Decode(readAll(t, text)); got != string(data) {
				t.Fatalf("decoded %q from %q", got, data)
			}
			return
		}
		if e, is := errors.AsType[*EncodingError](err); is {
			// Everything before the offset is valid, and the byte there is not.
			valid := string(data[:e.Offset])
			if strings.ToValidUTF8(valid, "") != valid {
				t.Fatalf("offset %d of %q is too late", e.Offset, data)
			}
			if next := strings.ToValidUTF8(string(data[e.Offset:]), "\x00?"); !strings.HasPrefix(next, "\x00?") {
				t.Fatalf("offset %d of %q is too early", e.Offset, data)
			}
			return
		}
		if e, is := errors.AsType[*EmptyError](err); !is || len(data) > 0 {
			t.Fatalf("unexpected %v for %q", e, data)
		}
	})
}
