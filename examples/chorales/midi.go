package main

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
)

// compose writes a piece of the model's own to a MIDI file.
func (s *settings) compose(model layers.Sequential) error {
	p, err := sample(model, s.steps, rand.New(rand.NewPCG(s.seed, 3)))
	if err != nil {
		return err
	}
	return os.WriteFile(s.midi, midi(p), 0o666)
}

// sample draws a piece from the model, which is given each step that was drawn to draw the next.
func sample(model layers.Sequential, steps int, rng *rand.Rand) (piece, error) {
	b := graph.NewBuilder(graph.Window{T: 1, B: 1}, graph.Options{Threads: 1})
	b.Output("probabilities", b.Sigmoid(model.Apply(b, b.Floats(seqdata.Input, 1, notes))))
	program, err := b.Forward(nil)
	if err != nil {
		return nil, err
	}
	input, states := make([]float32, notes), graph.States{}
	var p piece
	for range steps {
		if err := program.SetFloats(seqdata.Input, input); err != nil {
			return nil, err
		}
		if err := program.Load(states); err != nil {
			return nil, err
		}
		if err := program.Run(0); err != nil {
			return nil, err
		}
		program.Store(states)
		clear(input)
		var step []int
		for note, probability := range program.Output("probabilities").Floats() {
			if rng.Float64() < probability {
				step = append(step, note)
				input[note] = 1
			}
		}
		p = append(p, step)
	}
	return p, nil
}

const (
	lowestKey  = 21 // MIDI's number of note 0
	ticks      = 96 // a quarter note, which is a time step
	velocity   = 80
	microtempo = 700000 // microseconds a quarter note
)

// midi returns a piece as a MIDI file of format 0. A note that sounds in steps that follow each other is one long note.
func midi(p piece) []byte {
	var track bytes.Buffer
	wait := 0 // ticks since the last event
	event := func(data ...byte) {
		track.Write(variable(wait))
		track.Write(data)
		wait = 0
	}
	event(0xff, 0x51, 3, microtempo>>16&0xff, microtempo>>8&0xff, microtempo&0xff)
	var before [notes]bool
	for t := range len(p) + 1 {
		var now [notes]bool
		if t < len(p) {
			now = sounding(p[t])
		}
		for note := range notes {
			switch {
			case before[note] && !now[note]:
				event(0x80, byte(lowestKey+note), 0)
			case now[note] && !before[note]:
				event(0x90, byte(lowestKey+note), velocity)
			}
		}
		before = now
		wait += ticks
	}
	wait = 0
	event(0xff, 0x2f, 0)

	file := []byte("MThd")
	file = binary.BigEndian.AppendUint32(file, 6)
	for _, v := range []uint16{0, 1, ticks} { // the format, tracks, and ticks
		file = binary.BigEndian.AppendUint16(file, v)
	}
	file = append(file, "MTrk"...)
	file = binary.BigEndian.AppendUint32(file, uint32(track.Len()))
	return append(file, track.Bytes()...)
}

// variable is a number in MIDI's form: seven bits a byte, the last with the high bit clear.
func variable(n int) []byte {
	b := []byte{byte(n & 0x7f)}
	for n >>= 7; n > 0; n >>= 7 {
		b = append([]byte{byte(n&0x7f) | 0x80}, b...)
	}
	return b
}
