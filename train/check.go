package train

import (
	"fmt"
	"reflect"

	"github.com/gobptt/bptt/internal/missing"
)

// check looks at all fields. The optimizer is the one that is used, which need not be the field.
func (f *fit) check(optimizer any) error {
	required := []struct {
		name    string
		missing bool
	}{
		{"Model", missing.Value(f.Model)}, {"Loss", missing.Value(f.Loss)}, {"Optimizer", missing.Value(optimizer)},
		{"BPTT", missing.Value(f.BPTT)}, {"data", missing.Value(f.data)},
		// These may be left out, but not by a nil pointer, which is what comes of an error that wasn't looked at.
		{"validation data", f.validation != nil && missing.Value(f.validation)},
		{"Clip", f.Clip != nil && missing.Value(f.Clip)}, {"Schedule", f.Schedule != nil && missing.Value(f.Schedule)},
	}
	for _, r := range required {
		if r.missing {
			return &ArgumentError{Name: r.name, Got: "nil", Want: "a value"}
		}
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"Steps", f.Steps}, {"Epochs", f.Epochs}, {"Every", f.Every}, {"ValidationWindow", f.ValidationWindow},
		{"Patience", f.Patience}, {"Accumulate", f.Accumulate}, {"Threads", f.Threads}} {
		if n.value < 0 {
			return &ArgumentError{Name: n.name, Got: fmt.Sprint(n.value), Want: "0 or more"}
		}
	}
	switch {
	case f.Steps == 0 && f.Epochs == 0:
		return &ArgumentError{Name: "Steps", Got: "0, and so is Epochs", Want: "one of them above 0"}
	case !(f.ClipNorm >= 0):
		return &ArgumentError{Name: "ClipNorm", Got: fmt.Sprint(f.ClipNorm), Want: "0 or more"}
	case f.ClipNorm > 0 && f.Clip != nil:
		return &ArgumentError{Name: "Clip", Got: "set, and ClipNorm too", Want: "one of the two"}
	case reflect.ValueOf(f.data).Kind() == reflect.Pointer && f.validation == f.data:
		return &ArgumentError{Name: "validation data", Got: "the training data", Want: "data of their own, or nil: an evaluation goes back to their start"}
	case f.Patience > 0 && f.validation == nil:
		return &ArgumentError{Name: "Patience", Got: fmt.Sprint(f.Patience, " without validation data"), Want: "0, or data"}
	case f.OnDiverged < StopDiverged || f.OnDiverged > RollBackDiverged:
		return &ArgumentError{Name: "OnDiverged", Got: fmt.Sprint(int(f.OnDiverged)), Want: "StopDiverged, SkipDiverged or RollBackDiverged"}
	case f.OnDiverged == RollBackDiverged && f.Checkpoint == nil:
		return &ArgumentError{Name: "OnDiverged", Got: "RollBackDiverged without a Checkpoint", Want: "a Checkpoint to roll back to"}
	}
	if f.Schedule != nil {
		return f.Schedule.Check()
	}
	return nil
}
