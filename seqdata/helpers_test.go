package seqdata

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var seed = flag.Uint64("seed", 0, "seed of the random tests; 0 takes one from the clock")

// newRand prints its seed if the test fails.
func newRand(t *testing.T) *rand.Rand {
	t.Helper()
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat with -seed=%d", s)
	return rand.New(rand.NewPCG(s, 0))
}

// randomRunes returns n characters of one to four bytes in a random mixture.
func randomRunes(rng *rand.Rand, n int) []rune {
	kinds := [][2]rune{{0, 0x7f}, {0x80, 0x7ff}, {0x800, 0xd7ff}, {0xe000, 0xffff}, {0x10000, 0x10ffff}}
	few := 1 + rng.Int32N(100) // a small alphabet now and then repeats characters
	used := kinds[:1+rng.IntN(len(kinds))]
	runes := make([]rune, n)
	for i := range runes {
		kind := used[rng.IntN(len(used))]
		runes[i] = kind[0] + rng.Int32N(min(few, kind[1]-kind[0]+1))
	}
	return runes
}

func writeFile(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "corpus.txt")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func readAll(t testing.TB, s Sequence) []int32 {
	t.Helper()
	ids := make([]int32, s.Len())
	if err := s.Read(ids, 0); err != nil {
		t.Fatal(err)
	}
	return ids
}

// ok takes the results of a function that must not fail.
func ok[V any](t testing.TB) func(V, error) V {
	return func(v V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func closeAfter(t testing.TB, text *Text) {
	t.Cleanup(func() {
		if err := text.Close(); err != nil {
			t.Error(err)
		}
	})
}
