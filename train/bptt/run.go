package bptt

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
)

// Data gives sequences window by window; each row of a batch goes on where it stopped in the one before.
type Data interface {
	// Next returns the next window, of at most the given number of time steps, or io.EOF at the end of an epoch. The
	// batch may be overwritten by the following call.
	Next(steps int) (*seqdata.Batch, error)
	// Rewind goes back to the start of an epoch.
	Rewind()
}

// Run is a pass over data: what a strategy works with, from its first update to its last.
type Run struct {
	Data     Data
	Programs *Programs
	States   graph.States // carried from window to window
	Random   rand.Source  // of the seeds of dropout masks

	required int       // window that the data were asked about
	carried  any       // by an online strategy, from step to step
	recent   []*window // windows whose activations a later update goes back through, oldest first

}

// Rewind begins an epoch: the data from their start, from zero states.
func (r *Run) Rewind() {
	r.Data.Rewind()
	clear(r.States)
	r.Cut()
}

// Cut makes the present states constants: no later update's gradient reaches what came before. A checkpoint that holds
// the states then holds all that the run goes on from.
func (r *Run) Cut() { r.recent, r.carried = nil, nil }

// Result says what a strategy computed.
type Result struct {
	Loss    float64 // mean over the targets, in the loss's unit
	Targets int
	Weight  float64        // the sum of the targets' weights, of which Loss is the mean
	Rate    float64        // what the learning rate of this update is to be multiplied by; 0 means 1
	Program *graph.Program // the last one run; if the loss isn't finite, that which holds the first window where it isn't
	Work    Work           // what it took, for strategies that may compute windows more than once

	// Recordings are what the programs saw on the way back, if they observe (Programs.Options): the norms of the gradients
	// at all time steps that the update went back through, over all windows. Online strategies go back one step only, so
	// theirs are of each step's own cost.
	Recordings []graph.Recording
}

// require fails if the data say that no sequence has a full window of this length, as a *seqdata.Stream does.
func (r *Run) require(window int) error {
	d, ok := r.Data.(interface{ Require(window int) error })
	if !ok || window == r.required {
		return nil
	}
	r.required = window
	return d.Require(window)
}

// read reads the next window, which is valid, and no longer than it may be.
func (r *Run) read(steps int) (*seqdata.Batch, error) {
	batch, err := r.Data.Next(steps)
	if err == nil {
		err = batch.Validate()
	}
	if err == nil && batch.T > steps {
		err = &seqdata.BatchError{Got: fmt.Sprintf("T=%d", batch.T), Want: fmt.Sprintf("at most %d time steps, as Next was asked for", steps)}
	}
	if err != nil {
		return nil, err
	}
	return batch, nil
}

// next reads the next window, as data of its own.
func (r *Run) next(steps int) (*window, error) {
	batch, err := r.read(steps)
	if err != nil {
		return nil, err
	}
	w := &window{batch: batch.Clone(), seed: r.Random.Uint64()}
	w.targets, w.weight = batch.Targets()
	return w, nil
}

// sequence reads windows until all sequences of the batch end at once, or the epoch.
func (r *Run) sequence(steps int) ([]*window, error) {
	var all []*window
	for {
		w, err := r.next(steps)
		if err == io.EOF && len(all) > 0 {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, w)
		if w.batch.Ends != nil && !slices.Contains(w.batch.Ends, false) {
			return all, nil
		}
	}
}

// step runs a program for a batch from the carried states.
func (r *Run) step(p *graph.Program, batch *seqdata.Batch, seed uint64) (Result, error) {
	if err := p.Load(r.States); err != nil {
		return Result{}, err
	}
	if err := p.Run(seed); err != nil {
		return Result{}, err
	}
	p.Store(r.States)
	r.States.Clear(batch.Ends)
	count, weight := batch.Targets()
	if v, ok := p.TargetWeight(); ok {
		weight = v
	}
	return Result{Loss: p.Cost(), Targets: count, Weight: weight, Program: p, Recordings: p.Recordings()}, nil
}
