package bptt_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
	"github.com/gobptt/bptt/train/track"
)

// newRun prepares a pass over a text of 121 characters, in 4 streams of 30 steps, with a small model.
func newRun() *bptt.Run {
	text, err := seqdata.NewText(strings.Repeat("abcdefghijkl", 10) + "a")
	if err != nil {
		log.Fatal(err)
	}
	stream, err := seqdata.Streams(text, 4)
	if err != nil {
		log.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{
		layers.NewEmbedding(text.Vocab.Len(), 4, rng),
		layers.NewGRU(4, 8, layers.GRUOptions{}, rng),
		layers.NewLinear(8, text.Vocab.Len(), rng),
	}
	programs := &bptt.Programs{Write: func(b *graph.Builder) *graph.Node {
		return loss.CrossEntropy{}.Cost(b, model.Apply(b, b.Input(seqdata.Input)))
	}}
	return &bptt.Run{Data: stream, Programs: programs, States: graph.States{}, Random: rand.NewPCG(1, 1)}
}

// The windows of one epoch. Each leaves its gradient in the parameters, and its last state in the run.
func ExampleTruncated() {
	run := newRun()
	for {
		result, err := bptt.Truncated{Window: 12}.Gradient(run)
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		window := result.Program.Window()
		fmt.Printf("T=%d B=%d: mean loss %.1f over %d targets\n", window.T, window.B, result.Loss, result.Targets)
	}
	fmt.Println("state h_l0 is", run.States["1.h_l0"].Shape)
	// Output:
	// T=12 B=4: mean loss 2.6 over 48 targets
	// T=12 B=4: mean loss 2.6 over 48 targets
	// T=6 B=4: mean loss 2.6 over 24 targets
	// state h_l0 is [4 8]
}

// The exact gradient of 30 steps in a limit of memory. What will be kept, and computed again, is known before the work.
func ExampleCheckpointed() {
	limit, err := bptt.ParseBytes("32KiB")
	if err != nil {
		log.Fatal(err)
	}
	var planned bptt.Work
	result, err := bptt.Checkpointed{Window: 5, Memory: limit, Planned: func(w bptt.Work) { planned = w }}.Gradient(newRun())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d windows, not all held at once: %t; some computed again: %t\n", planned.Windows, planned.Held < planned.Windows, planned.Forward > planned.Windows)
	fmt.Println("done as planned:", result.Work == planned)

	full, err := bptt.Full{Window: 5}.Gradient(newRun())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the same loss as in any memory:", result.Loss == full.Loss)

	_, err = bptt.Checkpointed{Window: 5, Memory: 1000}.Gradient(newRun())
	var few *bptt.MemoryError
	fmt.Println("1000 bytes are too few:", errors.As(err, &few) && few.Need > 1000)
	// Output:
	// 6 windows, not all held at once: true; some computed again: true
	// done as planned: true
	// the same loss as in any memory: true
	// 1000 bytes are too few: true
}

// jittered is truncated BPTT with windows of varying length: a strategy is any type with this method.
type jittered struct{ shortest, longest int }

var _ train.Strategy = jittered{}

func (s jittered) Gradient(r *bptt.Run) (bptt.Result, error) {
	n := s.shortest + int(r.Random.Uint64()%uint64(s.longest-s.shortest+1))
	return bptt.Truncated{Window: n}.Gradient(r)
}

// A strategy of one's own.
func ExampleRun() {
	run := newRun()
	steps := 0
	for {
		result, err := jittered{shortest: 5, longest: 15}.Gradient(run)
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		steps += result.Program.Window().T
	}
	fmt.Println("an epoch of", steps, "steps")
	// Output:
	// an epoch of 30 steps
}

// How far back the last state depends on earlier ones, as numbers and as a chart.
func ExampleStateLags() {
	lags, err := bptt.StateLags(newRun(), 20, 8)
	if err != nil {
		log.Fatal(err)
	}
	chart := track.Chart{X: "lag (time steps back)", Y: "Frobenius norm of ∂h_T/∂h_(T-lag)", LogY: true}
	for _, l := range lags {
		fmt.Printf("%s: %.2f, one step back %.2f; %.0f%% is more than 5 steps back\n", l.State, l.Norms[0], l.Norms[1], 100*l.Beyond(5))
		chart.Lines = append(chart.Lines, track.Line{Name: l.State, Y: l.Norms})
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := chart.WriteFile(filepath.Join(dir, "lags.png")); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1.h_l0: 2.83, one step back 1.49; 3% is more than 5 steps back
}
