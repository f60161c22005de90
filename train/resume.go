package train

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/snapshot"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/schedule"
)

// stored is a save that is read.
type stored struct{ *snapshot.Snapshot }

// resume takes over the state of a saved run. Everything is read and checked before the model is changed.
func (c *Checkpoint) resume(f *fit, saved *snapshot.Snapshot) error {
	s := stored{saved}
	if err := s.holds(c.Attach); err != nil {
		return err
	}
	p, random, err := s.progress(fmt.Sprintf("%T", f.Optimizer))
	if err != nil {
		return err
	}
	model, err := s.file(modelFile)
	if err != nil {
		return err
	}
	weights, err := readWeights(s.Path, model, f.Model.Params())
	if err != nil {
		return err
	}
	moments, err := s.moments(f.arena.Values)
	if err != nil {
		return err
	}
	states, err := s.tensors(statesFile)
	if err != nil {
		return err
	}
	if d, ok := f.data.(cursor); ok && p.Cursor >= 0 {
		if err := d.SetCursor(p.Cursor); err != nil {
			return &CheckpointError{Path: s.Path, What: "the place in the data", Err: err}
		}
		f.pass.States = graph.States(states)
	} // else an epoch begins, from zero states
	if d, ok := f.validation.(cursor); ok && p.ValidationCursor >= 0 {
		_ = d.SetCursor(p.ValidationCursor) // other validation data may be shorter, and are evaluated from their start then
	}
	if err := schedule.Restore(f.Schedule, p.Schedule); err != nil {
		return &CheckpointError{Path: s.Path, What: "the schedule", Err: err}
	}
	if err := setWeights(f.Model.Params(), weights); err != nil {
		return err
	}

	*f.Random = *random
	f.Optimizer.Restore(optim.State{Steps: p.OptimizerSteps, Moments: moments, Numbers: p.OptimizerNumbers})
	f.history = p.History
	f.progressed, f.saved = p.progressed, p.Step
	return nil
}

// wrong is the error for a save that doesn't fit.
func (s stored) wrong(what, got, want string) error {
	return &CheckpointError{Path: s.Path, What: what, Got: got, Want: want}
}

func (s stored) file(name string) ([]byte, error) {
	data, err := s.ReadFile(name)
	if err != nil {
		return nil, &CheckpointError{Path: s.Path, What: name, Err: err}
	}
	return data, nil
}

// holds returns an error unless these files were attached.
func (s stored) holds(attached map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(attached)) {
		data, err := s.file(name)
		if err != nil {
			return err
		}
		if !bytes.Equal(data, attached[name]) {
			return s.wrong(name, "different from this run's", "the same")
		}
	}
	return nil
}

// progress reads how far a run with that optimizer has come, and the state of its random numbers.
func (s stored) progress(optimizer string) (p progress, random *rand.PCG, err error) {
	data, err := s.file(trainFile)
	if err != nil {
		return p, nil, err
	}
	var format struct{ Version int }
	if err := json.Unmarshal(data, &format); err != nil {
		return p, nil, &CheckpointError{Path: s.Path, What: trainFile, Err: err}
	}
	switch got := fmt.Sprint(format.Version); { // before the rest, which may mean something else there
	case format.Version < formatVersion:
		return p, nil, s.wrong("the format's version", got+", of an older release", fmt.Sprint(formatVersion))
	case format.Version > formatVersion:
		return p, nil, s.wrong("the format's version", got+", of a newer release", fmt.Sprint(formatVersion))
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return p, nil, &CheckpointError{Path: s.Path, What: trainFile, Err: err}
	}
	random = rand.NewPCG(0, 0)
	state, err := base64.StdEncoding.DecodeString(p.Random)
	if err == nil {
		err = random.UnmarshalBinary(state)
	}
	switch {
	case err != nil:
		return p, nil, &CheckpointError{Path: s.Path, What: trainFile, Err: err}
	case p.Step < 0 || p.Epoch < 0 || p.History == nil || !(p.Rate > 0 && p.Rate <= 1):
		return p, nil, s.wrong(trainFile, "incomplete", "step, epoch, rate and history")
	case p.Optimizer != optimizer:
		return p, nil, s.wrong("the optimizer", p.Optimizer, optimizer)
	}
	return p, random, nil
}

// moments reads the optimizer's tensors, which must be like the parameters' values.
func (s stored) moments(values *graph.Tensor) (map[string]*graph.Tensor, error) {
	moments, err := s.tensors(optimizerFile)
	if err != nil {
		return nil, err
	}
	for name, m := range moments {
		if m.Len() != values.Len() || m.DType() != values.DType() {
			return nil, s.wrong(fmt.Sprintf("the optimizer's %q", name),
				fmt.Sprintf("%d values of %v", m.Len(), m.DType()), fmt.Sprintf("%d of %v", values.Len(), values.DType()))
		}
	}
	return moments, nil
}

func (s stored) tensors(name string) (map[string]*graph.Tensor, error) {
	data, err := s.file(name)
	if err != nil {
		return nil, err
	}
	tensors, err := readTensors(data)
	if err != nil {
		return nil, &CheckpointError{Path: s.Path, What: name, Err: err}
	}
	return tensors, nil
}
