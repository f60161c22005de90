package train

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/gobptt/bptt/internal/snapshot"
	"github.com/gobptt/bptt/train/schedule"
	"github.com/gobptt/bptt/train/track"
)

// Checkpoint says where and how often a run is saved. Each save is a directory of its own, Dir/step-…, that appears
// whole or not at all; a damaged one is noticed when it is read, and the one before is used. It holds
//
//	model.safetensors      the weights, under the model's names; package layers/weights reads it too
//	optimizer.safetensors  the optimizer's moments
//	states.safetensors     the carried states
//	train.json             steps, random state, place in the data, history
//	SHA256SUMS             of all these, for `sha256sum -c`
//
// and what is attached.
type Checkpoint struct {
	Dir    string
	Every  int  // steps between saves; 0 means only at the end, or when the run is cancelled
	Keep   int  // saves that are kept; 0 means 2
	Best   int  // models with the lowest validation losses that are kept in Dir/best, see LoadBest; 0 means none
	Resume bool // go on from the newest save; without it, Dir must not hold one

	// Attach are further files, such as a vocabulary. A resumed run must have the same.
	Attach map[string][]byte
	// Damaged is told of every save that was skipped for an older one because it is damaged; nil: the Trainer's Observer is,
	// as a track.Text named "checkpoint".
	Damaged func(error)
}

const (
	formatVersion = 2
	modelFile     = "model.safetensors"
	optimizerFile = "optimizer.safetensors"
	statesFile    = "states.safetensors"
	trainFile     = "train.json"
)

// progress is what train.json holds.
type progress struct {
	Version int `json:"version"`
	progressed
	Random           string             `json:"random"`    // base64 of rand.PCG's own encoding
	Optimizer        string             `json:"optimizer"` // its Go type
	OptimizerSteps   int64              `json:"optimizer_steps"`
	OptimizerNumbers map[string]float64 `json:"optimizer_numbers,omitempty"`
	Schedule         map[string]float64 `json:"schedule,omitempty"` // what it remembers
	Cursor           int64              `json:"cursor"`             // in the data; -1 if it has none
	ValidationCursor int64              `json:"validation_cursor"`  // likewise
	History          *track.History     `json:"history"`
}

// open prepares for saving, and resumes if asked to.
func (c *Checkpoint) open(f *fit) error {
	if c.Every < 0 || c.Keep < 0 || c.Best < 0 {
		return &ArgumentError{Name: "Checkpoint", Got: fmt.Sprintf("Every %d, Keep %d, Best %d", c.Every, c.Keep, c.Best), Want: "0 or more"}
	}
	if c.Dir == "" {
		return &ArgumentError{Name: "Checkpoint.Dir", Got: "empty", Want: "a directory"}
	}
	if c.Best > 0 && f.validation == nil {
		return &ArgumentError{Name: "Checkpoint.Best", Got: fmt.Sprint(c.Best, " without validation data"), Want: "0, or data"}
	}
	for name := range c.Attach {
		if slices.Contains([]string{modelFile, optimizerFile, statesFile, trainFile, bestFile}, name) || !snapshot.ValidName(name) {
			return &ArgumentError{Name: "Checkpoint.Attach", Got: fmt.Sprintf("a file named %q", name), Want: "another name, of letters, digits, dots, dashes and underscores"}
		}
	}
	s, damaged, err := snapshot.Load(c.Dir)
	switch {
	case errors.Is(err, snapshot.ErrNone) && !c.Resume:
		return c.check()
	case err != nil:
		return err
	case !c.Resume:
		return &CheckpointError{Path: c.Dir, What: "the directory", Got: fmt.Sprintf("in use by a run saved at step %d", s.Step), Want: "resumption, or another directory"}
	}
	if err := c.check(); err != nil {
		return err
	}
	for _, d := range damaged {
		if c.Damaged != nil {
			c.Damaged(d)
		} else {
			f.damaged = append(f.damaged, d)
		}
	}
	return c.resume(f, s)
}

// check returns an error unless all that the run is going to save can be.
func (c *Checkpoint) check() error {
	err := snapshot.Check(c.Dir)
	if err == nil && c.Best > 0 {
		err = snapshot.Check(filepath.Join(c.Dir, bestDir))
	}
	return err
}

// ReadCheckpoint returns a file of the newest undamaged save in a directory.
func ReadCheckpoint(dir, name string) ([]byte, error) {
	s, _, err := snapshot.Load(dir)
	if err != nil {
		return nil, err
	}
	return s.ReadFile(name)
}

// save writes the whole state of a run. What a later gradient could go back through isn't part of it, so it is cut off in
// the run that goes on as well: it ends as a resumed one does.
func (c *Checkpoint) save(f *fit) error {
	f.pass.Cut()
	keep := c.Keep
	if keep == 0 {
		keep = 2
	}
	_, err := snapshot.Save(c.Dir, int64(f.Step), keep, func(create func(name string) (io.Writer, error)) error {
		files := c.attached()
		files[modelFile] = func(w io.Writer) error { return writeWeights(w, f.Model.Params()) }
		files[optimizerFile] = func(w io.Writer) error { return writeTensors(w, f.Optimizer.State().Moments) }
		files[statesFile] = func(w io.Writer) error { return writeTensors(w, f.pass.States) }
		files[trainFile] = f.writeProgress
		return writeAll(files, create)
	})
	if err == nil {
		f.saved = f.Step
	}
	return err
}

// attached are the files that go into every save.
func (c *Checkpoint) attached() map[string]func(io.Writer) error {
	files := map[string]func(io.Writer) error{}
	for name, data := range c.Attach {
		files[name] = func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		}
	}
	return files
}

func writeAll(files map[string]func(io.Writer) error, create func(name string) (io.Writer, error)) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := create(name)
		if err == nil {
			err = files[name](w)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *fit) writeProgress(w io.Writer) error {
	random, err := f.Random.MarshalBinary()
	if err != nil {
		return err
	}
	p := progress{
		Version: formatVersion, progressed: f.progressed,
		Random:    base64.StdEncoding.EncodeToString(random),
		Optimizer: fmt.Sprintf("%T", f.Optimizer), OptimizerSteps: f.Optimizer.State().Steps,
		OptimizerNumbers: f.Optimizer.State().Numbers, Schedule: schedule.State(f.Schedule),
		Cursor: -1, ValidationCursor: -1, History: f.history,
	}
	if d, ok := f.data.(cursor); ok {
		p.Cursor = d.Cursor()
	}
	if d, ok := f.validation.(cursor); ok {
		p.ValidationCursor = d.Cursor()
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(p)
}
