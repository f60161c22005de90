package bptt_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
)

// again gives windows of one batch, again and again.
type again struct{ *pieces }

func (a *again) Next(steps int) (*seqdata.Batch, error) {
	if a.at+steps > a.batch.T {
		a.at = 0
	}
	return a.pieces.Next(steps)
}

// benchmarkRun is a pass of an LSTM over sequences of noise. The answers are sums of what came before, each part of which
// fades within some twenty steps; the LSTM's states begin with a memory as long.
func benchmarkRun(hidden, batch, steps int) (r *bptt.Run, write func(b *graph.Builder) *graph.Node, arena *graph.Arena) {
	const width, fading = 16, 0.95
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{
		layers.NewLSTM(width, hidden, layers.LSTMOptions{ForgetBias: 3}, rng),
		layers.NewLinear(hidden, width, rng),
	}
	arena, err := graph.NewArena(model.Params())
	if err != nil {
		panic(err)
	}
	shape := []int{steps, batch, width}
	input, target := make([]float32, steps*batch*width), make([]float32, steps*batch*width)
	for i := range input {
		input[i] = float32(rng.NormFloat64())
		target[i] = input[i] / 3
		if before := i - batch*width; before >= 0 {
			target[i] += fading * target[before]
		}
	}
	write = func(b *graph.Builder) *graph.Node {
		return loss.MSE{}.Cost(b, model.Apply(b, b.Input(seqdata.Input)))
	}
	return &bptt.Run{
		Data: &pieces{batch: &seqdata.Batch{T: steps, B: batch, Arrays: map[string]seqdata.Array{
			seqdata.Input:  {Shape: shape, Floats: input},
			seqdata.Target: {Shape: shape, Floats: target},
		}}},
		Programs: &bptt.Programs{Write: write}, States: graph.States{}, Random: rand.NewPCG(1, 1),
	}, write, arena
}

// BenchmarkReach compares an update of Truncated{Window: 10, Reach: 50} with its parts: one forward pass over 10 steps and
// backward passes over 50, in windows of 10.
func BenchmarkReach(b *testing.B) {
	const k1, k2, hidden, batch = 10, 50, 256, 32
	run, write, _ := benchmarkRun(hidden, batch, 1000)
	run.Data = &again{run.Data.(*pieces)}
	builder := graph.NewBuilder(graph.Window{T: k1, B: batch, Train: true}, graph.Options{})
	for _, name := range []string{seqdata.Input, seqdata.Target} {
		builder.Floats(name, k1*batch, 16)
	}
	p, err := builder.Compile(write(builder), graph.Gradients{States: true, Repeat: true})
	if err != nil {
		b.Fatal(err)
	}
	var ratios, updates, forwards, backwards []float64
	took := func(list *[]float64, f func() error) float64 {
		start := time.Now()
		if err := f(); err != nil {
			b.Fatal(err)
		}
		*list = append(*list, time.Since(start).Seconds()*1e3)
		return (*list)[len(*list)-1]
	}
	for range k2 / k1 { // fills what is held
		if _, err := (bptt.Truncated{Window: k1, Reach: k2}).Gradient(run); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		update := took(&updates, func() error { _, err := bptt.Truncated{Window: k1, Reach: k2}.Gradient(run); return err })
		parts := took(&forwards, func() error { return p.Forward(1) })
		for range k2 / k1 {
			parts += took(&backwards, p.Backward)
		}
		ratios = append(ratios, update/parts)
	}
	median := func(v []float64) float64 { slices.Sort(v); return v[len(v)/2] }
	b.ReportMetric(median(updates), "update-ms")
	b.ReportMetric(median(forwards), "forward10-ms")
	b.ReportMetric(median(backwards), "backward10-ms")
	b.ReportMetric(median(ratios), "update/parts")
}
