package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/gobptt/bptt/seqdata"
)

// notes is how many a piano has. Note 0 is the A that MIDI numbers 21.
const notes = 88

// piece holds the notes that sound in each time step.
type piece [][]int

// sounding says of each note whether it sounds in a step.
func sounding(step []int) (is [notes]bool) {
	for _, note := range step {
		is[note] = true
	}
	return is
}

// music is the pieces of a data set, by what they are for.
type music struct{ train, valid, test []piece }

// read returns the pieces to learn.
func (s *settings) read() (*music, error) {
	if s.data == "" {
		return synthetic(), nil
	}
	f, err := os.Open(s.data)
	if err != nil {
		return nil, err
	}
	defer f.Close() // it was only read
	return readMusic(f, s.data)
}

// longestLine bounds the memory that a file can ask for at once.
const longestLine = 1 << 24

// readMusic reads pieces, one a line.
func readMusic(r io.Reader, name string) (*music, error) {
	m := &music{}
	parts := map[string]*[]piece{"train": &m.train, "valid": &m.valid, "test": &m.test}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestLine)
	line := 0
	for lines.Scan() {
		line++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		wrong := func(format string, args ...any) error {
			return fmt.Errorf("%s, line %d: %s", name, line, fmt.Sprintf(format, args...))
		}
		var p struct {
			Split string
			Steps piece
		}
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return nil, wrong("%v; want a piece as JSON", err)
		}
		part := parts[p.Split]
		if part == nil {
			return nil, wrong("the split is %.40q, want train, valid or test", p.Split)
		}
		if len(p.Steps) == 0 {
			return nil, wrong("the piece has no steps")
		}
		for t, step := range p.Steps {
			for _, note := range step {
				if note < 0 || note >= notes {
					return nil, wrong("step %d has the note %d, want 0 to %d", t, note, notes-1)
				}
			}
		}
		*part = append(*part, p.Steps)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s, line %d: %w", name, line+1, err)
	}
	for _, split := range []string{"train", "valid", "test"} {
		if len(*parts[split]) == 0 {
			return nil, fmt.Errorf("%s has no piece of the split %q, want at least one", name, split)
		}
	}
	return m, nil
}

// examples returns the pieces as sequences: the target of a step is its notes, the input those of the step before, and of
// the first step silence.
func examples(pieces []piece) []seqdata.Example {
	var all []seqdata.Example
	for _, p := range pieces {
		n := len(p)
		roll := make([]float32, (n+1)*notes)
		for t, step := range p {
			for _, note := range step {
				roll[(t+1)*notes+note] = 1
			}
		}
		all = append(all, seqdata.Example{
			seqdata.Input:  {Shape: []int{n, notes}, Floats: roll[:n*notes]},
			seqdata.Target: {Shape: []int{n, notes}, Floats: roll[notes:]},
		})
	}
	return all
}
