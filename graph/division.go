package graph

import "github.com/gobptt/bptt/internal/kernel"

// division says how the work of a time step is divided among threads: by the sequences of the batch or by the units of
// the cell. There are never more chunks than threads: with more, a thread would now and then take over a small chunk
// from another that is hardly late, and have to fetch what the other holds in its cache.
type division struct {
	chunks     int
	bySequence bool
}

const (
	minStepWork = 1 << 14    // multiply-adds that are worth the threads' meeting
	minRows     = 8          // sequences that use the weights well
	nearBytes   = 1280 << 10 // of weights that a core's second-level cache holds beside the data that pass through it
)

// divide chooses by sequences if each thread's cache can hold all weights: then nothing passes from thread to thread
// while the sequence lasts. By units, each thread keeps only its own part of the weights, and they meet at every step.
func divide[F kernel.Float](sequences, units, gates, panel, threads int) division {
	work := sequences * units * units * gates
	switch {
	case work < minStepWork:
		return division{chunks: 1}
	case sequences >= minRows*threads && bytesOf[F](units*units*gates) <= nearBytes:
		return division{threads, true}
	}
	return division{chunks: min((units+panel-1)/panel, threads)}
}

// piece is what one chunk of a time step does: some units of some sequences.
type piece struct{ row, rows, from, to int }

func (d division) piece(chunk, sequences, units, panel int) piece {
	if d.bySequence {
		row, end := kernel.Split(sequences, 1, chunk, d.chunks)
		return piece{row, end - row, 0, units}
	}
	from, to := kernel.Split(units, panel, chunk, d.chunks)
	return piece{0, sequences, from, to}
}
