package track

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// History is the points of a run in the order in which they were measured. The zero value is a history without points.
// It is part of a checkpoint: JSON brings it back exactly.
type History struct {
	Train      []Point `json:"train"`
	Validation []Point `json:"validation"`
}

// AddTrain appends a training point.
func (h *History) AddTrain(p Point) { h.Train = append(h.Train, p) }

// AddValidation appends a validation point.
func (h *History) AddValidation(p Point) { h.Validation = append(h.Validation, p) }

// Best returns the validation point with the lowest loss, the first one of equals. Losses that are NaN or infinite do
// not count; ok is false when no other is left.
func (h *History) Best() (best Point, ok bool) {
	for _, p := range h.Validation {
		if finite(p.Loss) && (!ok || p.Loss < best.Loss) {
			best, ok = p, true
		}
	}
	return best, ok
}

// WriteFile writes the history to a file, in the format that the extension of its name says: .csv, .json, .png or .svg,
// in upper or lower case. A file of that name is replaced.
func (h *History) WriteFile(path string) error {
	var data []byte
	switch extension := strings.ToLower(filepath.Ext(path)); extension {
	case ".csv":
		data = []byte(h.CSV())
	case ".json":
		var err error
		if data, err = json.Marshal(h); err != nil {
			return fmt.Errorf("track: write history: %w", err)
		}
	case ".png":
		data = h.PNG()
	case ".svg":
		data = []byte(h.SVG())
	default:
		return fmt.Errorf("track: write history to %q: got extension %q, want .csv, .json, .png or .svg", path, extension)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		return fmt.Errorf("track: write history: %w", err)
	}
	return nil
}
