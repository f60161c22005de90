package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"time"

	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/schedule"
)

// When validation has been no better for some epochs in a row, the learning rate is halved; for some more, and training
// ends.
const (
	untilHalved = 15
	untilEnd    = 60
)

// train returns the network as it was after the epoch in which validation was best.
func (s *settings) train(ctx context.Context, d *data, stdout, stderr io.Writer) (*network, error) {
	windows, err := d.train.Windows(seqdata.WindowOptions{Steps: s.window, Stride: s.window / 2, Warmup: s.window / 2})
	if err != nil {
		return nil, err
	}
	shuffled, err := seqdata.Pad(windows, s.batch, seqdata.PadOptions{Shuffle: rand.New(rand.NewPCG(s.seed, 2))})
	if err != nil {
		return nil, err
	}
	// All of the part in one sequence, which begins earlier, for the state.
	windows, err = d.valid.Windows(seqdata.WindowOptions{Warmup: 2 * s.window})
	if err != nil {
		return nil, err
	}
	held, err := seqdata.Pad(windows, 1, seqdata.PadOptions{})
	if err != nil {
		return nil, err
	}

	n := newNetwork(s)
	best, bestEpoch, epoch := math.Inf(1), 0, 0
	weights := n.weights()
	say := func(w io.Writer, format string, args ...any) {
		if !s.quiet {
			fmt.Fprintf(w, format, args...)
		}
	}
	parameters := 0
	for _, w := range weights {
		parameters += len(w)
	}
	say(stdout, "series: %s, %d values: %d for training, %d for validation, %d for the test\n", d.name, len(d.values),
		d.train.Len(), d.valid.Len()-d.valid.From, d.test.Len()-d.test.From)
	say(stdout, "model: GRU %d with a Gaussian head, %d parameters\n", s.hidden, parameters)
	said := time.Now()
	t := train.Trainer{
		Model:            n,
		Loss:             loss.GaussianNLL{},
		Optimizer:        &optim.Adam{LearningRate: s.rate},
		BPTT:             bptt.Truncated{Window: shuffled.Steps()}, // windows come whole
		Epochs:           s.epochs,
		ClipNorm:         1,
		Schedule:         &schedule.Plateau{Reduce: 0.5, Patience: untilHalved},
		Random:           rand.NewPCG(s.seed, 3),
		ValidationWindow: s.window,
		Patience:         untilEnd,
		Report: func(r train.Report) error {
			if epoch++; r.Validation < best {
				best, bestEpoch, weights = r.Validation, epoch, n.weights()
			}
			if epoch%50 == 0 || time.Since(said) > 5*time.Second {
				said = time.Now()
				say(stderr, "epoch %d: training %.4f, validation %.4f nats\n", epoch, r.Train, r.Validation)
			}
			return nil
		},
	}
	if _, err := t.Fit(ctx, shuffled, held); err != nil {
		return nil, err
	}
	say(stderr, "the best epoch was %d, validation %.4f nats\n", bestEpoch, best)
	return n, n.setWeights(weights)
}
