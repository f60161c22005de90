package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/track"
)

// Files that go into every checkpoint beside the trainer's own.
const (
	modelFile      = "charlm.json"
	vocabularyFile = "vocabulary.json"
)

var recurrent = map[string]func(input, hidden int, o layers.RecurrentOptions, rng *rand.Rand) *layers.Recurrent{
	"lstm": layers.NewLSTM,
	"gru":  layers.NewGRU,
	"rnn":  layers.NewRNN,
}

// charlm is a model in training.
type charlm struct {
	*settings
	vocab        *seqdata.Vocab
	train, valid *seqdata.Stream
	network      layers.Sequential
	trainer      *train.Trainer
	progress     *track.Progress
	stdout       io.Writer
}

func newRun(s *settings, text *seqdata.Text, stdout, stderr io.Writer) (*charlm, error) {
	trainText, validText, err := text.Split(0.9)
	if err != nil {
		return nil, err
	}
	c := &charlm{settings: s, vocab: text.Vocab, stdout: stdout}
	if c.train, err = seqdata.Streams(trainText, s.batch); err != nil {
		return nil, err
	}
	if err := c.train.Require(s.window); err != nil {
		return nil, err
	}
	if c.valid, err = seqdata.Streams(validText, s.batch); err != nil {
		return nil, err
	}
	if err := s.checkMemory(c.vocab.Len()); err != nil {
		return nil, err
	}
	if s.save == "" {
		if s.save, err = claim(defaultSave); err != nil {
			return nil, err
		}
	}

	rng := rand.New(rand.NewPCG(s.model.Seed, 1))
	m := s.model
	dropout := layers.Dropout(m.Dropout)
	c.network = layers.Sequential{
		layers.NewEmbedding(c.vocab.Len(), m.Embed, rng),
		dropout,
		recurrent[m.Cell](m.Embed, m.Hidden, layers.RecurrentOptions{Layers: m.Layers, Dropout: m.Dropout}, rng),
		dropout,
		layers.NewLinear(m.Hidden, c.vocab.Len(), rng),
	}

	attach := map[string][]byte{}
	for name, v := range map[string]any{modelFile: m, vocabularyFile: c.vocab} {
		if attach[name], err = json.Marshal(v); err != nil {
			return nil, err
		}
	}
	c.trainer = &train.Trainer{
		Model:            c.network,
		Loss:             loss.CrossEntropy{},
		Optimizer:        &optim.Adam{LearningRate: s.rate},
		BPTT:             bptt.Truncated{Window: s.window},
		Steps:            s.steps,
		ClipNorm:         1,
		Random:           rand.NewPCG(s.model.Seed, 2),
		Every:            s.every,
		ValidationWindow: s.window,
		Checkpoint: &train.Checkpoint{
			Dir: s.save, Every: s.every, Resume: s.resume, Attach: attach,
			Damaged: func(err error) { fmt.Fprintln(stderr, "charlm: skipped a damaged checkpoint:", err) },
		},
	}
	if !s.quiet {
		c.progress = &track.Progress{Out: stderr}
		c.trainer.Observer = c.progress
		c.trainer.Report = c.report
		parameters := 0
		for _, p := range c.network.Params() {
			parameters += p.Value.Len()
		}
		fmt.Fprintf(stdout, "text: %d characters, %d different; the last tenth is for validation\n", text.Len(), c.vocab.Len()-1)
		fmt.Fprintf(stdout, "model: embedding %d, %s %d × %d, %d parameters; saved in %s\n", m.Embed, m.Cell, m.Hidden, m.Layers, parameters, s.save)
	}
	return c, nil
}

// claim makes the first of the directories name, name-2, name-3, … that doesn't exist, so that runs started at the same
// time get one each.
func claim(name string) (string, error) {
	dir := name
	for i := 2; ; i++ {
		err := os.Mkdir(dir, 0o777)
		if !errors.Is(err, fs.ErrExist) {
			return dir, err
		}
		dir = fmt.Sprintf("%s-%d", name, i)
	}
}

// report prints how far the model is, and what it writes.
func (c *charlm) report(r train.Report) error {
	line := fmt.Sprintf("step %d: training %.4f, validation %.4f nats/char", r.Step, r.Train, r.Validation)
	if c.sample > 0 && r.Step < c.steps {
		text, err := c.write(c.sample, uint64(r.Step))
		if err != nil {
			return err
		}
		line += "\n" + indent(text)
	}
	c.progress.Println(line)
	return nil
}

// write samples n characters.
func (c *charlm) write(n int, stream uint64) (string, error) {
	g, err := train.NewGenerator(c.network)
	if err != nil {
		return "", err
	}
	prompt := "\n"
	if c.text == "" {
		prompt = "\nfunc " // the corpus is Go
	}
	ids, err := g.Sample(c.vocab.Encode(prompt), n, c.temperature, rand.New(rand.NewPCG(c.model.Seed, stream)), seqdata.Unknown)
	return prompt[1:] + c.vocab.Decode(ids), err
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}

// finish saves the learning curve and a sample, and prints the last line.
func (c *charlm) finish(h *track.History) error {
	if err := replace(filepath.Join(c.save, "learning-curve.png"), h.WriteFile); err != nil {
		return err
	}
	steps := h.Train[len(h.Train)-1].Step // more than asked for, if the resumed run had more
	text, err := c.write(500, uint64(steps))
	if err != nil {
		return err
	}
	err = replace(filepath.Join(c.save, "sample.txt"), func(path string) error { return os.WriteFile(path, []byte(text), 0o666) })
	if err != nil {
		return err
	}
	if !c.quiet {
		fmt.Fprintf(c.stdout, "a sample of 500 characters:\n%s\n", indent(text))
		fmt.Fprintf(c.stdout, "saved in %s: the model (step-%08d/model.safetensors), learning-curve.png, sample.txt\n", c.save, steps)
	}
	nats := h.Validation[len(h.Validation)-1].Loss
	fmt.Fprintf(c.stdout, "validation: %.4f nats/char (perplexity %.2f, %.2f bits/char)\n", nats, math.Exp(nats), nats/math.Ln2)
	return nil
}

// replace lets write make a file beside path and then moves it there, so that a full disk costs nothing.
func replace(path string, write func(path string) error) error {
	tmp := filepath.Join(filepath.Dir(path), ".new-"+filepath.Base(path))
	err := write(tmp)
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp) // err says what is wrong
	}
	return err
}
