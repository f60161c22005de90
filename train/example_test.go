package train_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/weights"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/decode"
	"github.com/gobptt/bptt/train/loss"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/track"
)

// shells returns a text that repeats itself, as streams for training.
func shells() (*seqdata.Text, *seqdata.Stream) {
	text, err := seqdata.NewText(strings.Repeat("she sells sea shells\n", 100))
	if err != nil {
		log.Fatal(err)
	}
	streams, err := seqdata.Streams(text, 4)
	if err != nil {
		log.Fatal(err)
	}
	return text, streams
}

// characterModel returns a small language model.
func characterModel(vocabulary int) layers.Sequential {
	rng := rand.New(rand.NewPCG(1, 2))
	return layers.Sequential{
		layers.NewEmbedding(vocabulary, 8, rng),
		layers.NewLSTM(8, 16, layers.LSTMOptions{}, rng),
		layers.NewLinear(16, vocabulary, rng),
	}
}

// A language model learns a sentence, and writes it.
func Example() {
	text, streams := shells()
	model := characterModel(text.Vocab.Len())
	trainer := train.Trainer{
		Model:     model,
		Loss:      loss.CrossEntropy{},
		Optimizer: &optim.Adam{LearningRate: 0.03},
		ClipNorm:  1,
		BPTT:      bptt.Truncated{Window: 16},
		Steps:     150,
	}
	history, err := trainer.Fit(context.Background(), streams, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("learned:", history.Train[len(history.Train)-1].Loss < 0.05)

	generator, err := train.NewGenerator(model)
	if err != nil {
		log.Fatal(err)
	}
	ids, err := generator.Sample(text.Vocab.Encode("\n"), 41, 0, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(text.Vocab.Decode(ids))
	// Output:
	// learned: true
	// she sells sea shells
	// she sells sea shells
}

// languageModel makes a character model one for decode.Beam. It reads every prefix anew, from the token before the text.
type languageModel struct {
	generator *train.Generator
	start     int32
}

func (m languageModel) LogProbs(prefix []int32) []float64 {
	m.generator.Reset()
	logits, err := m.generator.Next(m.start)
	for _, label := range prefix {
		if err == nil {
			logits, err = m.generator.Next(label)
		}
	}
	var rows [][]float64
	if err == nil {
		rows, err = decode.LogProbs(logits, 1, 0, 1)
	}
	if err != nil {
		log.Fatal(err)
	}
	return rows[0]
}

// A CTC output that hears an e rather than an h is put right by a language model, which knows what words there are.
func Example_languageModel() {
	text, streams := shells()
	model := characterModel(text.Vocab.Len())
	trainer := train.Trainer{
		Model: model, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LearningRate: 0.03}, ClipNorm: 1,
		BPTT: bptt.Truncated{Window: 16}, Steps: 150,
	}
	if _, err := trainer.Fit(context.Background(), streams, nil); err != nil {
		log.Fatal(err)
	}
	generator, err := train.NewGenerator(model)
	if err != nil {
		log.Fatal(err)
	}

	// The classes are the text's characters; the vocabulary's unknown token, id 0, has the place of the blank.
	var logProbs [][]float64
	for _, heard := range []map[string]float64{{"s": 0.9}, {"h": 0.4, "e": 0.5}, {"e": 0.9}, {" ": 0.8}} {
		frame := slices.Repeat([]float64{math.Log(0.01)}, text.Vocab.Len())
		for character, p := range heard {
			frame[text.Vocab.ID(character)] = math.Log(p)
		}
		logProbs = append(logProbs, frame)
	}
	for _, beam := range []decode.Beam{
		{Width: 10},
		{Width: 10, Model: languageModel{generator, text.Vocab.ID("\n")}},
	} {
		best, err := beam.Decode(logProbs)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q\n", text.Vocab.Decode(best[0].Labels))
	}
	// Output:
	// "se "
	// "she "
}

// A run that is stopped and resumed ends with the same weights as one that isn't.
func ExampleCheckpoint() {
	dir, err := os.MkdirTemp("", "checkpoint")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	fit := func(steps int, c *train.Checkpoint) []byte {
		text, streams := shells()
		model := characterModel(text.Vocab.Len())
		trainer := train.Trainer{
			Model: model, Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{},
			BPTT: bptt.Truncated{Window: 16}, Steps: steps, Checkpoint: c,
		}
		if _, err := trainer.Fit(context.Background(), streams, nil); err != nil {
			log.Fatal(err)
		}
		var file bytes.Buffer
		if err := weights.Write(&file, model.Params(), weights.Options{}); err != nil {
			log.Fatal(err)
		}
		return file.Bytes()
	}
	straight := fit(30, nil)
	fit(17, &train.Checkpoint{Dir: dir})
	resumed := fit(30, &train.Checkpoint{Dir: dir, Resume: true})
	fmt.Println("same weights:", bytes.Equal(straight, resumed))

	saves, err := filepath.Glob(filepath.Join(dir, "step-*"))
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range saves {
		fmt.Println(filepath.Base(s))
	}
	// Output:
	// same weights: true
	// step-00000017
	// step-00000030
}

// A loss that isn't finite ends the run before the weights are touched, and names the op that it began in.
func ExampleDivergedError() {
	text, streams := shells()
	trainer := train.Trainer{
		Model: characterModel(text.Vocab.Len()),
		Loss:  loss.CrossEntropy{}, Optimizer: &optim.SGD{LearningRate: 1e38}, BPTT: bptt.Truncated{Window: 16}, Steps: 10,
	}
	_, err := trainer.Fit(context.Background(), streams, nil)
	var diverged *train.DivergedError
	if errors.As(err, &diverged) {
		fmt.Println("not finite:", diverged.What)
	}
	var first *graph.NonFiniteError
	if errors.As(err, &first) {
		fmt.Printf("began in layer %s, op %s\n", first.Layer, first.Op)
	}
	// Output:
	// not finite: loss
	// began in layer 1, op Linear
}

// wave gives windows of a sine in two phases: Data is any type with these methods.
type wave struct{ at, length int }

func (w *wave) Rewind() { w.at = 0 }

func (w *wave) Next(steps int) (*seqdata.Batch, error) {
	steps = min(steps, w.length-w.at)
	if steps == 0 {
		return nil, io.EOF
	}
	const rows = 2
	var input, target []float32
	for t := w.at; t < w.at+steps; t++ {
		for row := range rows {
			phase := float64(row)
			input = append(input, float32(math.Sin(0.3*float64(t)+phase)))
			target = append(target, float32(math.Sin(0.3*float64(t+1)+phase)))
		}
	}
	w.at += steps
	shape := []int{steps, rows, 1}
	return &seqdata.Batch{T: steps, B: rows, Arrays: map[string]seqdata.Array{
		seqdata.Input:  {Shape: shape, Floats: input},
		seqdata.Target: {Shape: shape, Floats: target},
	}}, nil
}

// squaredError is the mean squared error: a Loss is any type with this method.
type squaredError struct{}

func (squaredError) Cost(b *graph.Builder, output *graph.Node) *graph.Node {
	return b.Mean(b.Square(b.Sub(output, b.Input(seqdata.Target))))
}

// A forecast of the next value of a series, with data and a loss of one's own.
func ExampleTrainer() {
	rng := rand.New(rand.NewPCG(1, 2))
	trainer := train.Trainer{
		Model: layers.Sequential{
			layers.NewGRU(1, 16, layers.GRUOptions{}, rng),
			layers.NewLinear(16, 1, rng),
		},
		Loss:      squaredError{},
		Optimizer: &optim.Adam{LearningRate: 0.01},
		ClipNorm:  1,
		BPTT:      bptt.Truncated{Window: 25},
		Steps:     300,
	}
	history, err := trainer.Fit(context.Background(), &wave{length: 200}, &wave{length: 100})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("at first above 0.3:", history.Train[0].Loss > 0.3)
	fmt.Println("held out below 0.01:", history.Validation[0].Loss < 0.01)
	// Output:
	// at first above 0.3: true
	// held out below 0.01: true
}

// Training stops when the validation loss has not fallen for three evaluations in a row; the best model is on the disk.
func ExampleLoadBest() {
	dir, err := os.MkdirTemp("", "best")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{layers.NewGRU(1, 8, layers.GRUOptions{}, rng), layers.NewLinear(8, 1, rng)}
	trainer := train.Trainer{
		Model: model, Loss: loss.MSE{}, Optimizer: &optim.Adam{LearningRate: 0.05}, BPTT: bptt.Truncated{Window: 25},
		Steps: 5000, Every: 10, Patience: 3,
		Checkpoint: &train.Checkpoint{Dir: dir, Best: 1},
	}
	history, err := trainer.Fit(context.Background(), &wave{length: 200}, &wave{length: 100})
	if err != nil {
		log.Fatal(err)
	}
	best, err := train.LoadBest(dir, model.Params())
	if err != nil {
		log.Fatal(err)
	}
	loss, err := trainer.Evaluate(context.Background(), &wave{length: 100})
	if err != nil {
		log.Fatal(err)
	}
	lowest, _ := history.Best()
	fmt.Println("stopped early:", len(history.Train) < 5000, len(history.Train)-best.Step == 3*10)
	fmt.Println("the best model is back:", best.Step == lowest.Step, loss == lowest.Loss)
	// Output:
	// stopped early: true true
	// the best model is back: true true
}

// A head on the first of two recurrent layers learns the same task, so that the layer gets a gradient from near by.
func ExampleAuxiliary() {
	text, streams := shells()
	words, rng := text.Vocab.Len(), rand.New(rand.NewPCG(1, 2))
	trainer := train.Trainer{
		Model: layers.Sequential{
			layers.NewEmbedding(words, 8, rng),
			layers.NewGRU(8, 16, layers.GRUOptions{}, rng),
			train.Auxiliary{Head: layers.NewLinear(16, words, rng), Loss: loss.CrossEntropy{}, Weight: 0.3},
			layers.NewGRU(16, 16, layers.GRUOptions{}, rng),
			layers.NewLinear(16, words, rng),
		},
		Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LearningRate: 0.03}, ClipNorm: 1,
		BPTT: bptt.Truncated{Window: 16}, Steps: 150,
	}
	history, err := trainer.Fit(context.Background(), streams, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("learned:", history.Train[len(history.Train)-1].Loss < 0.1)
	// Output:
	// learned: true
}

// A forecast of the next value of a series, by L-BFGS on the whole series at once.
func ExampleTrainer_Minimize() {
	rng := rand.New(rand.NewPCG(1, 2))
	trainer := train.Trainer{
		Model: layers.Sequential{
			layers.NewGRU(1, 16, layers.GRUOptions{}, rng),
			layers.NewLinear(16, 1, rng),
		},
		Loss: loss.MSE{},
		BPTT: bptt.Full{Window: 50},
	}
	history, minimum, err := trainer.Minimize(context.Background(), &wave{length: 200}, &wave{length: 100}, &optim.LBFGS{Iterations: 30})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("iterations:", len(history.Train))
	fmt.Println("gradients at most 40:", minimum.Evaluations <= 40)
	fmt.Println("loss below 0.001:", minimum.Cost < 0.001)
	fmt.Println("held out below 0.002:", history.Validation[0].Loss < 0.002)
	// Output:
	// iterations: 30
	// gradients at most 40: true
	// loss below 0.001: true
	// held out below 0.002: true
}

// How far back the gradient reaches, and what training does to that: as a page to look at, and as numbers.
func ExampleTrainer_gradientFlow() {
	text, streams := shells()
	flow := &track.GradientFlow{}
	trainer := train.Trainer{
		Model: characterModel(text.Vocab.Len()), Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LearningRate: 0.03},
		ClipNorm: 0.1, BPTT: bptt.Truncated{Window: 16}, Steps: 50,
		Flow: flow,
	}
	if _, err := trainer.Fit(context.Background(), streams, nil); err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "flow")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"flow.html", "flow.png", "flow.csv", "unrolled.dot"} {
		if err := flow.WriteFile(filepath.Join(dir, name)); err != nil {
			log.Fatal(err)
		}
	}

	last := flow.Updates[len(flow.Updates)-1]
	h := last.Recurrences[0]
	fmt.Printf("update %d, %s: gradients at %d time steps, %d gates\n", last.Step, h.State, len(h.Norms), len(h.Gates))
	fmt.Println("some updates were clipped:", flow.ClipRate() > 0)
	// Output:
	// update 50, 1.h_l0: gradients at 16 time steps, 5 gates
	// some updates were clipped: true
}

// Gradient descent on 10·x², which converges at rates below 0.1.
func ExampleRangeTest() {
	x := 1.0
	curve, err := train.RangeTest{From: 1e-4, To: 1, Updates: 50}.Run(func(rate float64) (float64, error) {
		loss := 10 * x * x
		x -= rate * 20 * x
		return loss, nil
	})
	if err != nil {
		log.Fatal(err)
	}
	rate, _ := curve.Steepest()
	fmt.Printf("the loss falls fastest at a rate of %.2f\n", rate)
	// Output:
	// the loss falls fastest at a rate of 0.01
}
