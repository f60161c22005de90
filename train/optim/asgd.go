package optim

import (
	"math"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/kernel"
)

// ASGD is averaged stochastic gradient descent (Polyak and Juditsky 1992), with a learning rate that falls off (Bottou
// 2010), as PyTorch has it:
//
//	g ← g + WeightDecay·p
//	η = LearningRate/(1 + Lambda·LearningRate·(t - 1))^Alpha
//	p ← p·(1 - Lambda·η) - η·g
//	average ← average + (p - average)/max(1, t - 1 - Start)
//
// η is rounded to float32, also where the parameters are in float64, since PyTorch does. See Swap for the average's use.
type ASGD struct {
	LearningRate float64 // 0 means 0.01
	Lambda       float64 // 0 means 1e-4
	Alpha        float64 // 0 means 0.75
	Start        float64 // step after which the average is one of several; 0 means 1e6
	WeightDecay  float64 // L2
	Groups       []Group

	averaged
	lambda float64 // of the present step
}

// Step updates the arena's values from its gradients, at factor times the learning rate.
func (o *ASGD) Step(a *graph.Arena, factor float64) error {
	rate, alpha, start := orDefault(o.LearningRate, 0.01), orDefault(o.Alpha, 0.75), orDefault(o.Start, 1e6)
	o.lambda = orDefault(o.Lambda, 1e-4)
	err := check("ASGD",
		option{"factor", factor, 0, inf},
		option{"LearningRate", rate, 0, inf},
		option{"Lambda", o.lambda, 0, inf},
		option{"Alpha", alpha, 0, inf},
		option{"Start", start, 0, inf},
		option{"WeightDecay", o.WeightDecay, 0, inf},
	)
	if err == nil {
		err = o.unswapped("ASGD")
	}
	if err == nil {
		err = o.begin("ASGD", a, o.Groups, "average")
	}
	if err != nil {
		return err
	}
	if o.steps == 0 { // frozen parameters are their own average
		if err := o.vectors[0].Copy(a.Values); err != nil {
			return err
		}
	}
	rate *= factor
	t := float64(o.steps)
	o.steps++
	eta := float64(float32(rate / math.Pow(1+o.lambda*rate*t, alpha)))
	averaged := max(1, t-start)
	o.set("averaged", averaged)
	o.weight = 1 / averaged
	o.sweep(o, eta, o.WeightDecay)
	return nil
}

func (o *ASGD) update(r part) {
	if o.double() {
		asgd[float64](o, r)
	} else {
		asgd[float32](o, r)
	}
}

func asgd[F kernel.Float](o *ASGD, r part) {
	p, grad, average, _, _ := elements[F](&o.memory, r)
	rate, decay, keep, weight := F(r.rate), F(r.decay), F(1-o.lambda*r.rate), F(o.weight)
	for i, g := range grad {
		g += decay * p[i]
		p[i] = keep*p[i] - rate*g
		average[i] += weight * (p[i] - average[i])
	}
}
