package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
	"github.com/gobptt/bptt/train/optim"
)

// overhead is what the process takes beside the limit: the program itself, the data twice, the weights four times, and
// what the garbage collector hasn't collected yet.
const overhead = 64 << 20

// run is the whole program: updates by the exact gradient, the last one beside a pass in truncated pieces.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(s.memory + overhead) // the collector shall not let garbage grow beyond
	rng := rand.New(rand.NewPCG(s.seed, 1))
	data := newSignals(s.steps, s.batch, rng)
	model := layers.Sequential{
		layers.NewLSTM(1, s.hidden, layers.LSTMOptions{ForgetBias: 5}, rng), // it keeps half of its state for a hundred steps
		layers.NewLinear(s.hidden, 1, rng),
	}
	for _, p := range model.Params() {
		if p.Name == "0.weight_hh_l0" { // no feedback at first: over so many steps, the gradient would explode
			p.Value.Zero()
		}
	}
	arena, err := graph.NewArena(model.Params())
	if err != nil {
		return err
	}
	l := &longseq{settings: s, arena: arena, stdout: stdout, optimizer: optim.Adam{LearningRate: s.rate}, pass: &bptt.Run{
		Data: data,
		Programs: &bptt.Programs{Write: func(b *graph.Builder) *graph.Node {
			return loss.MSE{}.Cost(b, model.Apply(b, b.Input(seqdata.Input)))
		}},
		States: graph.States{}, Random: rand.NewPCG(s.seed, 2),
	}}
	fmt.Fprintf(stdout, "%d sequences of %d time steps; LSTM %d, %d parameters; windows of %d steps\n",
		s.batch, s.steps, s.hidden, arena.Values.Len(), s.window)

	for step := range s.updates {
		last := step == s.updates-1
		var pieces *gradient
		if last {
			if pieces, err = l.truncated(ctx); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		whole, err := l.exact(step == 0)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "step %d: loss %.5f, gradient norm %.4f, %.2f s\n", step+1, whole.loss, arena.GradNorm(), whole.took.Seconds())
		if last {
			fmt.Fprintf(stdout, "in truncated pieces: loss %.5f, %.2f s; the exact gradient takes %.2f times that; cosine of the two: %.4f\n",
				pieces.loss, pieces.took.Seconds(), whole.took.Seconds()/pieces.took.Seconds(), cosine(pieces.sum, arena.Grads.Floats()))
		}
		if _, err := optim.ClipNorm(arena, 1); err != nil {
			return err
		}
		if err := l.optimizer.Step(arena, 1); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, "largest resident memory: %s; limit %s, plan %s\n", size(peak()), size(s.memory), size(l.plan.Bytes))
	return nil
}

// longseq is a model in training.
type longseq struct {
	*settings
	arena     *graph.Arena
	pass      *bptt.Run
	optimizer optim.Adam
	plan      bptt.Work
	stdout    io.Writer
}

// gradient is what one pass over the sequences gave.
type gradient struct {
	loss float64
	took time.Duration
	sum  []float64 // of the pieces; nil where it lies in the arena
}

// truncated goes once through the sequences in pieces: what truncated backpropagation would follow if it didn't update in
// between.
func (l *longseq) truncated(ctx context.Context) (*gradient, error) {
	l.pass.Rewind()
	g := &gradient{sum: make([]float64, l.arena.Grads.Len())}
	weight := 0.0
	for ctx.Err() == nil {
		start := time.Now()
		r, err := bptt.Truncated{Window: l.window}.Gradient(l.pass)
		if err == io.EOF {
			g.loss /= weight
			return g, nil
		}
		if err != nil {
			return nil, err
		}
		g.took += time.Since(start)
		g.loss += r.Loss * r.Weight
		weight += r.Weight
		for i, v := range l.arena.Grads.F32 {
			g.sum[i] += r.Weight * float64(v)
		}
	}
	return nil, ctx.Err()
}

// exact computes the gradient of the whole sequences. With tell it prints the plan before, and after it what was done.
func (l *longseq) exact(tell bool) (*gradient, error) {
	l.pass.Rewind()
	strategy := bptt.Checkpointed{Window: l.window, Memory: l.memory, Planned: func(w bptt.Work) {
		l.plan = w
		if tell {
			fmt.Fprintf(l.stdout, "plan within %s: hold %d of %d windows and keep %d states at once, in %s; compute %d windows forward\n",
				size(l.memory), w.Held, w.Windows, w.Kept, size(w.Bytes), w.Forward)
		}
	}}
	start := time.Now()
	r, err := strategy.Gradient(l.pass)
	if err != nil {
		return nil, err
	}
	if w := r.Work; tell {
		fmt.Fprintf(l.stdout, "done: held %d windows and kept %d states at once; computed %d windows forward, %.2f times each; as planned: %t\n",
			w.Held, w.Kept, w.Forward, float64(w.Forward)/float64(w.Windows), w == l.plan)
		window := int64(r.Program.Bytes())
		fmt.Fprintf(l.stdout, "without a limit: %d windows of %s, together %s\n", w.Windows, size(window), size(int64(w.Windows)*window))
	}
	return &gradient{loss: r.Loss, took: time.Since(start)}, nil
}

// cosine of the angle between two vectors.
func cosine(a, b []float64) float64 {
	ab, aa, bb := 0.0, 0.0, 0.0
	for i := range a {
		ab, aa, bb = ab+a[i]*b[i], aa+a[i]*a[i], bb+b[i]*b[i]
	}
	return ab / math.Sqrt(aa*bb)
}
