package track

import (
	"encoding/json"
	"fmt"
	"math"
)

var (
	_ json.Marshaler   = Point{}
	_ json.Unmarshaler = (*Point)(nil)
)

// Point is what was measured at one training step. It holds no times: an equal run has equal points.
type Point struct {
	Step     int     // parameter updates so far
	Loss     float64 // mean over the targets
	GradNorm float64 // Euclidean norm of all gradients before clipping; 0 in a validation
	Rate     float64 // learning rate of this update
	Tokens   int64   // training tokens seen so far
}

// MarshalJSON writes every number so that it is read back bit for bit. JSON has no word for the floats that are no
// numbers, so those are the strings "NaN", "+Inf" and "-Inf".
func (p Point) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonPoint{p.Step, jsonFloat(p.Loss), jsonFloat(p.GradNorm), jsonFloat(p.Rate), p.Tokens})
}

// UnmarshalJSON reads what MarshalJSON wrote. Every NaN comes back as [math.NaN]. After an error p is unchanged.
func (p *Point) UnmarshalJSON(data []byte) error {
	var j jsonPoint
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*p = Point{j.Step, float64(j.Loss), float64(j.GradNorm), float64(j.Rate), j.Tokens}
	return nil
}

// jsonPoint is a Point in JSON.
type jsonPoint struct {
	Step     int       `json:"step"`
	Loss     jsonFloat `json:"loss"`
	GradNorm jsonFloat `json:"grad_norm"`
	Rate     jsonFloat `json:"rate"`
	Tokens   int64     `json:"tokens"`
}

// jsonFloat is a float64 that may be NaN or infinite in JSON.
type jsonFloat float64

func (f jsonFloat) MarshalJSON() ([]byte, error) {
	if !finite(float64(f)) {
		return json.Marshal(number(float64(f)))
	}
	return json.Marshal(float64(f))
}

func (f *jsonFloat) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case `"NaN"`:
		*f = jsonFloat(math.NaN())
	case `"+Inf"`:
		*f = jsonFloat(math.Inf(1))
	case `"-Inf"`:
		*f = jsonFloat(math.Inf(-1))
	default:
		if err := json.Unmarshal(data, (*float64)(f)); err != nil {
			return fmt.Errorf(`track: got %s, want a number, "NaN", "+Inf" or "-Inf"`, data)
		}
	}
	return nil
}

func finite(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0)
}
