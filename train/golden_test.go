package train_test

import (
	"context"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/golden"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
	"github.com/gobptt/bptt/train/optim"
)

type trainingCase struct {
	Kind                                string
	Layers, Vocab, Embed, Hidden, Batch int
	Window, Windows                     int
	CarryState                          bool    `json:"carry_state"`
	ClipNorm                            float64 `json:"clip_norm"`
	Optimizer                           string
	Options                             struct {
		LR          float64
		Momentum    float64
		WeightDecay float64 `json:"weight_decay"`
	}
}

// TestGolden trains the small language models that PyTorch trained, and holds losses, norms and final weights against
// PyTorch's: truncated BPTT is the same as detaching the state.
func TestGolden(t *testing.T) {
	golden.Run(t, "../internal/golden/testdata", []string{"training"}, func(t *testing.T, c *golden.Case) {
		var s trainingCase
		c.Decode(t, &s)
		rng := rand.New(rand.NewPCG(1, 2))
		o := layers.RecurrentOptions{Layers: s.Layers}
		var recurrent layers.Layer
		switch s.Kind {
		case "RNN":
			recurrent = layers.NewRNN(s.Embed, s.Hidden, o, rng)
		case "LSTM":
			recurrent = layers.NewLSTM(s.Embed, s.Hidden, o, rng)
		case "GRU":
			recurrent = layers.NewGRU(s.Embed, s.Hidden, o, rng)
		default:
			t.Fatalf("unknown kind %q", s.Kind)
		}
		model := layers.Sequential{
			layers.Named{Name: "embedding", Layer: layers.NewEmbedding(s.Vocab, s.Embed, rng)},
			layers.Named{Name: "rnn", Layer: recurrent},
			layers.Named{Name: "output", Layer: layers.NewLinear(s.Hidden, s.Vocab, rng)},
		}
		graph.SetDType(model.Params(), graph.Float64)
		c.SetParams(t, model.Params())
		trainer := train.Trainer{
			Model: model, Loss: loss.CrossEntropy{}, Optimizer: optimizer(t, s), ClipNorm: s.ClipNorm,
			BPTT: bptt.Truncated{Window: s.Window}, Steps: s.Windows,
		}
		data := &stream{tokens: c.Ints(t, "stream"), batch: s.Batch}
		if !s.CarryState {
			data.epoch = s.Window // a new epoch begins from zero states
		}
		history, err := trainer.Fit(context.Background(), data, nil)
		if err != nil {
			t.Fatal(err)
		}
		losses, norms := graph.NewTensor(graph.Float64, s.Windows), graph.NewTensor(graph.Float64, s.Windows)
		for i, p := range history.Train {
			losses.F64[i], norms.F64[i] = p.Loss, p.GradNorm
		}
		c.Compare(t, "losses", losses)
		c.Compare(t, "norms", norms)
		for _, p := range model.Params() {
			c.Compare(t, "final."+p.Name, p.Value)
		}
	})
}

func optimizer(t *testing.T, s trainingCase) train.Optimizer {
	o := s.Options
	switch s.Optimizer {
	case "SGD":
		return &optim.SGD{LearningRate: o.LR, Momentum: o.Momentum, WeightDecay: o.WeightDecay}
	case "Adam":
		return &optim.Adam{LearningRate: o.LR, WeightDecay: o.WeightDecay}
	case "AdamW":
		return &optim.AdamW{LearningRate: o.LR, WeightDecay: o.WeightDecay}
	case "RMSprop":
		return &optim.RMSprop{LearningRate: o.LR, WeightDecay: o.WeightDecay}
	}
	t.Fatalf("unknown optimizer %q", s.Optimizer)
	return nil
}

// stream gives the windows of tokens [steps+1, B]. An epoch ends after so many steps, if that isn't 0, but goes on in the
// tokens where it was.
type stream struct {
	tokens       []int32
	batch, epoch int
	at, end      int
}

func (s *stream) Next(steps int) (*seqdata.Batch, error) {
	if s.epoch > 0 && s.at == s.end {
		return nil, io.EOF
	}
	from, to := s.at*s.batch, (s.at+steps)*s.batch
	s.at += steps
	shape := []int{steps, s.batch}
	return &seqdata.Batch{T: steps, B: s.batch, Arrays: map[string]seqdata.Array{
		seqdata.Input:  {Shape: shape, Ints: s.tokens[from:to]},
		seqdata.Target: {Shape: shape, Ints: s.tokens[from+s.batch : to+s.batch]},
	}}, nil
}

func (s *stream) Rewind() { s.end = s.at + s.epoch }
