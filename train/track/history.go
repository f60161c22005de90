package track

import "encoding/json"

// History is the points of a run in the order in which they were measured. The zero value is a history without points.
// It is part of a checkpoint: JSON brings it back exactly.
type History struct {
	Train      []Point `json:"train"`
	Validation []Point `json:"validation"`
	Unit       string  `json:"unit,omitempty"` // of the losses, such as Nats; "" if it isn't known
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

// WriteFile writes the history to a file, in the format that the extension of its name says: .csv, .html, .json,
// .png or .svg, in upper or lower case. A file of that name is replaced.
func (h *History) WriteFile(path string) error {
	return writeFile("history", path, map[string]func() []byte{
		".csv":  func() []byte { return []byte(h.CSV()) },
		".html": func() []byte { return []byte(h.HTML()) },
		".json": h.json,
		".png":  h.PNG,
		".svg":  func() []byte { return []byte(h.SVG()) },
	})
}

func (h *History) json() []byte {
	data, err := json.Marshal(h)
	if err != nil { // every number has a form of its own
		panic("track: " + err.Error())
	}
	return data
}
