package seqdata

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Unknown is the id of the unknown token in every vocabulary.
const Unknown = 0

const unknownToken = string(utf8.RuneError)

// Vocab maps tokens to ids and back. Tokens are characters or bytes:
//
//   - characters have the ids 1, 2, … in the order of their code points;
//   - byte b has the id b+1: there are always all 256, and none is unknown.
//
// Id 0 is the unknown token in both, and decodes to U+FFFD. In a vocabulary of
// characters U+FFFD is in turn the unknown token.
//
// The zero value is a vocabulary of characters that knows none.
type Vocab struct {
	bytes bool
	runes []rune               // runes[i] has id i+1; ascending, without U+FFFD
	ascii [utf8.RuneSelf]int32 // ids of the characters that most texts are made of
}

// ByteVocab returns the vocabulary of bytes. Its length is 257.
func ByteVocab() *Vocab {
	return &Vocab{bytes: true}
}

// runeVocab takes ascending code points, without U+FFFD, and keeps the slice.
func runeVocab(runes []rune) *Vocab {
	v := &Vocab{runes: runes}
	for i, r := range runes {
		if r < utf8.RuneSelf {
			v.ascii[r] = int32(i + 1)
		}
	}
	return v
}

// Len returns the number of tokens, the unknown one included: ids are in
// [0, Len).
func (v *Vocab) Len() int {
	if v.bytes {
		return 1 + 256
	}
	return 1 + len(v.runes)
}

// Encode returns the ids of the tokens of s. In a vocabulary of characters,
// every byte of s that is not part of valid UTF-8 is one unknown token.
func (v *Vocab) Encode(s string) []int32 {
	ids := make([]int32, 0, len(s))
	if v.bytes {
		for i := range len(s) {
			ids = append(ids, v.id(rune(s[i])))
		}
		return ids
	}
	for _, r := range s {
		ids = append(ids, v.id(r))
	}
	return ids
}

// Decode returns the text of ids. Unknown, and an id outside [0, Len), gives
// U+FFFD. In a vocabulary of bytes the result need not be valid UTF-8.
func (v *Vocab) Decode(ids []int32) string {
	var s strings.Builder
	for _, id := range ids {
		s.WriteString(v.Token(id))
	}
	return s.String()
}

// ID returns the id of a token, which is one character or one byte. It returns
// Unknown for anything else.
func (v *Vocab) ID(token string) int32 {
	if v.bytes {
		if len(token) != 1 {
			return Unknown
		}
		return v.id(rune(token[0]))
	}
	r, size := utf8.DecodeRuneInString(token)
	if size != len(token) {
		return Unknown
	}
	return v.id(r)
}

// Token returns the text of an id: a character or a byte, and U+FFFD for
// Unknown and for an id outside [0, Len).
func (v *Vocab) Token(id int32) string {
	switch {
	case id <= Unknown || int(id) >= v.Len():
		return unknownToken
	case v.bytes:
		return string([]byte{byte(id - 1)})
	default:
		return string(v.runes[id-1])
	}
}

// Equal reports whether both vocabularies give the same ids to the same tokens.
func (v *Vocab) Equal(w *Vocab) bool {
	if v == nil || w == nil {
		return v == w
	}
	return v.bytes == w.bytes && slices.Equal(v.runes, w.runes)
}

// id returns the id of a code point, or of a byte in a vocabulary of bytes.
func (v *Vocab) id(code rune) int32 {
	if v.bytes {
		return code + 1
	}
	if code < utf8.RuneSelf {
		return v.ascii[code]
	}
	if i, ok := slices.BinarySearch(v.runes, code); ok {
		return int32(i + 1)
	}
	return Unknown
}

// vocabJSON is a vocabulary as it is stored. Tokens holds the characters in the
// order of their ids, without the unknown one; bytes need none.
type vocabJSON struct {
	Kind   string `json:"kind"`
	Tokens string `json:"tokens,omitempty"`
}

const (
	kindCharacters = "characters"
	kindBytes      = "bytes"
)

// MarshalJSON returns the vocabulary as {"kind": "characters", "tokens": "abc"}
// or {"kind": "bytes"}. Its receiver is a value because encoding/json would pass
// over a pointer's method for a Vocab inside a struct.
func (v Vocab) MarshalJSON() ([]byte, error) {
	if v.bytes {
		return json.Marshal(vocabJSON{Kind: kindBytes})
	}
	return json.Marshal(vocabJSON{Kind: kindCharacters, Tokens: string(v.runes)})
}

// UnmarshalJSON sets v to what MarshalJSON has written. JSON of another form
// gives a *VocabError and leaves v as it is. As tokens must ascend, no input
// makes a vocabulary larger than Unicode.
func (v *Vocab) UnmarshalJSON(data []byte) error {
	var in vocabJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return &VocabError{Got: "JSON that does not parse (" + err.Error() + ")", Want: `an object of "kind" and "tokens"`}
	}
	switch in.Kind {
	case kindBytes:
		if in.Tokens != "" {
			return &VocabError{Got: `tokens beside kind "bytes"`, Want: "none"}
		}
		*v = *ByteVocab()
		return nil
	case kindCharacters:
		previous := rune(-1)
		for i, r := range in.Tokens {
			// encoding/json has put U+FFFD wherever the input was not Unicode.
			if r == utf8.RuneError {
				return &VocabError{Got: fmt.Sprintf("U+FFFD or invalid Unicode at byte %d of its tokens", i), Want: "valid characters; the unknown token is implied"}
			}
			if r <= previous {
				return &VocabError{Got: fmt.Sprintf("%U after %U in its tokens", r, previous), Want: "characters that ascend without duplicates"}
			}
			previous = r
		}
		*v = *runeVocab([]rune(in.Tokens))
		return nil
	default:
		return &VocabError{Got: fmt.Sprintf("kind %.40q", in.Kind), Want: `"characters" or "bytes"`}
	}
}
