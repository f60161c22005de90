package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/track"
)

// run is the whole program.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.out, 0o777); err != nil {
		return err
	}
	g := &gradflow{settings: s, stdout: stdout}
	if err := g.compare(ctx); err != nil {
		return err
	}
	if err := g.clipping(ctx); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\nThe pictures, and a page for each network, are in %s.\n", s.out)
	return nil
}

// gradflow is a run of the program.
type gradflow struct {
	*settings
	stdout io.Writer
}

// Streams of random numbers, so that what one part draws doesn't change the others.
const (
	weightNumbers = iota + 1
	trainingNumbers
	lagNumbers
	truncationNumbers
	maskNumbers
)

func (g *gradflow) random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(g.seed, stream)) }

// write writes something that draws itself into a file of the directory.
func (g *gradflow) write(name string, p interface{ WriteFile(path string) error }) error {
	return p.WriteFile(filepath.Join(g.out, name))
}

// pass is a pass over data with a model, for what a trainer doesn't do.
func (g *gradflow) pass(m layers.Sequential, data bptt.Data) *bptt.Run {
	return &bptt.Run{
		Data: data, States: graph.States{}, Random: rand.NewPCG(g.seed, maskNumbers),
		Programs: &bptt.Programs{Write: func(b *graph.Builder) *graph.Node {
			return lastStep{}.Cost(b, m.Apply(b, b.Input(seqdata.Input)))
		}},
	}
}

// lossLine is a run's training loss as a line, each point the median of some steps'.
func lossLine(name string, h *track.History) track.Line {
	l := track.Line{Name: name}
	many := max(1, len(h.Train)/50)
	for i := 0; i+many <= len(h.Train); i += many {
		l.X = append(l.X, float64(h.Train[i+many-1].Step))
		l.Y = append(l.Y, medianLoss(h.Train[i:i+many]))
	}
	return l
}

func medianLoss(points []track.Point) float64 {
	losses := make([]float64, len(points))
	for i, p := range points {
		losses[i] = p.Loss
	}
	slices.Sort(losses)
	return losses[len(losses)/2]
}
