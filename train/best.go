package train

import (
	"cmp"
	"encoding/json"
	"io"
	"math"
	"path/filepath"
	"slices"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/snapshot"
)

// Best is a model that was saved for its validation loss.
type Best struct {
	Step int     `json:"step"`
	Loss float64 `json:"loss"`
}

const (
	bestDir  = "best"
	bestFile = "best.json"
)

// saveBest saves the model if its validation loss is among the lowest, and removes the one that no longer is.
func (c *Checkpoint) saveBest(f *fit, loss float64) error {
	if c.Best == 0 || len(f.Bests) == c.Best && !(loss < f.Bests[c.Best-1].Loss) || math.IsNaN(loss) || math.IsInf(loss, 0) {
		return nil
	}
	dir, b := filepath.Join(c.Dir, bestDir), Best{f.Step, loss}
	_, err := snapshot.Save(dir, int64(b.Step), 0, func(create func(name string) (io.Writer, error)) error {
		files := c.attached()
		files[modelFile] = func(w io.Writer) error { return writeWeights(w, f.Model.Params()) }
		files[bestFile] = func(w io.Writer) error { return json.NewEncoder(w).Encode(b) }
		return writeAll(files, create)
	})
	if err != nil {
		return err
	}
	f.Bests = append(slices.DeleteFunc(f.Bests, func(x Best) bool { return x.Step == b.Step }), b)
	slices.SortStableFunc(f.Bests, func(x, y Best) int { return cmp.Compare(x.Loss, y.Loss) })
	for len(f.Bests) > c.Best {
		last := len(f.Bests) - 1
		if err := snapshot.Remove(dir, int64(f.Bests[last].Step)); err != nil {
			return err
		}
		f.Bests = f.Bests[:last]
	}
	return nil
}

// LoadBest sets parameters to those of the lowest validation loss that a Trainer with this directory as its
// Checkpoint.Dir has kept, and says which these are. Damaged ones are passed over.
func LoadBest(dir string, params []graph.NamedParam) (Best, error) {
	all, _, err := snapshot.LoadAll(filepath.Join(dir, bestDir))
	if err != nil {
		return Best{}, err
	}
	var found *snapshot.Snapshot
	var best Best
	for _, s := range all {
		data, err := s.ReadFile(bestFile)
		var b Best
		if err == nil {
			err = json.Unmarshal(data, &b)
		}
		if err != nil {
			return Best{}, &CheckpointError{Path: s.Path, What: bestFile, Err: err}
		}
		if found == nil || b.Loss < best.Loss {
			found, best = s, b
		}
	}
	data, err := found.ReadFile(modelFile)
	if err != nil {
		return Best{}, &CheckpointError{Path: found.Path, What: modelFile, Err: err}
	}
	weights, err := readWeights(found.Path, data, params)
	if err != nil {
		return Best{}, err
	}
	return best, setWeights(params, weights)
}
