package train

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
	"github.com/gobptt/bptt/train/optim"
)

// BenchmarkTrainStep is one training step of a language model: embedding, recurrent layers, linear, mean cross-entropy,
// backward through time, clipping at norm 1, Adam; float32, a fixed batch in memory. The configurations are named so
// that another program that prints the same names can be set beside it.
func BenchmarkTrainStep(b *testing.B) {
	for _, c := range []struct {
		cell             string
		v, e, h, l, b, t int
	}{
		{"RNN", 65, 64, 256, 1, 32, 100},
		{"GRU", 65, 64, 256, 1, 32, 100},
		{"LSTM", 65, 64, 128, 1, 32, 100},
		{"LSTM", 65, 64, 256, 1, 32, 100},
		{"LSTM", 65, 128, 512, 2, 32, 100},
		{"LSTM", 10000, 200, 200, 2, 20, 20},
		{"LSTM", 65, 64, 128, 1, 1, 50},
		{"LSTM", 65, 64, 128, 1, 32, 500},
	} {
		b.Run(fmt.Sprintf("cell=%s/V=%d/E=%d/H=%d/L=%d/B=%d/T=%d", c.cell, c.v, c.e, c.h, c.l, c.b, c.t), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 2))
			newRecurrent := map[string]func(int, int, layers.RecurrentOptions, *rand.Rand) *layers.Recurrent{
				"RNN": layers.NewRNN, "GRU": layers.NewGRU, "LSTM": layers.NewLSTM}[c.cell]
			f := &fit{
				Trainer: &Trainer{
					Model: layers.Sequential{
						layers.NewEmbedding(c.v, c.e, rng),
						newRecurrent(c.e, c.h, layers.RecurrentOptions{Layers: c.l}, rng),
						layers.NewLinear(c.h, c.v, rng),
					},
					Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LearningRate: 1e-3}, ClipNorm: 1,
					BPTT: bptt.Truncated{Window: c.t}, Steps: 1,
				},
				data: repeated(c.v, c.t, c.b, rng), states: graph.States{},
			}
			if err := f.begin(); err != nil {
				b.Fatal(err)
			}
			step := func() {
				if _, _, err := f.update(); err != nil {
					b.Fatal(err)
				}
			}
			step()
			step()
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
			b.ReportMetric(float64(b.N)*float64(c.b*c.t)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

// repeated gives one random batch again and again.
func repeated(vocabulary, steps, batch int, rng *rand.Rand) Data {
	ids := make([]int32, (steps+1)*batch)
	for i := range ids {
		ids[i] = int32(rng.IntN(vocabulary))
	}
	shape := []int{steps, batch}
	return &fixed{seqdata.Batch{T: steps, B: batch, Arrays: map[string]seqdata.Array{
		seqdata.Input:  {Shape: shape, Ints: ids[:steps*batch]},
		seqdata.Target: {Shape: shape, Ints: ids[batch:]},
	}}}
}

type fixed struct{ batch seqdata.Batch }

func (f *fixed) Next(int) (*seqdata.Batch, error) { return &f.batch, nil }
func (f *fixed) Rewind()                          {}
