package train

import (
	"context"
	"io"

	"github.com/gobptt/bptt/seqdata"
)

// epoch is data that repeat their first epoch, which is kept in memory: also that of data whose epochs differ. The end of the
// context is an error, so that reading data without an end stops.
type epoch struct {
	Data
	ctx     context.Context
	batches []*seqdata.Batch // of the epoch, as far as it was read
	next    int
	whole   bool // all of it was read
}

func (e *epoch) Next(steps int) (*seqdata.Batch, error) {
	if err := e.ctx.Err(); err != nil {
		return nil, err
	}
	if e.next == len(e.batches) {
		if e.whole {
			return nil, io.EOF
		}
		batch, err := e.Data.Next(steps)
		if err == nil {
			err = batch.Validate()
		}
		if err != nil {
			e.whole = err == io.EOF
			return nil, err
		}
		e.batches = append(e.batches, batch.Clone())
	}
	e.next++
	return e.batches[e.next-1], nil
}

func (e *epoch) Rewind() {
	if e.next = 0; !e.whole {
		e.batches = nil
		e.Data.Rewind()
	}
}

// Require passes on what the data say of the length of a window.
func (e *epoch) Require(window int) error {
	if d, ok := e.Data.(interface{ Require(window int) error }); ok {
		return d.Require(window)
	}
	return nil
}
