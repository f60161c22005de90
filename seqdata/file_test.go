package seqdata

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestOpenTextAgreesWithReadText(t *testing.T) {
	rng := newRand(t)
	for range 5 {
		content := string(randomRunes(rng, 1+rng.IntN(50_000)))
		path := writeFile(t, content)
		for kind, functions := range map[string][2]func(string) (*Text, error){
			"characters": {
				func(path string) (*Text, error) { return ReadText(path) },
				OpenText,
			},
			"thinned marks": {
				func(path string) (*Text, error) { return ReadText(path) },
				func(path string) (*Text, error) {
					return openFile(path, nil, marks{spacing: 1 + rng.IntN(10), limit: 2 + 2*rng.IntN(20)})
				},
			},
			"bytes": {
				func(path string) (*Text, error) { return ReadBytes(path) },
				OpenBytes,
			},
		} {
			memory := ok[*Text](t)(functions[0](path))
			opened := ok[*Text](t)(functions[1](path))
			closeAfter(t, opened)
			if !memory.Vocab.Equal(opened.Vocab) {
				t.Fatalf("%s: vocabularies differ", kind)
			}
			want := readAll(t, memory)
			if got := readAll(t, opened); !slices.Equal(got, want) {
				t.Fatalf("%s: tokens differ", kind)
			}
			for range 50 {
				at := rng.IntN(len(want) + 1)
				got := make([]int32, rng.IntN(min(len(want)-at, 3000)+1))
				if err := opened.Read(got, at); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got, want[at:at+len(got)]) {
					t.Fatalf("%s: %d tokens from %d on differ", kind, len(got), at)
				}
			}
		}
	}
}

// Characters of every size lie across every edge of the pieces that are read.
func TestCharactersAcrossPieces(t *testing.T) {
	for _, c := range []string{"é", "日", "🙂"} {
		for shift := range len(c) {
			content := []byte("abcd"[:shift])
			for len(content) < 3<<16 {
				content = append(content, c...)
			}
			text := ok[*Text](t)(OpenText(writeFile(t, string(content))))
			closeAfter(t, text)
			if got := text.Vocab.Decode(readAll(t, text)); got != string(content) {
				t.Errorf("%s shifted by %d is read wrongly", c, shift)
			}
		}
	}
}

func TestMarksStayWithinTheirLimit(t *testing.T) {
	m := marks{spacing: 1, limit: 8}
	for n := range 1000 {
		m.note(n, int64(3*n))
		for character := range n + 1 {
			skip, offset := m.before(character)
			if skip < 0 || skip >= m.spacing || int(offset) != 3*(character-skip) {
				t.Fatalf("after %d: character %d has skip %d, offset %d", n, character, skip, offset)
			}
		}
	}
	if len(m.offsets) > 8 {
		t.Errorf("%d marks, want at most 8", len(m.offsets))
	}
}

func TestChangedFile(t *testing.T) {
	content := "日本 and some letters"
	for name, change := range map[string]func(path string) error{
		"shrinks":      func(path string) error { return os.Truncate(path, 4) },
		"vanishes":     func(path string) error { return os.Truncate(path, 0) },
		"grows":        func(path string) error { return os.Truncate(path, 100) },
		"is touched":   func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1e9, 0)) },
		"is not UTF-8": func(path string) error { return os.WriteFile(path, []byte("\xff\xff\xff\xff\xff\xff"), 0o644) },
	} {
		for kind, open := range map[string]func(string) (*Text, error){"text": OpenText, "bytes": OpenBytes} {
			path := writeFile(t, content)
			text := ok[*Text](t)(open(path))
			closeAfter(t, text)
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			err := text.Read(make([]int32, text.Len()), 0)
			if e, is := errors.AsType[*ChangedError](err); !is || e.Name != path {
				t.Errorf("%s that %s: got %v, want a *ChangedError", kind, name, err)
			}
		}
	}
}

func TestClose(t *testing.T) {
	text := ok[*Text](t)(OpenText(writeFile(t, "日本語")))
	train, _, err := text.Split(0.5)
	if err != nil {
		t.Fatal(err)
	}
	if err := text.Close(); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"read":          text.Read(make([]int32, 1), 0),
		"read of part":  train.Read(make([]int32, 1), 0),
		"second close":  text.Close(),
		"close of part": train.Close(),
	} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: got %v, want %v", name, err, os.ErrClosed)
		}
	}
	for _, text := range []*Text{nil, {}, ok[*Text](t)(NewText("abc"))} {
		if err := text.Close(); err != nil {
			t.Errorf("nothing to close: got %v", err)
		}
	}
}

func TestConcurrentReads(t *testing.T) {
	content := string(randomRunes(newRand(t), 20_000))
	text := ok[*Text](t)(OpenText(writeFile(t, content)))
	closeAfter(t, text)
	want := readAll(t, text)
	var wg sync.WaitGroup
	for start := range 4 {
		wg.Go(func() {
			got := make([]int32, 100)
			for at := 37 * start; at+len(got) <= len(want); at += 501 {
				if err := text.Read(got, at); err != nil {
					t.Error(err)
				} else if !slices.Equal(got, want[at:at+len(got)]) {
					t.Errorf("tokens from %d on differ", at)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzOpenText(f *testing.F) {
	for _, s := range []string{"", "abc", "日本\xff", "a\xed\xa0\x80", "\uFEFF\r\n\uFFFD", "🙂🙂"[:7]} {
		f.Add([]byte(s), 1, 2)
	}
	f.Fuzz(func(t *testing.T, data []byte, at, n int) {
		path := writeFile(t, string(data))
		memory, wantErr := ReadText(path)
		opened, err := openFile(path, nil, marks{spacing: 2, limit: 4})
		if fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Fatalf("got error %v, want %v", err, wantErr)
		}
		if err != nil {
			return
		}
		defer opened.Close()
		if !opened.Vocab.Equal(memory.Vocab) || opened.Len() != memory.Len() {
			t.Fatal("vocabularies or lengths differ")
		}
		got, want := make([]int32, max(0, min(n, 1<<16))), make([]int32, max(0, min(n, 1<<16)))
		err, wantErr = opened.Read(got, at), memory.Read(want, at)
		if fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Fatalf("got error %v, want %v", err, wantErr)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func BenchmarkOpenText(b *testing.B) {
	content := make([]byte, 0, 1<<20)
	for len(content) < 1<<20 {
		content = append(content, "It is a truth universally acknowledged — "...)
	}
	path := writeFile(b, string(content))
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		text := ok[*Text](b)(OpenText(path))
		if err := text.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
