// Package seqdata turns files into batches for backpropagation through time.
//
// # Basics
//
// A [Text] is a sequence of token ids with a [Vocab] that names them. Tokens
// are characters (Unicode code points) or bytes:
//
//	text, err := seqdata.ReadText("corpus.txt")  // in memory
//	text, err := seqdata.ReadText(goFiles...)    // several files, one text
//	text, err := seqdata.ReadTextFrom(r, "pipe") // any reader
//	text, err := seqdata.ReadBytes("enwik8")     // bytes, not characters
//	text, err := seqdata.OpenText("huge.txt")    // read in pieces
//	defer text.Close()
//
// A [Vocab] has the methods ReadText, ReadTextFrom and OpenText too. They read
// with a vocabulary that exists instead of building one:
//
//	valid, err := text.Vocab.ReadText("valid.txt")
//
// [Streams] lays a text out as B parallel streams, and [Stream.Next] gives one
// window of all of them after another. The state that a network carries from
// one window to the next stays right, for each row goes on where it stopped:
//
//	train, valid, err := text.Split(0.9)
//	stream, err := seqdata.Streams(train, 32)
//	for {
//		batch, err := stream.Next(100)
//		if err == io.EOF {
//			break // end of the epoch; stream.Rewind() starts the next
//		}
//		...
//	}
//
// [Pad] gives sequences of different lengths in padded batches. An [Example] is a
// sequence, with as many arrays as a model needs:
//
//	data, err := seqdata.Pad(examples, 16, seqdata.PadOptions{Shuffle: rng, Bucket: 20})
//
// A [Series] is numbers measured over time. It is split by time, scaled by what the
// training part shows, and cut into examples whose targets are the next values:
//
//	series, err := seqdata.ReadSeries("river.csv", "level")
//	train, valid, test, err := series.Split(0.1, 0.1)
//	scaling, err := train.Scaling()
//	train, err = scaling.Apply(train) // and so the others
//	windows, err := train.Windows(seqdata.WindowOptions{Steps: 100, Warmup: 50})
//	data, err := seqdata.Pad(windows, 16, seqdata.PadOptions{Shuffle: rng})
//
// [Adding] and [CopyMemory] draw the sequences of problems that test a network's
// memory.
//
// A [Batch] holds named arrays. They are time-major: [T, B] flattened row by
// row, so that element [t, b] is at t*B+b.
//
// # Caveats
//
// A stream owns the batch that Next returns and overwrites it at the next
// call; so does a Padded. Copy what must live longer.
//
// Id 0 is the unknown token in every vocabulary, of bytes too. Its text is
// U+FFFD, the replacement character, and a U+FFFD in a text is the unknown
// token.
//
// Nothing in a file is changed: a byte order mark is the character U+FEFF, and
// CRLF is two characters. Combining marks are characters of their own.
//
// A file behind [OpenText] or [OpenBytes] must not change while it is open.
// Its size and modification time are compared at every read, and a difference
// is a [*ChangedError]. Such a comparison cannot see a change within the
// resolution of the file system's clock.
//
// A text in memory takes four bytes a token. One opened from a file keeps at
// most 8 MB of offsets whatever its length; each read of it makes one small
// allocation, to ask for the file's time.
//
// A Text and a Vocab may be used by several goroutines at a time; a Stream and a
// Padded may not.
package seqdata
