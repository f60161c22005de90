package optim

import "github.com/gobptt/bptt/graph"

// EMA keeps an exponential moving average of the weights that another optimizer makes (Polyak and Juditsky 1992; in this
// form, TensorFlow's ExponentialMovingAverage and PyTorch's get_ema_multi_avg_fn):
//
//	average ← Decay·average + (1 - Decay)·p
//
// It begins as the weights after the first step. See Swap for its use.
type EMA struct {
	Optimizer Optimizer
	Decay     float64 // 0 means 0.999
	Warmup    bool    // at update n = 1, 2, …, the decay is at most (1+n)/(10+n), so that the first weights are soon forgotten

	averaged
}

// Step makes a step of the optimizer inside, and adds the new weights to the average.
func (o *EMA) Step(a *graph.Arena, factor float64) error {
	decay := orDefault(o.Decay, 0.999)
	err := check("EMA", option{"Decay", decay, 0, 1})
	if err == nil {
		err = o.beginAround("EMA", a, o.Optimizer)
	}
	if err == nil {
		err = o.stepInside(o.Optimizer, a, factor)
	}
	if err != nil {
		return err
	}
	switch n := float64(o.steps - 1); {
	case n == 0:
		decay = 0
	case o.Warmup:
		decay = min(decay, (1+n)/(10+n))
	}
	o.add(1 - decay)
	return nil
}

// State returns the state of both optimizers.
func (o *EMA) State() State { return o.around(o.Optimizer) }

// Restore takes over a state that State returned.
func (o *EMA) Restore(s State) { o.restoreAround(s, o.Optimizer) }
