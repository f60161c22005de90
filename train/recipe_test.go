package train_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/weights"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/track"
)

// recipe is a training run that can be started any number of times. The zero value is a small LSTM with Adam.
type recipe struct {
	cell      string // lstm, gru or rnn
	hidden    int    // 0 means 9
	batch     int    // 0 means 3
	dropout   float64
	seed      uint64 // of the weights
	threads   int
	dtype     graph.DType
	optimizer func() train.Optimizer // nil means Adam
}

// window does not divide an epoch's steps, so that every epoch ends with a shorter one.
const window = 8

// abc is a text that a model can learn something from: every letter of a to k is followed by the next or the one after
// that. It is the same in every run.
func abc(t testing.TB, length int) *seqdata.Text {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	text := make([]byte, length)
	for i := range text {
		if text[i] = 'a'; i > 0 {
			text[i] = 'a' + (text[i-1]-'a'+1+byte(rng.IntN(2)))%11
		}
	}
	out, err := seqdata.NewText(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// streams are training data, 99 steps or 13 windows an epoch at batch 3, and validation data.
func (r recipe) streams(t testing.TB) (data, validation *seqdata.Stream) {
	t.Helper()
	trainText, validText, err := abc(t, 400).Split(0.75)
	if err != nil {
		t.Fatal(err)
	}
	batch := cmp.Or(r.batch, 3)
	if data, err = seqdata.Streams(trainText, batch); err != nil {
		t.Fatal(err)
	}
	if validation, err = seqdata.Streams(validText, batch); err != nil {
		t.Fatal(err)
	}
	return data, validation
}

func (r recipe) model(t testing.TB) layers.Sequential {
	rng := rand.New(rand.NewPCG(r.seed, 1))
	hidden := cmp.Or(r.hidden, 9)
	newRecurrent := layers.NewLSTM
	switch r.cell {
	case "gru":
		newRecurrent = layers.NewGRU
	case "rnn":
		newRecurrent = layers.NewRNN
	}
	vocabulary := abc(t, 400).Vocab.Len()
	model := layers.Sequential{
		layers.NewEmbedding(vocabulary, 6, rng),
		layers.Dropout(r.dropout),
		newRecurrent(6, hidden, layers.RecurrentOptions{Layers: 2, Dropout: r.dropout}, rng),
		layers.NewLinear(hidden, vocabulary, rng),
	}
	graph.SetDType(model.Params(), r.dtype)
	return model
}

func (r recipe) trainer(t testing.TB, steps int) *train.Trainer {
	optimizer := train.Optimizer(&optim.Adam{LearningRate: 1e-2})
	if r.optimizer != nil {
		optimizer = r.optimizer()
	}
	return &train.Trainer{
		Model: r.model(t), Loss: loss.CrossEntropy{}, Optimizer: optimizer,
		BPTT: bptt.Truncated{Window: window}, Steps: steps, ClipNorm: 1, Threads: r.threads,
		Random: rand.NewPCG(r.seed, 2),
	}
}

// fit runs a trainer on fresh streams to the end.
func (r recipe) fit(t testing.TB, trainer *train.Trainer) *track.History {
	t.Helper()
	data, validation := r.streams(t)
	history, err := trainer.Fit(context.Background(), data, validation)
	if err != nil {
		t.Fatal(err)
	}
	return history
}

// values are a model's parameters, bit for bit.
func values(t testing.TB, m train.Model) string {
	t.Helper()
	var b bytes.Buffer
	if err := weights.Write(&b, m.Params(), weights.Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// numbers is a history, point by point.
func numbers(t testing.TB, h *track.History) string {
	t.Helper()
	data, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(data), "},{", "},\n{")
}

// saved are the files of the newest checkpoint that must be the same in equal runs: weights, moments, carried states.
func saved(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{"model.safetensors", "optimizer.safetensors", "states.safetensors"} {
		data, err := train.ReadCheckpoint(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(data)
	}
	return files
}

func wantSame(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		if len(got)+len(want) > 1000 {
			t.Errorf("%s differ", what)
			return
		}
		t.Errorf("%s differ:\n%q\n%q", what, got, want)
	}
}

func wantSaved(t testing.TB, got, want map[string]string) {
	t.Helper()
	for name := range want {
		wantSame(t, name, got[name], want[name])
	}
}
