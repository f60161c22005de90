package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/track"
)

// clipping trains the network whose gradients explode most easily by plain gradient descent, with clipping and without.
func (g *gradflow) clipping(ctx context.Context) error {
	const rate = 0.001
	n := networks[reluIdentity]
	steps := max(2, g.steps/3)
	fmt.Fprintf(g.stdout, "\n%s, %d updates with plain gradient descent:\n\n%-20s %8s %22s %8s\n", n.name, steps, "clipping", "loss", "largest gradient norm", "clipped")
	losses := track.Chart{Title: "Gradient descent with clipping and without: " + n.name, X: "training step", Y: "mean squared error", LogY: true}
	norms := track.Chart{Title: "Gradients before clipping: " + n.name, X: "training step", Y: "norm of the gradient", LogY: true}
	for _, limit := range []float64{0, 1} {
		random := g.random(weightNumbers)
		m := model(n.recurrent(2, g.hidden, random), g.hidden, random)
		data, err := newAdding(g.length, g.batch, g.random(trainingNumbers))
		if err != nil {
			return err
		}
		flow := &track.GradientFlow{RadiusEvery: -1}
		t := train.Trainer{
			Model: m, Loss: lastStep{}, Optimizer: &optim.SGD{LearningRate: rate}, ClipNorm: limit,
			BPTT: bptt.Full{Window: g.length}, Steps: steps, Flow: flow,
		}
		name := "none"
		if limit > 0 {
			name = fmt.Sprintf("to a norm of %v", limit)
		}
		history, err := t.Fit(ctx, data, nil)
		if diverged, ok := errors.AsType[*train.DivergedError](err); ok {
			fmt.Fprintf(g.stdout, "%-20s %v\n", name, diverged)
		} else if err != nil {
			return err
		}
		largest := 0.0
		line := track.Line{Name: "clipping: " + name}
		for _, p := range history.Train {
			largest = max(largest, p.GradNorm)
			line.X, line.Y = append(line.X, float64(p.Step)), append(line.Y, p.GradNorm)
		}
		norms.Lines = append(norms.Lines, line)
		losses.Lines = append(losses.Lines, lossLine(line.Name, history))
		if len(history.Train) > 0 {
			fmt.Fprintf(g.stdout, "%-20s %8.3g %22.2g %7.0f%%\n", name, medianLoss(history.Train[len(history.Train)*9/10:]), largest, 100*flow.ClipRate())
		}
	}
	if err := g.write("clipping-loss.png", losses); err != nil {
		return err
	}
	return g.write("clipping-norm.png", norms)
}
