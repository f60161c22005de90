package seqdata

import (
	"encoding/binary"
	"math/rand/v2"
)

// numbered has random numbers for each of many things, such as the epochs of a data set. They depend on the thing's
// number and on the source that it was made with, and on nothing else.
type numbered struct {
	key    [32]byte // the last 8 bytes are the thing's number
	source *rand.ChaCha8
}

func newNumbered(rng *rand.Rand) *numbered {
	n := &numbered{}
	for i := range 3 {
		binary.LittleEndian.PutUint64(n.key[8*i:], rng.Uint64())
	}
	n.source = rand.NewChaCha8(n.key)
	return n
}

// of returns the random numbers of a thing, until it is asked for those of another.
func (n *numbered) of(number int64) *rand.Rand {
	binary.LittleEndian.PutUint64(n.key[24:], uint64(number))
	n.source.Seed(n.key)
	return rand.New(n.source)
}
