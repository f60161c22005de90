package train

import (
	"github.com/gobptt/bptt/internal/snapshot"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/track"
)

// Divergence says what a Trainer does when the loss or the gradient of an update isn't finite. The update isn't made in
// any case. A validation loss that is NaN also ends a run of StopDiverged; the others go on with it as a bad one.
type Divergence int

// The policies. The last two give up, with the *DivergedError, where they don't help.
const (
	StopDiverged     Divergence = iota // end with a *DivergedError
	SkipDiverged                       // go on with the next window, from zero states: for a bad batch now and then
	RollBackDiverged                   // go back to the last checkpoint, and on at half the learning rate
)

const (
	maxSkips = 20   // updates in a row
	minRate  = 1e-6 // factor of the learning rate below which going back has no use
)

// diverged deals with an update that wasn't made, or returns an error if the run is at its end.
func (f *fit) diverged(d *DivergedError) error {
	f.bad++
	f.sum = optim.Accumulator{} // it may hold a part of the update
	switch {
	case f.OnDiverged == SkipDiverged && f.bad <= maxSkips:
		f.Windows++
		clear(f.pass.States) // which may not be finite either
		f.pass.Cut()
		return nil
	case f.OnDiverged == RollBackDiverged && f.Rate > minRate:
		rate := f.Rate / 2
		s, _, err := snapshot.Load(f.Checkpoint.Dir)
		if err != nil {
			return err
		}
		f.pass.Rewind()
		if err := f.Checkpoint.resume(f, s); err != nil {
			return err
		}
		f.Rate = rate
		f.history.Unit = f.unit()
		f.Flow.Cut(f.Step)
		return f.observe(track.RolledBack{Run: f.begun()})
	}
	return d
}
