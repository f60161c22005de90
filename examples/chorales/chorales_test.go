package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/program"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
)

// outcome is what a user sees of a run.
type outcome struct {
	stdout, stderr string
	status         int
}

func execute(args ...string) outcome {
	var stdout, stderr bytes.Buffer
	code := program.Status("chorales", run(context.Background(), args, &stdout, &stderr), &stderr)
	return outcome{stdout.String(), stderr.String(), code}
}

// small goes to an empty directory with pieces.jsonl, and returns the flags of a short run. A flag that is given again
// after these takes their place.
func small(t *testing.T, more ...string) []string {
	t.Helper()
	t.Chdir(t.TempDir())
	put(t, "pieces.jsonl", lines(t, scales()))
	return append(strings.Fields("-data pieces.jsonl -hidden 16 -batch 4 -epochs 40 -lr 3e-2 -dropout 0.1 -weightdrop 0.1"), more...)
}

// scales are pieces of different lengths in which two voices go up over few notes, again and again.
func scales() *music {
	pieces := func(n, seed int) (all []piece) {
		for i := range n {
			var p piece
			for t := range 5 + (7*i+seed)%12 {
				low := 30 + (t+i)%6
				p = append(p, []int{low, low + 12})
			}
			all = append(all, p)
		}
		return all
	}
	return &music{train: pieces(20, 0), valid: pieces(5, 1), test: pieces(6, 2)}
}

func lines(t *testing.T, m *music) string {
	t.Helper()
	var b strings.Builder
	for split, pieces := range map[string][]piece{"train": m.train, "valid": m.valid, "test": m.test} {
		for _, p := range pieces {
			line, err := json.Marshal(map[string]any{"split": split, "steps": p})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s\n", line)
		}
	}
	return b.String()
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

var lastLine = regexp.MustCompile(`^test: (\d+\.\d{3}) nats/step \(validation \d+\.\d{3} in epoch \d+ of \d+\)\n$`)

// A short run learns the scales, and prints what is promised.
func TestLearns(t *testing.T) {
	for _, cell := range []string{"lstm", "gru"} {
		args := small(t, "-cell", cell, "-midi", "own.mid", "-steps", "40")
		o := execute(args...)
		all := strings.SplitAfter(o.stdout, "\n")
		last := all[max(0, len(all)-2)]
		m := lastLine.FindStringSubmatch(last)
		if o.status != 0 || m == nil {
			t.Fatalf("status %d: %s%s", o.status, o.stdout, o.stderr)
		}
		independent, err := strconv.ParseFloat(regexp.MustCompile(`sounds has (\S+) nats/step`).FindStringSubmatch(o.stdout)[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		if loss, err := strconv.ParseFloat(m[1], 64); err != nil || !(loss < 0.6*independent) {
			t.Errorf("%s: %s, only %v for notes by themselves", cell, last, independent)
		}
		for _, want := range []string{"pieces: 20 for training, 5 for validation, 6 for the test\n", "model: " + cell + " 16, "} {
			if !strings.Contains(o.stdout, want) {
				t.Errorf("no %q in\n%s", want, o.stdout)
			}
		}
		if !strings.Contains(o.stderr, "epoch 10: training ") {
			t.Errorf("stderr is %q", o.stderr)
		}
		if data, err := os.ReadFile("own.mid"); err != nil || len(decode(t, data)) == 0 {
			t.Errorf("MIDI file: %v", err)
		}
		quiet := execute(append(args, "-quiet")...)
		if quiet.stdout != last || quiet.stderr != "" || quiet.status != 0 {
			t.Errorf("-quiet: %+v; want only %q", quiet, last)
		}
	}
}

// The losses are means over all steps of all pieces, whatever they were padded with, of the model as it was after the best
// epoch: by reading the pieces one by one, step by step.
func TestLosses(t *testing.T) {
	args := small(t, "-lr", "0.3", "-quiet")
	s, err := parse(args, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.read()
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.train(context.Background(), m, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.best == r.epochs {
		t.Fatal("this learning rate is no longer too high for the last epoch to be good")
	}
	for name, c := range map[string]struct {
		got    float64
		pieces []piece
	}{"validation": {r.valid, m.valid}, "test": {r.test, m.test}} {
		if want := stepByStep(t, r.model, c.pieces); math.Abs(c.got-want) > 1e-4*want {
			t.Errorf("%s: loss %v, step by step %v", name, c.got, want)
		}
	}
}

func stepByStep(t *testing.T, model layers.Layer, pieces []piece) float64 {
	t.Helper()
	b := graph.NewBuilder(graph.Window{T: 1, B: 1}, graph.Options{})
	b.Output("logits", model.Apply(b, b.Floats(seqdata.Input, 1, notes)))
	p, err := b.Forward(nil)
	if err != nil {
		t.Fatal(err)
	}
	sum, steps := 0.0, 0
	for _, music := range pieces {
		input, states := make([]float32, notes), graph.States{}
		for _, step := range music {
			if err := p.SetFloats(seqdata.Input, input); err != nil {
				t.Fatal(err)
			}
			if err := p.Load(states); err != nil {
				t.Fatal(err)
			}
			if err := p.Run(0); err != nil {
				t.Fatal(err)
			}
			p.Store(states)
			clear(input)
			for _, note := range step {
				input[note] = 1
			}
			for note, x := range p.Output("logits").Floats() {
				if input[note] == 1 {
					x = -x
				}
				sum += math.Log1p(math.Exp(x))
			}
			steps++
		}
	}
	return sum / float64(steps)
}

// A note that always sounds costs nothing, one that sounds in half of the steps log 2; twice in a step is once.
func TestIndependent(t *testing.T) {
	var p piece
	for range 1000 {
		p = append(p, []int{5}, []int{5, 7, 7})
	}
	if got := independent([]piece{p}, []piece{p}); math.Abs(got-math.Ln2) > 0.03 {
		t.Errorf("%v nats, want about %v", got, math.Ln2)
	}
}

// The synthetic pieces are what their comment says, and always the same.
func TestSynthetic(t *testing.T) {
	m, again := synthetic(), synthetic()
	if fmt.Sprint(m) != fmt.Sprint(again) {
		t.Error("other pieces the second time")
	}
	lengths := map[int]bool{}
	for i, p := range slices.Concat(m.train, m.valid, m.test) {
		lengths[len(p)] = true
		var classes [12]int
		for s, step := range p {
			for v, note := range step {
				if note < voices[v].low || note > voices[v].high || v > 0 && note <= step[v-1] {
					t.Fatalf("piece %d, step %d: %v", i, s, step)
				}
				classes[note%12]++
			}
			if len(step) != 4 {
				t.Fatalf("piece %d, step %d: %v", i, s, step)
			}
		}
		used := slices.DeleteFunc(classes[:], func(n int) bool { return n == 0 })
		if len(p) < 24 || len(used) > 7 {
			t.Errorf("piece %d: %d steps, %d notes of the octave", i, len(p), len(used))
		}
	}
	if len(lengths) < 20 || len(m.train) != 40 || len(m.valid) != 12 || len(m.test) != 12 {
		t.Errorf("%d, %d and %d pieces, of %d lengths", len(m.train), len(m.valid), len(m.test), len(lengths))
	}
}

// decode reads a MIDI file as midi writes it, back into steps.
func decode(t *testing.T, file []byte) piece {
	t.Helper()
	const header = "MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60MTrk"
	if len(file) < len(header)+4 || string(file[:len(header)]) != header {
		t.Fatalf("the file begins with %q", file[:min(len(file), 30)])
	}
	track := file[len(header)+4:]
	if n := binary.BigEndian.Uint32(file[len(header):]); int(n) != len(track) {
		t.Fatalf("the track has %d bytes, and says %d", len(track), n)
	}
	var p piece
	sounding := map[int]bool{}
	for {
		wait := 0
		for {
			b := track[0]
			track = track[1:]
			wait = wait<<7 | int(b&0x7f)
			if b < 0x80 {
				break
			}
		}
		for range wait / 96 {
			var step []int
			for note := range notes {
				if sounding[note] {
					step = append(step, note)
				}
			}
			p = append(p, step)
		}
		note := int(track[1]) - 21
		switch {
		case track[0] == 0x90 && track[2] > 0 && !sounding[note]:
			sounding[note] = true
			track = track[3:]
		case track[0] == 0x80 && sounding[note]:
			delete(sounding, note)
			track = track[3:]
		case string(track[:3]) == "\xff\x51\x03":
			track = track[6:]
		case string(track) == "\xff\x2f\x00" && len(sounding) == 0:
			return p
		default:
			t.Fatalf("an event %x while %v sound", track, sounding)
		}
	}
}

// A piece comes back from its MIDI file, rests within it too; but not those at its end.
func TestMIDI(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pieces := []piece{nil, {nil}, {{0, 87}}, {{3}, nil, {3}, {3}, {3, 4}}}
	for range 50 {
		var p piece
		for range rng.IntN(300) {
			var step []int
			for note := range notes {
				if rng.IntN(300) == 0 {
					step = append(step, note)
				}
			}
			p = append(p, step)
		}
		pieces = append(pieces, p)
	}
	pieces = append(pieces, append(make(piece, 20000), []int{1})) // a long rest
	for _, p := range pieces {
		want := p
		for len(want) > 0 && len(want[len(want)-1]) == 0 {
			want = want[:len(want)-1]
		}
		if got := decode(t, midi(p)); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v comes back as %v", want, got)
		}
	}
}
