package search_test

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"strings"

	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/search"
)

// Each trial trains a language model with one thread, so that the trials share the processor's cores, and reports its
// validation loss. The text is read once; streams and model are each trial's own.
func ExampleStudy() {
	text, err := seqdata.NewText(strings.Repeat("she sells sea shells\n", 60))
	if err != nil {
		log.Fatal(err)
	}
	learning, validating, err := text.Split(0.8)
	if err != nil {
		log.Fatal(err)
	}
	trial := func(ctx context.Context, p search.Params, report search.Report) (float64, error) {
		data, err := seqdata.Streams(learning, 4)
		if err != nil {
			return 0, err
		}
		validation, err := seqdata.Streams(validating, 4)
		if err != nil {
			return 0, err
		}
		rng, hidden, words := rand.New(rand.NewPCG(1, 2)), p.Int("hidden"), text.Vocab.Len()
		trainer := train.Trainer{
			Model: layers.Sequential{
				layers.NewEmbedding(words, 8, rng),
				layers.NewGRU(8, hidden, layers.GRUOptions{}, rng),
				layers.NewLinear(hidden, words, rng),
			},
			Loss:      loss.CrossEntropy{},
			Optimizer: &optim.Adam{LearningRate: p.Float("learning rate")},
			ClipNorm:  1,
			BPTT:      bptt.Truncated{Window: 16},
			Steps:     60,
			Threads:   1,
			Every:     20,
			Report:    func(r train.Report) error { return report(r.Step, r.Validation) },
		}
		history, err := trainer.Fit(ctx, data, validation)
		if err != nil {
			return 0, err
		}
		return history.Validation[len(history.Validation)-1].Loss, nil
	}

	study := search.Study{
		Space: search.Space{
			search.Choice("learning rate", 0.03, 1e-6, 1e-7),
			search.Choice("hidden", 16, 8),
		},
		Prune: &search.Median{Startup: 2},
	}
	results, err := study.Run(context.Background(), trial)
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range results.Trials {
		fmt.Printf("%d: %v %s after %d reports\n", t.Number, t.Params, t.State, len(t.Reports))
	}
	best, ok := results.Best()
	fmt.Println("the best:", best.Params, ok)
	// Output:
	// 0: learning rate=0.03 hidden=16 complete after 3 reports
	// 1: learning rate=0.03 hidden=8 complete after 3 reports
	// 2: learning rate=1e-06 hidden=16 pruned after 1 reports
	// 3: learning rate=1e-06 hidden=8 pruned after 1 reports
	// 4: learning rate=1e-07 hidden=16 pruned after 1 reports
	// 5: learning rate=1e-07 hidden=8 pruned after 1 reports
	// the best: learning rate=0.03 hidden=16 true
}

// A random search; the trial is any function.
func ExampleStudy_random() {
	study := search.Study{
		Space: search.Space{
			search.Uniform("x", -5, 5),
			search.Integer("n", 1, 4),
		},
		Trials: 300,
		Seed:   1,
	}
	results, err := study.Run(context.Background(), func(_ context.Context, p search.Params, _ search.Report) (float64, error) {
		x, n := p.Float("x"), float64(p.Int("n"))
		return (x-2)*(x-2) + (n-3)*(n-3), nil
	})
	if err != nil {
		log.Fatal(err)
	}
	best, _ := results.Best()
	fmt.Printf("x is about %.0f, n is %d\n", best.Params.Float("x"), best.Params.Int("n"))
	// Output:
	// x is about 2, n is 3
}
