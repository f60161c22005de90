package seqdata

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestVocabOfCharacters(t *testing.T) {
	v := ok[*Text](t)(NewText("日a\uFFFDbé\x00a🙂")).Vocab
	if got, want := v.Len(), 7; got != want {
		t.Errorf("length %d, want %d", got, want)
	}
	for id, token := range []string{"\uFFFD", "\x00", "a", "b", "é", "日", "🙂"} {
		if got := v.Token(int32(id)); got != token {
			t.Errorf("token %d is %q, want %q", id, got, token)
		}
		if got := v.ID(token); got != int32(id) {
			t.Errorf("id of %q is %d, want %d", token, got, id)
		}
	}
	for _, token := range []string{"", "ab", "z", "ż", "\xff", "a\xff"} {
		if got := v.ID(token); got != Unknown {
			t.Errorf("id of %q is %d, want Unknown", token, got)
		}
	}
	if got, want := v.Encode("az\xff日"), []int32{2, Unknown, Unknown, 5}; !slices.Equal(got, want) {
		t.Errorf("encoded as %v, want %v", got, want)
	}
	if got, want := v.Decode([]int32{2, Unknown, -1, 7, 1 << 30, -1 << 31, 5}), "a\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD日"; got != want {
		t.Errorf("decoded as %q, want %q", got, want)
	}
}

func TestVocabOfBytes(t *testing.T) {
	v := ByteVocab()
	if got, want := v.Len(), 257; got != want {
		t.Errorf("length %d, want %d", got, want)
	}
	var all []byte
	for b := range 256 {
		all = append(all, byte(b))
		if id := v.ID(string(all[b:])); id != int32(b+1) || v.Token(id) != string(all[b:]) {
			t.Errorf("byte %d has id %d and token %q", b, id, v.Token(id))
		}
	}
	if got := v.Decode(v.Encode(string(all))); got != string(all) {
		t.Errorf("got %q", got)
	}
	if got := v.Decode([]int32{98, Unknown, 257, -1}); got != "a\uFFFD\uFFFD\uFFFD" {
		t.Errorf("got %q", got)
	}
	if v.ID("") != Unknown || v.ID("é") != Unknown {
		t.Error("a token is not one byte")
	}
}

func TestVocabIsDeterministic(t *testing.T) {
	rng := newRand(t)
	runes := randomRunes(rng, 500)
	v := ok[*Text](t)(NewText(string(runes))).Vocab
	rng.Shuffle(len(runes), func(i, j int) { runes[i], runes[j] = runes[j], runes[i] })
	if w := ok[*Text](t)(NewText(string(runes))).Vocab; !v.Equal(w) {
		t.Error("the vocabulary depends on the order of the text")
	}
	for id := int32(2); int(id) < v.Len(); id++ {
		if v.Token(id-1) >= v.Token(id) {
			t.Fatalf("%q is before %q", v.Token(id-1), v.Token(id))
		}
	}
}

func TestVocabEqual(t *testing.T) {
	abc := ok[*Text](t)(NewText("abc")).Vocab
	var none *Vocab
	for _, test := range []struct {
		v, w *Vocab
		want bool
	}{
		{abc, ok[*Text](t)(NewText("cab")).Vocab, true},
		{abc, ok[*Text](t)(NewText("ab")).Vocab, false},
		{ByteVocab(), ByteVocab(), true},
		{ByteVocab(), new(Vocab), false},
		{new(Vocab), ok[*Text](t)(NewText("\uFFFD")).Vocab, true},
		{abc, none, false},
		{none, abc, false},
		{none, none, true},
	} {
		if got := test.v.Equal(test.w); got != test.want {
			t.Errorf("%v equal to %v: got %v", test.v, test.w, got)
		}
	}
}

func TestVocabJSON(t *testing.T) {
	rng := newRand(t)
	vocabs := []*Vocab{ByteVocab(), new(Vocab), ok[*Text](t)(NewText("<&>\"\\\x00\u2028\u007f\U0010FFFF\uFFFE")).Vocab}
	for range 10 {
		vocabs = append(vocabs, ok[*Text](t)(NewText(string(randomRunes(rng, 1+rng.IntN(2000))))).Vocab)
	}
	for _, v := range vocabs {
		data := ok[[]byte](t)(json.Marshal(*v)) // by value, as inside a struct
		w := ok[*Text](t)(NewText("something else")).Vocab
		if err := json.Unmarshal(data, w); err != nil {
			t.Fatal(err)
		}
		if !v.Equal(w) || w.Len() != v.Len() {
			t.Fatalf("%s does not round-trip", data)
		}
		for id := range int32(v.Len()) {
			if w.ID(v.Token(id)) != id {
				t.Fatalf("id of %q is %d, want %d", v.Token(id), w.ID(v.Token(id)), id)
			}
		}
	}
}

func TestVocabJSONThatIsWrong(t *testing.T) {
	for data, want := range map[string]string{
		`null`:                           `kind ""`,
		`{}`:                             `kind ""`,
		`[]`:                             "does not parse",
		`"a"`:                            "does not parse",
		`{"kind`:                         "does not parse",
		`{"kind":"words","tokens":"ab"}`: `kind "words"`,
		`{"kind":"` + strings.Repeat("x", 1000) + `"}`:                        "xxx",
		`{"kind":"bytes","tokens":"ab"}`:                                      "tokens beside",
		`{"kind":"characters","tokens":["a"]}`:                                "does not parse",
		`{"kind":"characters","tokens":"aa"}`:                                 "U+0061 after U+0061",
		`{"kind":"characters","tokens":"ba"}`:                                 "U+0061 after U+0062",
		`{"kind":"characters","tokens":"a` + "\uFFFD" + `"}`:                  "U+FFFD or invalid Unicode at byte 1",
		`{"kind":"characters","tokens":"a` + "\xff" + `"}`:                    "U+FFFD or invalid Unicode at byte 1",
		`{"kind":"characters","tokens":"\ud800"}`:                             "U+FFFD or invalid Unicode at byte 0",
		`{"kind":"characters","tokens":"` + strings.Repeat("z", 1<<22) + `"}`: "U+007A after U+007A",
	} {
		v := ok[*Text](t)(NewText("abc")).Vocab
		err := v.UnmarshalJSON([]byte(data))
		if _, is := errors.AsType[*VocabError](err); !is || !strings.Contains(err.Error(), want) || len(err.Error()) > 200 {
			t.Errorf("%.60s: got %v, want a *VocabError with %q", data, err, want)
		}
		if v.Len() != 4 || v.ID("c") != 3 {
			t.Errorf("%.60s: the vocabulary has changed", data)
		}
	}
}

func FuzzVocabJSON(f *testing.F) {
	for _, s := range []string{`{"kind":"bytes"}`, `{"kind":"characters","tokens":"abc"}`, `{"kind":"characters","tokens":"\ud83d\ude42"}`, `null`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v Vocab
		if err := v.UnmarshalJSON(data); err != nil {
			if _, is := errors.AsType[*VocabError](err); !is || v.Len() != 1 {
				t.Fatalf("%v leaves %d tokens", err, v.Len())
			}
			return
		}
		for id := range int32(v.Len()) {
			if v.ID(v.Token(id)) != id {
				t.Fatalf("id of %q is %d, want %d", v.Token(id), v.ID(v.Token(id)), id)
			}
		}
		first := ok[[]byte](t)(json.Marshal(&v))
		var w Vocab
		if err := json.Unmarshal(first, &w); err != nil || !v.Equal(&w) {
			t.Fatalf("%s does not round-trip: %v", first, err)
		}
		if second := ok[[]byte](t)(json.Marshal(&w)); !bytes.Equal(first, second) {
			t.Fatalf("%s becomes %s", first, second)
		}
	})
}

func FuzzEncode(f *testing.F) {
	f.Add("abc", "cab日\xff")
	f.Fuzz(func(t *testing.T, known, s string) {
		if decoded := ByteVocab().Decode(ByteVocab().Encode(s)); decoded != s {
			t.Fatalf("bytes: %q becomes %q", s, decoded)
		}
		text, err := NewText(known)
		if err != nil {
			return
		}
		ids := text.Vocab.Encode(s)
		if len(ids) != utf8.RuneCountInString(s) {
			t.Fatalf("%d ids for %q", len(ids), s)
		}
		decoded := []rune(text.Vocab.Decode(ids))
		for i, r := range []rune(s) {
			want := r
			if !strings.ContainsRune(known, r) {
				want = utf8.RuneError
			}
			if decoded[i] != want {
				t.Fatalf("%q becomes %q", s, string(decoded))
			}
		}
	})
}
