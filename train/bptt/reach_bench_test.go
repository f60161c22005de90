package bptt_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
)

// again gives windows of one batch, again and again.
type again struct{ pieces }

func (a *again) Next(steps int) (*seqdata.Batch, error) {
	if a.at+steps > a.batch.T {
		a.at = 0
	}
	return a.pieces.Next(steps)
}

// benchmarkRun is a pass of an LSTM over sequences without an end.
func benchmarkRun(hidden, batch, steps int) (*bptt.Run, func(b *graph.Builder) *graph.Node) {
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{layers.NewLSTM(16, hidden, layers.LSTMOptions{}, rng), layers.NewLinear(hidden, 16, rng)}
	if _, err := graph.NewArena(model.Params()); err != nil {
		panic(err)
	}
	array := func() seqdata.Array {
		a := seqdata.Array{Shape: []int{steps, batch, 16}, Floats: make([]float32, steps*batch*16)}
		for i := range a.Floats {
			a.Floats[i] = rng.Float32()
		}
		return a
	}
	write := func(b *graph.Builder) *graph.Node {
		return loss.MSE{}.Cost(b, model.Apply(b, b.Input(seqdata.Input)))
	}
	return &bptt.Run{
		Data:     &again{pieces{batch: &seqdata.Batch{T: steps, B: batch, Arrays: map[string]seqdata.Array{seqdata.Input: array(), seqdata.Target: array()}}}},
		Programs: &bptt.Programs{Write: write}, States: graph.States{}, Random: rand.NewPCG(1, 1),
	}, write
}

// BenchmarkReach compares an update of Truncated{Window: 10, Reach: 50} with its parts: one forward pass over 10 steps and
// backward passes over 50, in windows of 10.
func BenchmarkReach(b *testing.B) {
	const k1, k2, hidden, batch = 10, 50, 256, 32
	run, write := benchmarkRun(hidden, batch, 1000)
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

// BenchmarkStrategies is one update of each strategy that goes through T = 200 steps of sequences, in windows of 20.
func BenchmarkStrategies(b *testing.B) {
	const window, steps = 20, 200
	for _, s := range []struct {
		name     string
		strategy train.Strategy
		updates  int // that go through all steps
	}{
		{"Truncated", bptt.Truncated{Window: window}, steps / window},
		{"Truncated/k2=100", bptt.Truncated{Window: window, Reach: 5 * window}, steps / window},
		{"Full", bptt.Full{Window: window}, 1},
		{"Full/one window", bptt.Full{Window: steps}, 1},
		{"Checkpointed/4MB", bptt.Checkpointed{Window: window, Memory: 4e6}, 1},
		{"Checkpointed/1MB", bptt.Checkpointed{Window: window, Memory: 1e6}, 1},
		{"UORO", bptt.UORO{Window: window}, steps / window},
		{"EProp", bptt.EProp{Window: window}, steps / window},
	} {
		b.Run(s.name, func(b *testing.B) {
			hidden := 128
			if s.name == "UORO" || s.name == "EProp" {
				hidden = 16
			}
			run, _ := benchmarkRun(hidden, 8, steps)
			for b.Loop() {
				run.Rewind()
				for range s.updates {
					if _, err := s.strategy.Gradient(run); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
