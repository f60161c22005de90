package train

import (
	"context"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/schedule"
	"github.com/gobptt/bptt/train/track"
)

// Trainer fits a model. The first four fields are required, and one of Steps and Epochs. Model, Loss, Threads and whether
// there are Metrics and a Flow must not change after the first use.
type Trainer struct {
	Model     Model
	Loss      Loss
	Optimizer Optimizer
	BPTT      Strategy
	Steps     int // updates to reach in all, those before a resumption included; 0 means no limit
	Epochs    int // passes over the data to reach in all, likewise

	ClipNorm   float64           // largest norm of the gradient; 0 means no clipping by it
	Clip       Clip              // another kind of clipping; nil means none
	Schedule   schedule.Schedule // of the learning rate, by updates, as a factor of the optimizer's; nil means 1
	Accumulate int               // gradients whose mean over all their targets makes an update; 0 means 1
	Random     *rand.PCG         // of dropout masks; nil means rand.NewPCG(1, 1). A PCG, since a checkpoint stores its state.
	Threads    int               // 0 means as many as runtime.GOMAXPROCS; the results are the same

	// Every is how many steps lie between evaluations on the validation data, with a Report; 0 means at the end of each
	// epoch if Epochs is set, and at the end.
	Every            int
	ValidationWindow int // time steps that evaluation computes at once; 0 means 64. The state is carried between.
	// Patience is after how many evaluations in a row without a lower validation loss training stops early; 0 means
	// never.
	Patience   int
	OnDiverged Divergence // what to do if the loss or the gradient isn't finite; the default is to stop
	// Metrics measure the model's output on the validation data, beside the loss, under names like "accuracy" or "F1 (%)".
	// A Report and the Observer get their values.
	Metrics    map[string]Metric
	Report     func(Report) error
	Observer   track.Observer // is told of everything: a track.Progress, logs, a track.Dashboard, several in track.Observers; nil means none
	Checkpoint *Checkpoint    // nil means none

	// Flow collects how the gradients flow; nil: nothing is collected. It isn't part of a checkpoint.
	Flow *track.GradientFlow

	arena    *graph.Arena
	programs *bptt.Programs
}

// Fit trains until Steps or Epochs are reached, Patience is at its end, an error occurs, or the context ends; then, if there is a Checkpoint, it
// saves, except where the loss diverged or not even the first update succeeded. The validation data may be nil; their first
// window is evaluated before the first update, so that data that don't fit are found early. The history is never nil, also
// with an error.
func (t *Trainer) Fit(ctx context.Context, data, validation Data) (*track.History, error) {
	f := t.newFit(data, validation)
	if ctx == nil {
		return f.history, &ArgumentError{Name: "ctx", Got: "nil", Want: "a context"}
	}
	if err := f.begin(f.Optimizer); err != nil {
		return f.history, err
	}
	return f.history, f.observed(ctx, f.run)
}

// prepare moves the parameters into an arena.
func (t *Trainer) prepare() error {
	if t.arena != nil {
		return t.arena.Check()
	}
	arena, err := graph.NewArena(t.Model.Params())
	if err != nil {
		return err
	}
	arena.Threads = t.Threads
	t.arena = arena
	t.programs = &bptt.Programs{
		Options: graph.Options{DType: arena.Values.DType(), Threads: t.Threads, Observe: t.Flow != nil},
		Write: func(b *graph.Builder) *graph.Node {
			y := t.Model.Apply(b, b.Input(seqdata.Input))
			if len(t.Metrics) > 0 && !b.Window().Train {
				b.Output(measured, y)
			}
			return t.Loss.Cost(b, y)
		},
	}
	return nil
}
