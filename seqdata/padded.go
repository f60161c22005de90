package seqdata

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
)

// PadOptions say in which order sequences come, and which together. The zero value takes them as they are given.
type PadOptions struct {
	// Shuffle puts the sequences in another order in every epoch. The order depends on the epoch's number and on the
	// source as it was when Pad was called, and on nothing else. nil means the order in which they are given.
	Shuffle *rand.Rand
	// Bucket is for how many batches sequences are collected and sorted by length before they are cut into batches. The
	// sequences of a batch are then about equally long, so that little is computed for padding. 0 means 1: no sorting.
	Bucket int
}

// Padded gives sequences of different lengths in batches. The T of a batch is that of its longest sequence. The others
// are padded with zeros at their ends, where [Mask] is 0. An epoch has each sequence once; its last batch may have fewer
// than the others.
//
// A batch's arrays are time-major: [T] becomes [T, B], [T, F] becomes [T, B, F], and the numbers of whole sequences
// become [B].
type Padded struct {
	examples []Example
	fields   []field
	rows     int   // B
	longest  int   // T of all
	bound    int64 // no epoch has more steps than this
	bucket   int
	random   *numbered // for the order of each epoch; nil: they aren't shuffled

	epoch   int64
	order   []int // of the examples in this epoch
	batches []span
	at      int // the batch in progress; len(batches) at the end
	step    int // time steps of it that are given

	// What Next returns.
	mask   []float32
	ints   [][]int32   // by field
	floats [][]float32 // by field
	arrays map[string]Array
	ends   []bool
	batch  Batch
}

// span is a batch: the examples order[from:to].
type span struct {
	from, to int
	steps    int // of the longest
}

// maxElements is how many an array of a batch may have.
const maxElements = math.MaxInt32

// Pad returns batches of the examples, which must not change then. One that contradicts itself or the others gives an
// *ExampleError, an argument out of its range an *ArgumentError.
func Pad(examples []Example, batch int, o PadOptions) (*Padded, error) {
	switch {
	case len(examples) == 0:
		return nil, &ArgumentError{"Pad", "list of examples", "empty", "at least one"}
	case batch < 1:
		return nil, &ArgumentError{"Pad", "batch", batch, "at least 1"}
	case o.Bucket < 0:
		return nil, &ArgumentError{"Pad", "Bucket", o.Bucket, "0 or more"}
	}
	fields, err := fields(examples)
	if err != nil {
		return nil, err
	}
	p := &Padded{
		examples: examples, fields: fields, rows: min(batch, len(examples)), bucket: o.Bucket,
		order: make([]int, len(examples)), arrays: make(map[string]Array),
		ints: make([][]int32, len(fields)), floats: make([][]float32, len(fields)),
	}
	for _, e := range examples {
		p.longest = max(p.longest, e.steps())
		p.bound += int64(e.steps())
	}
	if o.Shuffle != nil {
		p.random = newNumbered(o.Shuffle)
	}
	p.begin(0)
	return p, nil
}

// begin goes to the start of an epoch.
func (p *Padded) begin(epoch int64) {
	p.epoch, p.at, p.step = epoch, 0, 0
	for i := range p.order {
		p.order[i] = i
	}
	var rng *rand.Rand
	if p.random != nil {
		rng = p.random.of(epoch)
		rng.Shuffle(len(p.order), func(i, j int) { p.order[i], p.order[j] = p.order[j], p.order[i] })
	}
	if p.bucket > 1 {
		size := len(p.order)
		if p.bucket < (size+p.rows-1)/p.rows {
			size = p.bucket * p.rows
		}
		for part := range slices.Chunk(p.order, size) {
			slices.SortStableFunc(part, func(i, j int) int { return cmp.Compare(p.examples[i].steps(), p.examples[j].steps()) })
		}
	}
	p.batches = p.batches[:0]
	for from := 0; from < len(p.order); from += p.rows {
		s := span{from: from, to: min(from+p.rows, len(p.order))}
		for _, i := range p.order[s.from:s.to] {
			s.steps = max(s.steps, p.examples[i].steps())
		}
		p.batches = append(p.batches, s)
	}
	if rng != nil && p.bucket > 1 { // or the short ones would come first
		rng.Shuffle(len(p.batches), func(i, j int) { p.batches[i], p.batches[j] = p.batches[j], p.batches[i] })
	}
}

// Next returns the next window: at most that many time steps of the batch in progress, or of the next one. [Batch.Ends]
// says where a batch's sequences end, all with its last window. At the end of an epoch it returns io.EOF.
//
// If [Target] is one number a sequence, sequences come whole: fewer steps than Steps give an *ArgumentError.
//
// The memory of a batch is overwritten at the next call.
func (p *Padded) Next(steps int) (*Batch, error) {
	least := 1
	if target, ok := p.examples[0][Target]; ok && len(target.Shape) == 0 {
		least = p.longest
	}
	if steps < least {
		return nil, &ArgumentError{"Padded.Next", "steps", steps, fmt.Sprintf("at least %d", least)}
	}
	if p.at == len(p.batches) {
		return nil, io.EOF
	}
	s := p.batches[p.at]
	n, rows := min(steps, s.steps-p.step), s.to-s.from
	for _, f := range p.fields {
		if f.timed && n > maxElements/rows/f.width {
			return nil, &ArgumentError{"Padded.Next", "steps", n, fmt.Sprintf("at most %d elements for %d sequences with %d numbers a step in %q",
				maxElements, rows, f.width, f.name)}
		}
	}
	p.fill(s, n)
	p.step += n
	p.batch = Batch{T: n, B: rows, Arrays: p.arrays}
	if p.step == s.steps {
		p.at, p.step = p.at+1, 0
		p.ends = p.ends[:0]
		for range rows {
			p.ends = append(p.ends, true)
		}
		p.batch.Ends = p.ends
	}
	return &p.batch, nil
}

// fill makes the arrays of the next n steps of a batch.
func (p *Padded) fill(s span, n int) {
	clear(p.arrays) // the caller may have changed it
	members, rows := p.order[s.from:s.to], s.to-s.from
	p.mask = zeros(p.mask, n*rows)
	for b, i := range members {
		for t := range p.examples[i].steps() - p.step {
			if t == n {
				break
			}
			p.mask[t*rows+b] = 1
		}
	}
	p.arrays[Mask] = Array{Shape: []int{n, rows}, Floats: p.mask}
	for k, f := range p.fields {
		a := Array{Shape: []int{rows}}
		size, step := rows, 0
		if f.timed {
			a.Shape = append([]int{n, rows}, f.shape...)
			size, step = n*rows*f.width, p.step
		}
		if f.floats {
			p.floats[k] = zeros(p.floats[k], size)
			a.Floats = p.floats[k]
		} else {
			p.ints[k] = zeros(p.ints[k], size)
			a.Ints = p.ints[k]
		}
		for b, i := range members {
			from := p.examples[i][f.name]
			gather(a.Floats, from.Floats, f.width, b, rows, step)
			gather(a.Ints, from.Ints, f.width, b, rows, step)
		}
		p.arrays[f.name] = a
	}
}

// gather copies what an example has, from a time step on, into sequence b of a batch. Both may be empty.
func gather[V int32 | float32](batch, example []V, width, b, rows, step int) {
	for t := 0; t*rows*width < len(batch) && (step+t)*width < len(example); t++ {
		copy(batch[(t*rows+b)*width:][:width], example[(step+t)*width:])
	}
}

// zeros returns n zeros, in the memory of s if it is large enough.
func zeros[V int32 | float32](s []V, n int) []V {
	if cap(s) < n {
		return make([]V, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// Rewind begins the next epoch, unless nothing of this one is given yet.
func (p *Padded) Rewind() {
	if p.at > 0 || p.step > 0 {
		p.begin(p.epoch + 1)
	}
}

// Cursor returns the place in the data, and in which epoch. Given to SetCursor of a Padded that was made of the same
// examples, options and state of the source, it resumes exactly there.
func (p *Padded) Cursor() int64 {
	done := int64(p.step)
	for _, s := range p.batches[:p.at] {
		done += int64(s.steps)
	}
	return p.epoch*(p.bound+1) + done
}

// SetCursor goes to a place that Cursor has returned. Another number gives an *ArgumentError.
func (p *Padded) SetCursor(cursor int64) error {
	epoch, at, step := p.epoch, p.at, p.step
	done := cursor % (p.bound + 1)
	if cursor >= 0 {
		p.begin(cursor / (p.bound + 1))
		for p.at < len(p.batches) && done >= int64(p.batches[p.at].steps) {
			done -= int64(p.batches[p.at].steps)
			p.at++
		}
		if done == 0 || p.at < len(p.batches) {
			p.step = int(done)
			return nil
		}
	}
	p.begin(epoch)
	p.at, p.step = at, step
	return &ArgumentError{"Padded.SetCursor", "cursor", cursor, "what Cursor has returned for the same data"}
}

// Steps returns the number of time steps of the longest batch: windows of as many give every sequence whole.
func (p *Padded) Steps() int { return p.longest }

// Batches returns the number of batches in an epoch.
func (p *Padded) Batches() int { return len(p.batches) }
