package train_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/metric"
	"github.com/gobptt/bptt/train/track"
)

// scalars keeps the scalars that an observer is told.
type scalars []track.Scalar

func (s *scalars) Start(context.Context, track.Run) error { return nil }
func (s *scalars) End(error) error                        { return nil }
func (s *scalars) Observe(e track.Event) error {
	if e, ok := e.(track.Scalar); ok {
		*s = append(*s, e)
	}
	return nil
}

// TestMetrics: at every evaluation the metrics are those of the validation data, which for the perplexity is e to the
// loss; training is the same as without.
func TestMetrics(t *testing.T) {
	r := recipe{dropout: 0.2}
	plain := r.trainer(t, 60)
	plain.Every = 20
	want := r.fit(t, plain)

	trainer := r.trainer(t, 60)
	trainer.Every, trainer.ValidationWindow = 20, 7
	accuracy, perplexity := &metric.Accuracy{}, &metric.Perplexity{}
	trainer.Metrics = map[string]train.Metric{"accuracy": accuracy, "perplexity": perplexity}
	var told scalars
	trainer.Observer = &told
	var reports []train.Report
	trainer.Report = func(r train.Report) error { reports = append(reports, r); return nil }
	history := r.fit(t, trainer)
	wantSame(t, "weights", values(t, trainer.Model), values(t, plain.Model))

	if len(reports) != 3 || len(told) != 6 || told[0].Name != "accuracy" || told[1].Name != "perplexity" {
		t.Fatalf("%d reports, %d scalars: %v", len(reports), len(told), told)
	}
	for i, r := range reports {
		if got, want := r.Metrics["perplexity"], math.Exp(r.Validation); math.Abs(got-want) > 1e-5*want {
			t.Errorf("step %d: perplexity %v, want %v", r.Step, got, want)
		}
		if math.Abs(r.Validation-want.Validation[i].Loss) > 1e-5 || r.Validation != history.Validation[i].Loss {
			t.Errorf("step %d: loss %v, want %v", r.Step, r.Validation, want.Validation[i].Loss)
		}
		if told[2*i].Step != r.Step || told[2*i].Value != r.Metrics["accuracy"] || told[2*i+1].Value != r.Metrics["perplexity"] {
			t.Errorf("step %d: told %v and %v, reported %v", r.Step, told[2*i], told[2*i+1], r.Metrics)
		}
	}
	// Every letter is followed by one of two: more than half can't be known, and a model that learns comes near.
	if a := reports[2].Metrics["accuracy"]; a != accuracy.Value() || a < 0.3 || a > 0.8 || a <= reports[0].Metrics["accuracy"] {
		t.Errorf("accuracy %v after %v", a, reports[0].Metrics["accuracy"])
	}
}

func TestMetricThatDoesNotFit(t *testing.T) {
	var r recipe
	trainer := r.trainer(t, 5)
	trainer.Metrics = map[string]train.Metric{"error": &metric.RMSE{}}
	data, validation := r.streams(t)
	_, err := trainer.Fit(t.Context(), data, validation)
	if _, ok := errors.AsType[*graph.ShapeError](err); !ok {
		t.Errorf("RMSE of classes: %v", err)
	}
	trainer = r.trainer(t, 5)
	trainer.Metrics = map[string]train.Metric{"error": nil}
	_, err = trainer.Fit(t.Context(), data, validation)
	if e, ok := errors.AsType[*train.ArgumentError](err); !ok || e.Name != `Metrics["error"]` {
		t.Errorf("no metric: %v", err)
	}
}
