package track

// Event is something that happens in a run: an [Update], [Evaluation], [Text], [Scalar], [Flow], [Histogram], [Image] or
// [RolledBack].
type Event interface{ at() int }

// Update is an update of the parameters.
type Update struct {
	Point   Point
	Seconds float64 // training time so far, in all updates
}

// Evaluation is a validation of the model as it is after an update.
type Evaluation struct {
	Point   Point
	Seconds float64 // training time so far, in all updates
}

// Text is a text that the model generated, or a message.
type Text struct {
	Step int
	Name string // what it shows, such as "sample"
	Text string
}

// Scalar is a number of any other kind.
type Scalar struct {
	Step  int
	Name  string // with its unit, if it has one: "accuracy (%)"
	Value float64
}

// Flow is how the gradient flows back through time in an update. A graph.Recording has its fields.
type Flow struct {
	Step  int
	State string    // the name of a recurrent state, such as "1.h_l0"
	Norms []float64 // the norm of the cost's gradient with respect to the state after each time step of the window
}

// Histogram is how values are distributed, such as the activations of a gate.
type Histogram struct {
	Step   int
	Name   string
	Low    float64 // the lower end of the first bin
	High   float64 // the upper end of the last bin
	Counts []int   // values in each of the bins, which are equally wide
}

// Image is a picture, such as a map of attention weights.
type Image struct {
	Step int
	Name string
	PNG  []byte
}

// RolledBack says that the run has gone back to where it was after Run.Step, since an update diverged, and goes on from
// there: what was told of later steps is void.
type RolledBack struct{ Run Run }

func (e Update) at() int     { return e.Point.Step }
func (e Evaluation) at() int { return e.Point.Step }
func (e Text) at() int       { return e.Step }
func (e Scalar) at() int     { return e.Step }
func (e Flow) at() int       { return e.Step }
func (e Histogram) at() int  { return e.Step }
func (e Image) at() int      { return e.Step }
func (e RolledBack) at() int { return e.Run.Step }
