package layers

import (
	"fmt"

	"github.com/gobptt/bptt/graph"
)

var _ Layer = ScheduledSampling{}

// ScheduledSampling trains a model that predicts the next token on a mixture of true tokens and its own predictions
// (Bengio et al. 2015), so that it learns to go on from its own mistakes. While training, the model reads at each time
// step the true token with probability ε, else the token that it predicted itself at the step before:
//
//	x_t = k_t     with probability ε, and at the first step of a sequence
//	    = k̂_{t-1} else
//
// The choice is made anew for every step and sequence. The gradient doesn't flow through a prediction. ε is the batch's
// array "teacher" [B], which seqdata.ScheduleTeacher adds. 1 is teacher forcing, 0 lets the model run freely.
//
// In evaluation the model reads true tokens, as if there were no ScheduledSampling, unless it is FreeRunning. Parameters
// and states have the model's own names; the state "predicted" [B, 1] is added, 1 + k̂, or 0 where there is none yet. So
// the weights fit the model without ScheduledSampling, for train.NewGenerator and others.
//
// The model is written time step by time step, see graph.Builder.EachStep. So its layers must read the window from its
// start. Training takes about half as long again as with an LSTM's fused recurrence.
type ScheduledSampling struct {
	Model       Layer // takes ids [N] and returns logits [N, V]
	Draw        bool  // k̂ is drawn from softmax(logits); else it is the likeliest token
	FreeRunning bool  // in evaluation, the model reads the first token of a sequence, and then its own predictions
}

// Apply takes the true ids [T*B] and returns logits [T*B, V].
func (s ScheduledSampling) Apply(b *graph.Builder, x *graph.Node) *graph.Node {
	w := b.Window()
	switch {
	case b.Err() != nil:
		return nil
	case s.Model == nil:
		b.Fail(&graph.ArgumentError{Op: "ScheduledSampling", Name: "Model", Got: "nil", Want: "a layer"})
		return nil
	case len(x.Shape()) != 1 || x.Dim(0) != w.T*w.B:
		b.Fail(&graph.ShapeError{Op: "ScheduledSampling", Got: fmt.Sprint(x.Shape()), Want: fmt.Sprintf("ids [%d]", w.T*w.B)})
		return nil
	case !w.Train && !s.FreeRunning:
		return s.Model.Apply(b, x)
	}
	truth := b.ToFloats(x)
	var teacher *graph.Node
	if w.Train {
		teacher = b.Input("teacher")
	}
	logits := make([]*graph.Node, w.T)
	b.EachStep(func(t int) {
		given := b.Slice(truth, 0, t*w.B, (t+1)*w.B)
		last := b.Reshape(b.State("predicted", 1), w.B)
		token := b.Where(last, b.AddScalar(last, -1), given)
		if w.Train {
			token = b.Where(b.Bernoulli(teacher), given, token)
		}
		logits[t] = s.Model.Apply(b, b.ToInts(token))
		predicted := b.AddScalar(b.ToFloats(s.predict(b, logits[t])), 1)
		if valid := b.StepMask(); valid != nil {
			predicted = b.Where(valid, predicted, last)
		}
		b.SetState("predicted", b.Reshape(predicted, w.B, 1))
	})
	return b.Concat(0, logits...)
}

// predict returns a token for each row of logits.
func (s ScheduledSampling) predict(b *graph.Builder, logits *graph.Node) *graph.Node {
	const limit = 1 << 24 // above which float32 doesn't tell whole numbers apart
	w := b.Window()
	if shape := logits.Shape(); b.Err() == nil && (len(shape) != 2 || shape[0] != w.B || shape[1] >= limit) {
		b.Fail(&graph.ShapeError{Op: "ScheduledSampling", Got: fmt.Sprintf("logits %v of the model", shape),
			Want: fmt.Sprintf("[%d, V], V below %d", w.B, limit)})
	}
	if s.Draw {
		return b.Categorical(logits)
	}
	return b.ArgMax(logits, 1)
}

// Params returns the model's parameters.
func (s ScheduledSampling) Params() []graph.NamedParam {
	if s.Model == nil {
		return nil
	}
	return s.Model.Params()
}
