package train_test

import (
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/schedule"
	"github.com/gobptt/bptt/train/track"
)

// averages is data of two batches of sequences, of 30 and 18 steps. The inputs are two sines, the targets running averages of
// them.
type averages struct{ batch, step int }

func (a *averages) Next(steps int) (*seqdata.Batch, error) {
	const rows = 3
	if a.batch == 2 {
		return nil, io.EOF
	}
	length := 30 - 12*a.batch
	steps = min(steps, length-a.step)
	input, target := make([]float32, steps*rows), make([]float32, steps*rows)
	at := func(t, row int) float32 {
		x := float64(t) + 5*float64(row)
		return float32(math.Sin(0.5*x) + 0.5*math.Sin((0.9+0.2*float64(a.batch))*x))
	}
	for i := range input {
		input[i] = at(a.step+i/rows, i%rows)
		for t := range a.step + i/rows + 1 {
			target[i] = 0.8*target[i] + 0.2*at(t, i%rows)
		}
	}
	shape := []int{steps, rows, 1}
	b := &seqdata.Batch{T: steps, B: rows, Arrays: map[string]seqdata.Array{
		seqdata.Input: {Shape: shape, Floats: input}, seqdata.Target: {Shape: shape, Floats: target},
	}}
	if a.step += steps; a.step == length {
		a.batch, a.step = a.batch+1, 0
		b.Ends = []bool{true, true, true}
	}
	return b, nil
}

func (a *averages) Rewind() { *a = averages{} }

// forecaster is a trainer of a small GRU.
func forecaster(dtype graph.DType, dropout float64) *train.Trainer {
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{layers.NewGRU(1, 8, layers.GRUOptions{}, rng), layers.Dropout(dropout), layers.NewLinear(8, 1, rng)}
	graph.SetDType(model.Params(), dtype)
	return &train.Trainer{Model: model, Loss: loss.MSE{}, BPTT: bptt.Full{Window: 10}}
}

func minimize(t *testing.T, trainer *train.Trainer, data, validation train.Data, o *optim.LBFGS) (*track.History, optim.Minimum) {
	t.Helper()
	history, m, err := trainer.Minimize(t.Context(), data, validation, o)
	if err != nil {
		t.Fatal(err)
	}
	return history, m
}

// The loss gets much lower than Adam's after as many gradients, at the best of the rates 0.003, 0.01, 0.02, 0.03, 0.05, 0.1
// and 0.2, and is that of all data.
func TestMinimize(t *testing.T) {
	trainer := forecaster(graph.Float64, 0)
	before, err := trainer.Evaluate(t.Context(), &averages{})
	if err != nil {
		t.Fatal(err)
	}
	history, m := minimize(t, trainer, &averages{}, nil, &optim.LBFGS{Iterations: 80, Evaluations: 1000})
	after, err := trainer.Evaluate(t.Context(), &averages{})
	if err != nil || math.Abs(after-m.Cost) > 1e-12 {
		t.Errorf("found a loss of %v, but the model's is %v, %v", m.Cost, after, err)
	}

	adam := forecaster(graph.Float64, 0)
	adam.Optimizer, adam.Accumulate, adam.Steps = &optim.Adam{LearningRate: 0.1}, 2, m.Evaluations
	if _, err := adam.Fit(t.Context(), &averages{}, nil); err != nil {
		t.Fatal(err)
	}
	other, err := adam.Evaluate(t.Context(), &averages{})
	if err != nil || after > other/5 {
		t.Errorf("L-BFGS comes from %.4g to %.4g in %d evaluations, Adam to %.4g, %v", before, after, m.Evaluations, other, err)
	}

	points := history.Train
	if len(points) != 80 || m.Iterations != 80 || points[79].Loss != m.Cost {
		t.Fatalf("%d points, the last of a loss of %v; %+v", len(points), points[len(points)-1].Loss, m)
	}
	for i, p := range points {
		if p.Step != i+1 || i > 0 && p.Loss >= points[i-1].Loss || p.GradNorm == 0 {
			t.Errorf("point %d: %+v", i, p)
		}
	}
	if n := points[79].Tokens; n != int64(m.Evaluations*3*(30+18)) {
		t.Errorf("%d targets in %d evaluations", n, m.Evaluations)
	}
}

// The weights don't depend on the threads and, but for rounding, on how the sequences are cut; a second call goes on
// where the first one ended.
func TestMinimizeIsExact(t *testing.T) {
	run := func(strategy train.Strategy, threads int, iterations ...int) (*train.Trainer, float64) {
		trainer, o, cost := forecaster(graph.Float64, 0.2), &optim.LBFGS{Evaluations: 1000}, 0.0
		trainer.BPTT, trainer.Threads, trainer.Random = strategy, threads, rand.NewPCG(3, 4)
		for _, n := range iterations {
			o.Iterations = n
			_, m := minimize(t, trainer, &averages{}, nil, o)
			cost = m.Cost
		}
		return trainer, cost
	}
	one, _ := run(bptt.Full{Window: 10}, 1, 12)
	for what, other := range map[string]func() (*train.Trainer, float64){
		"two threads":  func() (*train.Trainer, float64) { return run(bptt.Full{Window: 10}, 2, 12) },
		"two calls":    func() (*train.Trainer, float64) { return run(bptt.Full{Window: 10}, 1, 5, 7) },
		"checkpointed": func() (*train.Trainer, float64) { return run(bptt.Checkpointed{Window: 10, Memory: 1 << 30}, 1, 12) },
	} {
		trainer, _ := other()
		wantSame(t, "weights with "+what, values(t, trainer.Model), values(t, one.Model))
	}
}

// The masks of dropout, and the sequences of data that draw new ones for every epoch, stay the same, so every iteration
// lowers the loss.
func TestMinimizeIsOfOneFunction(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	adding, err := seqdata.Adding(12, 20, rng)
	if err != nil {
		t.Fatal(err)
	}
	sum := forecaster(graph.Float32, 0.3)
	sum.Model = layers.Sequential{
		layers.NewGRU(2, 8, layers.GRUOptions{}, rng), layers.Dropout(0.3), layers.LastStep{}, layers.NewLinear(8, 1, rng),
	}
	sum.BPTT = bptt.Full{Window: 12}
	for _, c := range []struct {
		trainer *train.Trainer
		data    train.Data
	}{{forecaster(graph.Float64, 0.3), &averages{}}, {sum, adding}} {
		history, m := minimize(t, c.trainer, c.data, nil, &optim.LBFGS{Iterations: 30})
		if m.Iterations < 20 || len(history.Train) != m.Iterations {
			t.Errorf("%T: %+v, %d points", c.data, m, len(history.Train))
		}
		for i, p := range history.Train[1:] {
			if p.Loss >= history.Train[i].Loss {
				t.Errorf("%T: loss %v after %v", c.data, p.Loss, history.Train[i].Loss)
			}
		}
	}
	if adding.Cursor() != 1 {
		t.Errorf("%d epochs were read", adding.Cursor())
	}
}

// ratios is the mean of y - log y for the outputs y, which is lowest where all are 1, and NaN below 0.
type ratios struct{}

func (ratios) Cost(b *graph.Builder, y *graph.Node) *graph.Node { return b.Mean(b.Sub(y, b.Log(y))) }

// pair is data of two batches of one number each, 1 and 3.
type pair struct{ at int }

func (p *pair) Next(int) (*seqdata.Batch, error) {
	if p.at++; p.at > 2 {
		return nil, io.EOF
	}
	x := seqdata.Array{Shape: []int{1, 1, 1}, Floats: []float32{float32(2*p.at - 1)}}
	return &seqdata.Batch{T: 1, B: 1, Arrays: map[string]seqdata.Array{seqdata.Input: x, seqdata.Target: x}, Ends: []bool{true}}, nil
}

func (p *pair) Rewind() { p.at = 0 }

// Steps to where the loss isn't finite are shortened; at the start it is an error that says where it comes from.
func TestMinimizeNotFinite(t *testing.T) {
	for _, start := range []float64{4, -1} {
		line := layers.NewLinear(1, 1, rand.New(rand.NewPCG(1, 2)))
		graph.SetDType(line.Params(), graph.Float64)
		line.Weight.Value.SetAt(0, start/8)
		line.Bias.Value.SetAt(0, start)
		trainer, beyond := &train.Trainer{Model: line, Loss: ratios{}, BPTT: bptt.Full{Window: 1}}, 0
		trainer.BPTT = after{trainer.BPTT, func() {
			if 3*line.Weight.Value.At(0)+line.Bias.Value.At(0) < 0 {
				beyond++
			}
		}}
		_, m, err := trainer.Minimize(t.Context(), &pair{}, nil, &optim.LBFGS{Iterations: 100})
		if start < 0 {
			d, ok := errors.AsType[*train.DivergedError](err)
			if !ok || d.Step != 1 || d.What != "loss" || d.Err == nil {
				t.Errorf("from %v: %v", start, err)
			}
			trainer = &train.Trainer{Model: line, Loss: rootOfZero{loss.MSE{}}, BPTT: bptt.Full{Window: 1}}
			_, _, err = trainer.Minimize(t.Context(), &pair{}, nil, &optim.LBFGS{})
			if d, ok := errors.AsType[*train.DivergedError](err); !ok || d.What != "gradient norm" {
				t.Errorf("a gradient that is no number: %v", err)
			}
			continue
		}
		if err != nil || !m.Converged || math.Abs(m.Cost-1) > 1e-9 || math.Abs(line.Weight.Value.At(0)) > 1e-4 || beyond == 0 {
			t.Errorf("from %v: %+v, weight %v, bias %v, %d times beyond, %v", start, m, line.Weight.Value.At(0), line.Bias.Value.At(0), beyond, err)
		}
	}
}

// Evaluations come as often as is asked for, and at the end; patience ends the search, and so do the context and an error.
func TestMinimizeReports(t *testing.T) {
	r := recipe{}
	_, validation := r.streams(t)
	data, _ := r.streams(t)
	var reports []train.Report
	trainer := r.trainer(t, 0)
	trainer.Optimizer, trainer.ClipNorm, trainer.BPTT, trainer.Every = nil, 0, bptt.Full{Window: 33}, 4
	trainer.Report = func(r train.Report) error { reports = append(reports, r); return nil }
	watch := &begun{}
	trainer.Observer = watch
	told := 0
	o := &optim.LBFGS{Iterations: 10, Evaluations: 1000, Iterated: func(optim.Minimum) error { told++; return nil }}
	history, m := minimize(t, trainer, data, validation, o)
	if len(history.Train) != 10 || len(reports) != 3 || len(history.Validation) != 3 || told != 10 || watch.run.Steps != 10 || history.Unit != track.Nats {
		t.Fatalf("%d points, %d reports, %d validations, %d iterations told, %+v", len(history.Train), len(reports), len(history.Validation), told, watch.run)
	}
	if last := reports[2]; last.Step != 10 || last.Validation != history.Validation[2].Loss || last.Train != (history.Train[8].Loss+m.Cost)/2 {
		t.Errorf("last report %+v of %+v", last, m)
	}
	if err := o.Iterated(m); err != nil || told != 11 || len(history.Train) != 10 {
		t.Error("the optimizer's function has changed")
	}

	trainer.Every = 0
	if history, m := minimize(t, trainer, data, nil, &optim.LBFGS{}); len(reports) != 4 || reports[3].Step != m.Iterations || len(history.Train) != m.Iterations {
		t.Errorf("%d reports, %+v", len(reports), m)
	}

	trainer.Every, trainer.Patience = 1, 1 // on a text that it can only learn by heart
	history, m = minimize(t, trainer, data, validation, &optim.LBFGS{Iterations: 500})
	if n := len(history.Validation); m.Converged || n == 500 || history.Validation[n-1].Loss < history.Validation[n-2].Loss || len(history.Train) != n {
		t.Errorf("%d validations, %+v", n, m)
	}

	trainer.Patience = 0
	ctx, cancel := context.WithCancel(t.Context())
	failure := errors.New("failure")
	for _, c := range []struct {
		want error
		do   func(optim.Minimum) error
	}{{context.Canceled, func(optim.Minimum) error { cancel(); return nil }}, {failure, func(optim.Minimum) error { return failure }}} {
		history, m, err := trainer.Minimize(ctx, data, nil, &optim.LBFGS{Iterated: c.do})
		if !errors.Is(err, c.want) || len(history.Train) > 1 {
			t.Errorf("%v after %d iterations", err, len(history.Train))
		}
		if now, err := trainer.Evaluate(t.Context(), data); err != nil || c.want == failure && math.Abs(now-m.Cost) > 1e-5 {
			t.Errorf("a loss of %v, want %v, %v", now, m.Cost, err)
		}
		ctx = t.Context()
	}
}

func TestMinimizeMisuse(t *testing.T) {
	r := recipe{}
	data, _ := r.streams(t)
	for _, c := range []struct {
		name   string
		change func(*train.Trainer)
	}{
		{"Model", func(t *train.Trainer) { t.Model = nil }},
		{"ClipNorm", func(t *train.Trainer) { t.ClipNorm = 1 }},
		{"Clip", func(t *train.Trainer) { t.Clip = &optim.ClipValue{Max: 1} }},
		{"Schedule", func(t *train.Trainer) { t.Schedule = schedule.Constant{} }},
		{"Accumulate", func(t *train.Trainer) { t.Accumulate = 2 }},
		{"OnDiverged", func(t *train.Trainer) { t.OnDiverged = train.SkipDiverged }},
		{"Checkpoint", func(t *train.Trainer) { t.Checkpoint = &train.Checkpoint{} }},
		{"Flow", func(t *train.Trainer) { t.Flow = &track.GradientFlow{} }},
		{"Patience", func(t *train.Trainer) { t.Patience = 1 }},
	} {
		trainer := r.trainer(t, 3) // Optimizer and Steps are of no account
		trainer.ClipNorm = 0
		c.change(trainer)
		history, _, err := trainer.Minimize(t.Context(), data, nil, &optim.LBFGS{})
		if e, ok := errors.AsType[*train.ArgumentError](err); !ok || e.Name != c.name || history == nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	trainer := r.trainer(t, 3)
	trainer.ClipNorm = 0
	if e, ok := errors.AsType[*seqdata.BatchError](third(trainer.Minimize(t.Context(), nothing{}, nil, &optim.LBFGS{}))); !ok {
		t.Errorf("no batch: %v", e)
	}
	var never context.Context
	for _, c := range []struct {
		name string
		err  error
	}{
		{"ctx", third(trainer.Minimize(never, data, nil, &optim.LBFGS{}))},
		{"data", third(trainer.Minimize(t.Context(), nil, nil, &optim.LBFGS{}))},
		{"data", third(trainer.Minimize(t.Context(), empty{}, nil, &optim.LBFGS{}))},
		{"Optimizer", third(trainer.Minimize(t.Context(), data, nil, nil))},
	} {
		if e, ok := errors.AsType[*train.ArgumentError](c.err); !ok || e.Name != c.name {
			t.Errorf("%s: %v", c.name, c.err)
		}
	}
	if e, ok := errors.AsType[*graph.ArgumentError](third(trainer.Minimize(t.Context(), data, nil, &optim.LBFGS{Iterations: -1}))); !ok || e.Name != "Iterations" {
		t.Errorf("Iterations: %v", e)
	}
}

// nothing is data that give neither a batch nor an error.
type nothing struct{ empty }

func (nothing) Next(int) (*seqdata.Batch, error) { return nil, nil }

func third(_ *track.History, _ optim.Minimum, err error) error { return err }
