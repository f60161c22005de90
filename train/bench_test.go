package train

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
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
	for _, c := range []recipe{
		{"RNN", 65, 64, 256, 1, 32, 100},
		{"GRU", 65, 64, 256, 1, 32, 100},
		{"LSTM", 65, 64, 128, 1, 32, 100},
		{"LSTM", 65, 64, 256, 1, 32, 100},
		{"LSTM", 65, 128, 512, 2, 32, 100},
		{"LSTM", 10000, 200, 200, 2, 20, 20},
		{"LSTM", 65, 64, 128, 1, 1, 50},
		{"LSTM", 65, 64, 128, 1, 32, 500},
	} {
		b.Run(c.String(), c.bench)
	}
}

// BenchmarkGrowth shows how time and memory grow with the window, the width and the batch.
func BenchmarkGrowth(b *testing.B) {
	for _, t := range []int{50, 500, 5000} {
		c := recipe{"LSTM", 65, 64, 128, 1, 32, t}
		b.Run(c.String(), c.bench)
	}
	for _, h := range []int{64, 256, 1024} {
		c := recipe{"LSTM", 65, 64, h, 1, 32, 50}
		b.Run(c.String(), c.bench)
	}
	for _, batch := range []int{1, 8, 128} {
		c := recipe{"LSTM", 65, 64, 128, 1, batch, 50}
		b.Run(c.String(), c.bench)
	}
}

// recipe is a language model and its batch: vocabulary, embedding, hidden width, layers, sequences, time steps.
type recipe struct {
	cell             string
	v, e, h, l, b, t int
}

func (c recipe) String() string {
	return fmt.Sprintf("cell=%s/V=%d/E=%d/H=%d/L=%d/B=%d/T=%d", c.cell, c.v, c.e, c.h, c.l, c.b, c.t)
}

func (c recipe) bench(b *testing.B) {
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
		data: repeated(c.v, c.t, c.b, rng),
	}
	if err := f.begin(f.Optimizer); err != nil {
		b.Fatal(err)
	}
	var last *graph.Program
	step := func() {
		r, _, _, err := f.update()
		if err != nil {
			b.Fatal(err)
		}
		last = r.Program
	}
	step()
	step()
	b.ReportAllocs()
	for b.Loop() {
		step()
	}
	steps := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(steps*float64(c.b*c.t), "tokens/s")
	b.ReportMetric(steps*c.flops()/fmaPeak(), "FMA-peak")
	b.ReportMetric(float64(last.Bytes())/1e6, "program-MB")
	b.ReportMetric(peakMB(), "peak-MB")
}

// flops counts the matrix products of a step: forward, and backward for the input and for the weight. Where the vocabulary
// is at most half the tokens, the first layer's input products are those of the vocabulary, see graph.Builder.Linear.
func (c recipe) flops() float64 {
	gates := map[string]int{"RNN": 1, "GRU": 3, "LSTM": 4}[c.cell]
	tokens, inputs := c.b*c.t, c.b*c.t
	if 2*c.v <= tokens {
		inputs = c.v
	}
	products := inputs*gates*c.h*c.e + tokens*(gates*c.h*c.h+(c.l-1)*gates*c.h*2*c.h+c.h*c.v)
	return 3 * 2 * float64(products)
}

// fmaPeak is what all cores together do in multiply-adds on registers alone.
var fmaPeak = sync.OnceValue(func() float64 {
	return kernel.PeakFlops[float32](kernel.NewPool(runtime.GOMAXPROCS(0)), 100*time.Millisecond)
})

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
