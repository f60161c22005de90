package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/schedule"
)

// noteLoss is the negative log-likelihood of a time step's notes, each of which sounds or doesn't: binary cross-entropy,
// summed over the notes, where loss.BCEWithLogits is the mean over them.
type noteLoss struct{}

// Cost writes the loss.
func (noteLoss) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	return b.Scale(loss.BCEWithLogits{}.Cost(b, output), notes)
}

// When validation has been no better for some epochs in a row, the learning rate is halved; for some more, and training
// ends.
const (
	untilHalved = 2
	untilEnd    = 8
)

// result is a trained model, as it was after the epoch in which validation was best, and the losses of then.
type result struct {
	model        layers.Sequential
	valid, test  float64
	best, epochs int
}

func (s *settings) train(ctx context.Context, m *music, stdout, stderr io.Writer) (*result, error) {
	rng := rand.New(rand.NewPCG(s.seed, 1))
	shuffled, err := seqdata.Pad(examples(m.train), s.batch, seqdata.PadOptions{Shuffle: rng, Bucket: 16})
	if err != nil {
		return nil, err
	}
	valid, err := seqdata.Pad(examples(m.valid), 32, seqdata.PadOptions{})
	if err != nil {
		return nil, err
	}
	test, err := seqdata.Pad(examples(m.test), 32, seqdata.PadOptions{})
	if err != nil {
		return nil, err
	}
	r := &result{valid: math.Inf(1), model: layers.Sequential{
		recurrent[s.cell](notes, s.hidden, layers.RecurrentOptions{WeightDrop: s.weightDrop}, rng),
		layers.Dropout(s.dropout),
		layers.NewLinear(s.hidden, notes, rng),
	}}
	say := func(w io.Writer, format string, args ...any) {
		if !s.quiet {
			fmt.Fprintf(w, format, args...)
		}
	}
	say(stdout, "pieces: %d for training, %d for validation, %d for the test\n", len(m.train), len(m.valid), len(m.test))
	say(stdout, "model: %s %d, %d parameters\n", s.cell, s.hidden, parameters(r.model))
	say(stdout, "for comparison: a model that knows how often each note sounds has %.3f nats/step in the test\n", independent(m.train, m.test))

	best := weights(r.model)
	t := &train.Trainer{
		Model:     r.model,
		Loss:      noteLoss{},
		Optimizer: &optim.Adam{LearningRate: s.rate},
		BPTT:      bptt.Truncated{Window: shuffled.Steps()}, // pieces come whole
		Epochs:    s.epochs,
		ClipNorm:  10,
		Schedule:  &schedule.Plateau{Reduce: 0.5, Patience: untilHalved},
		Random:    rand.NewPCG(s.seed, 2),
		Patience:  untilEnd,
		Report: func(report train.Report) error {
			if r.epochs++; report.Validation < r.valid {
				r.valid, r.best, best = report.Validation, r.epochs, weights(r.model)
			}
			if r.epochs%5 == 0 {
				say(stderr, "epoch %d: training %.3f, validation %.3f nats/step\n", r.epochs, report.Train, report.Validation)
			}
			return nil
		},
	}
	if _, err := t.Fit(ctx, shuffled, valid); err != nil {
		return nil, err
	}
	for i, p := range r.model.Params() {
		if err := p.Value.SetFloats(best[i]); err != nil {
			return nil, err
		}
	}
	r.test, err = t.Evaluate(ctx, test)
	return r, err
}

// weights returns a copy of the parameters' values.
func weights(model layers.Layer) [][]float64 {
	var all [][]float64
	for _, p := range model.Params() {
		all = append(all, p.Value.Floats())
	}
	return all
}

func parameters(model layers.Layer) (n int) {
	for _, p := range model.Params() {
		n += p.Value.Len()
	}
	return n
}

// independent is the loss of a model for which the notes don't depend on anything: it only knows how often each sounds in
// the training pieces.
func independent(train, test []piece) float64 {
	var often [notes]float64
	steps := 0.0
	for _, p := range train {
		for _, step := range p {
			steps++
			for note, is := range sounding(step) {
				if is {
					often[note]++
				}
			}
		}
	}
	sum, count := 0.0, 0.0
	for _, p := range test {
		for _, step := range p {
			count++
			for note, is := range sounding(step) {
				probability := (often[note] + 0.5) / (steps + 1)
				if !is {
					probability = 1 - probability
				}
				sum -= math.Log(probability)
			}
		}
	}
	return sum / count
}
