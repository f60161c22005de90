package bptt_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
)

// BenchmarkOverlap is truncated BPTT with k1 = 10 and k2 = 50: "ratio" is the time of an update over that of one forward
// pass over 10 steps and five backward passes over 10 each, measured in turn.
func BenchmarkOverlap(b *testing.B) {
	const steps, reach, rows = 10, 50, 32
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{layers.NewEmbedding(65, 64, rng), layers.NewLSTM(64, 128, layers.LSTMOptions{}, rng), layers.NewLinear(128, 65, rng)}
	write := func(b *graph.Builder) *graph.Node {
		return loss.CrossEntropy{}.Cost(b, model.Apply(b, b.Input(seqdata.Input)))
	}
	data := &endless{rng: rng, rows: rows}
	run := &bptt.Run{Data: data, Programs: &bptt.Programs{Write: write}, States: graph.States{}, Random: rand.NewPCG(3, 4)}
	strategy := bptt.Truncated{Window: steps, Reach: reach}

	builder := graph.NewBuilder(graph.Window{T: steps, B: rows, Train: true}, graph.Options{})
	builder.Ints(seqdata.Input, steps*rows)
	builder.Ints(seqdata.Target, steps*rows)
	alone, err := builder.Compile(write(builder), graph.Gradients{States: true, Repeat: true})
	if err != nil {
		b.Fatal(err)
	}
	for range reach / steps {
		if _, err := strategy.Gradient(run); err != nil {
			b.Fatal(err)
		}
	}
	var update, parts time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := strategy.Gradient(run); err != nil {
			b.Fatal(err)
		}
		update += time.Since(start)
		start = time.Now()
		err := alone.Forward(1)
		for range reach / steps {
			if err == nil {
				err = alone.Backward()
			}
		}
		if err != nil {
			b.Fatal(err)
		}
		parts += time.Since(start)
	}
	b.ReportMetric(update.Seconds()/parts.Seconds(), "ratio")
}

// endless gives random tokens for ever.
type endless struct {
	rng  *rand.Rand
	rows int
}

func (d *endless) Rewind() {}

func (d *endless) Next(steps int) (*seqdata.Batch, error) {
	b := &seqdata.Batch{T: steps, B: d.rows, Arrays: map[string]seqdata.Array{}}
	for _, name := range []string{seqdata.Input, seqdata.Target} {
		ids := make([]int32, steps*d.rows)
		for i := range ids {
			ids[i] = int32(d.rng.IntN(65))
		}
		b.Arrays[name] = seqdata.Array{Shape: []int{steps, d.rows}, Ints: ids}
	}
	return b, nil
}
