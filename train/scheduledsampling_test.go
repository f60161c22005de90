package train_test

import (
	"context"
	"fmt"
	"log"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/track"
)

// A language model learns to go on from its own predictions, and then is used without them.
func Example_scheduledSampling() {
	text, streams := shells()
	data, err := seqdata.ScheduleTeacher(streams, seqdata.InverseSigmoidDecay(25))
	if err != nil {
		log.Fatal(err)
	}
	model := characterModel(text.Vocab.Len())
	trainer := train.Trainer{
		Model:     layers.ScheduledSampling{Model: model},
		Loss:      loss.CrossEntropy{},
		Optimizer: &optim.Adam{LearningRate: 0.03},
		ClipNorm:  1,
		BPTT:      bptt.Truncated{Window: 16},
		Steps:     200,
	}
	if _, err := trainer.Fit(context.Background(), data, nil); err != nil {
		log.Fatal(err)
	}
	generator, err := train.NewGenerator(model)
	if err != nil {
		log.Fatal(err)
	}
	ids, err := generator.Sample(text.Vocab.Encode("\n"), 20, 0, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(text.Vocab.Decode(ids))
	// Output:
	// she sells sea shells
}

// A run with scheduled sampling that is stopped and resumed is the run that wasn't stopped: the schedule goes on at its
// place, and so do the predictions that are read.
func TestScheduledSamplingResumes(t *testing.T) {
	r := recipe{dropout: 0.2, seed: 3}
	fit := func(steps, threads int, seed uint64, dir string, resume bool) (weights, losses string) {
		r := r
		r.seed, r.threads = seed, threads
		trainer := r.trainer(t, steps)
		trainer.Model = layers.ScheduledSampling{Model: trainer.Model, Draw: true, FreeRunning: true}
		trainer.Checkpoint = &train.Checkpoint{Dir: dir, Resume: resume}
		data, validation := r.streams(t)
		scheduled, err := seqdata.ScheduleTeacher(data, seqdata.LinearDecay(1, 1.0/30, 0.1))
		if err != nil {
			t.Fatal(err)
		}
		history, err := trainer.Fit(context.Background(), scheduled, validation)
		if err != nil {
			t.Fatal(err)
		}
		return values(t, trainer.Model), numbers(t, &track.History{Train: history.Train})
	}
	straight := t.TempDir()
	weights, losses := fit(40, 1, 3, straight, false)
	for _, stop := range []int{1, 17, 26} { // an epoch has 13 windows
		dir := t.TempDir()
		fit(stop, 2, 3, dir, false)
		gotWeights, gotLosses := fit(40, 2, 100, dir, true)
		wantSame(t, "weights", gotWeights, weights)
		wantSame(t, "losses", gotLosses, losses)
		wantSaved(t, saved(t, dir), saved(t, straight))
	}

	// The predictions matter: true tokens alone lead to other weights.
	data, _ := r.streams(t)
	plain := r.trainer(t, 40)
	if _, err := plain.Fit(context.Background(), data, nil); err != nil {
		t.Fatal(err)
	}
	if values(t, plain.Model) == weights {
		t.Error("scheduled sampling changes nothing")
	}
}

// Exact gradients over a sequence cut into windows that are kept, or computed again, know the predictions that were read:
// with one seed for each window, checkpointing gives the bits of full backpropagation.
func TestScheduledSamplingOverWindows(t *testing.T) {
	r := recipe{seed: 5}
	var weights []string
	repeated := false
	checkpointed := bptt.Checkpointed{Window: window, Memory: 80_000, Planned: func(w bptt.Work) { repeated = w.Forward > w.Windows }}
	for _, s := range []train.Strategy{bptt.Full{Window: window}, checkpointed} {
		trainer := r.trainer(t, 3)
		graph.SetDType(trainer.Model.Params(), graph.Float64)
		trainer.Model = layers.ScheduledSampling{Model: trainer.Model, Draw: true}
		trainer.BPTT = s
		data, _ := r.streams(t)
		scheduled, err := seqdata.ScheduleTeacher(data, seqdata.ExponentialDecay(0.95))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := trainer.Fit(context.Background(), scheduled, nil); err != nil {
			t.Fatal(err)
		}
		weights = append(weights, values(t, trainer.Model))
	}
	wantSame(t, "weights", weights[1], weights[0])
	if !repeated {
		t.Error("no window was computed again")
	}
}
