package track

import (
	"context"
	"errors"

	"github.com/gobptt/bptt/internal/missing"
)

// Observer is told of a training run as it goes. A [Progress] line, the logs [CSV], [JSONLines] and [TensorBoard], and
// the [Dashboard] are ones. The goroutine that trains makes all calls. An error ends the run.
type Observer interface {
	// Start comes before the first update. What the observer begins in it ends with ctx at the latest.
	Start(ctx context.Context, r Run) error
	// Observe comes after everything that happens, in its order, with steps that fall at a RolledBack only. Training waits for
	// it, so it must return soon. It passes over events that it has no use for, and must not keep their slices.
	Observe(e Event) error
	// End comes once after every Start that succeeded, with the run's error, nil if it reached its last step.
	End(err error) error
}

// Run is a training run that begins or goes on.
type Run struct {
	Step    int      // updates made before: 0, or those of the run that is resumed
	Steps   int      // updates to reach in all; 0: unknown
	Tokens  int64    // training tokens seen before
	Seconds float64  // training time before
	History *History // what was measured before, to be read during Start, or Observe, only; nil: nothing
	Unit    string   // of the losses, such as Nats; "" if it isn't known
}

// Nats is the unit of losses that are the mean negative log likelihood of what each target is: their exponential is a
// perplexity.
const Nats = "nats per target"

var _ Observer = Observers(nil)

// Observers is several observers in one. Those that are nil are passed over.
type Observers []Observer

// Start starts all, or none: after an error it ends those that were started.
func (o Observers) Start(ctx context.Context, r Run) error {
	for i, observer := range o {
		if missing.Value(observer) {
			continue
		}
		if err := observer.Start(ctx, r); err != nil {
			return errors.Join(err, o[:i].End(err))
		}
	}
	return nil
}

// Observe tells all, also after an error.
func (o Observers) Observe(e Event) error {
	var errs []error
	for _, observer := range o {
		if missing.Value(observer) {
			continue
		}
		if err := observer.Observe(e); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// End ends all, also after an error.
func (o Observers) End(err error) error {
	var errs []error
	for _, observer := range o {
		if missing.Value(observer) {
			continue
		}
		if err := observer.End(err); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
