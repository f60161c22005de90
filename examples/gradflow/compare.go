package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/track"
)

// compare trains all networks and measures, before and after, how their states depend on earlier ones, and what truncation
// does to their gradients.
func (g *gradflow) compare(ctx context.Context) error {
	fmt.Fprintf(g.stdout, "The adding problem over %d time steps. Whoever always answers 1 has a loss of 0.167.\n", g.length)
	fmt.Fprintf(g.stdout, "Of %d updates with Adam, before and after: how much the last state depends on the one %d steps back (Frobenius norm),\n"+
		"the share of all dependence that is still further back, and the largest spectral radius of the recurrent weight.\n\n", g.steps, g.length/2)
	fmt.Fprintf(g.stdout, "%-20s %8s %18s %16s %14s %8s\n", "network", "loss", "norm at that lag", "share beyond", "radius", "clipped")

	losses := track.Chart{Title: "Learning the adding problem", X: "training step", Y: "mean squared error", LogY: true}
	start := track.Chart{Title: "How much the last state depends on earlier ones, before training", X: "lag (time steps back)", Y: "Frobenius norm of ∂h_T/∂h_(T-lag)", LogY: true}
	trained := start
	trained.Title = fmt.Sprintf("How much the last state depends on earlier ones, after %d updates", g.steps)
	truncation := track.Chart{Title: fmt.Sprintf("Truncated gradients of the recurrent layer, after %d updates", g.steps), X: "k2, time steps that the gradient goes back", Y: "cosine of the truncated and the full gradient"}
	for _, n := range networks {
		random := g.random(weightNumbers)
		m := model(n.recurrent(2, g.hidden, random), g.hidden, random)
		before, err := g.lags(m)
		if err != nil {
			return err
		}
		history, flow, err := g.train(ctx, m)
		if err != nil {
			return err
		}
		after, err := g.lags(m)
		if err != nil {
			return err
		}
		cosines, err := g.cosines(m)
		if err != nil {
			return err
		}
		half := g.length / 2
		end := medianLoss(history.Train[len(history.Train)*9/10:])
		fmt.Fprintf(g.stdout, "%-20s %8.4f %18s %16s %14s %7.0f%%\n", n.name, end,
			fmt.Sprintf("%.0e → %.0e", before.Norms[half], after.Norms[half]),
			fmt.Sprintf("%.2g%% → %.2g%%", 100*before.Beyond(half), 100*after.Beyond(half)),
			fmt.Sprintf("%.2f → %.2f", largest(flow.Radii[0]), largest(flow.Radii[len(flow.Radii)-1])), 100*flow.ClipRate())

		losses.Lines = append(losses.Lines, lossLine(n.name, history))
		start.Lines = append(start.Lines, track.Line{Name: n.name, Y: before.Norms})
		trained.Lines = append(trained.Lines, track.Line{Name: n.name, Y: after.Norms})
		cosines.Name = n.name
		truncation.Lines = append(truncation.Lines, cosines)
		for _, extension := range []string{".png", ".html", ".csv", ".dot"} {
			if err := g.write(n.file+extension, flow); err != nil {
				return err
			}
		}
		if err := g.write(n.file+"-unrolled.png", flow.Unrolled()); err != nil {
			return err
		}
	}
	for name, chart := range map[string]track.Chart{"losses.png": losses, "lags-start.png": start, "lags-trained.png": trained, "truncation.png": truncation} {
		if err := g.write(name, chart); err != nil {
			return err
		}
	}
	return nil
}

// train trains a model by the gradient of whole sequences, with diagnostics.
func (g *gradflow) train(ctx context.Context, m layers.Sequential) (*track.History, *track.GradientFlow, error) {
	data, err := newAdding(g.length, g.batch, g.random(trainingNumbers))
	if err != nil {
		return nil, nil, err
	}
	flow := &track.GradientFlow{RadiusEvery: max(1, (g.steps-1)/10)}
	t := train.Trainer{
		Model: m, Loss: lastStep{}, Optimizer: &optim.Adam{LearningRate: g.rate}, ClipNorm: 1,
		BPTT: bptt.Full{Window: g.length}, Steps: g.steps, Flow: flow,
	}
	history, err := t.Fit(ctx, data, nil)
	return history, flow, err
}

// lags measures how the last state depends on earlier ones.
func (g *gradflow) lags(m layers.Sequential) (bptt.Lags, error) {
	data, err := newAdding(g.length, g.batch, g.random(lagNumbers))
	if err != nil {
		return bptt.Lags{}, err
	}
	all, err := bptt.StateLags(g.pass(m, data), g.length, 16)
	if err != nil {
		return bptt.Lags{}, err
	}
	return all[0], nil
}

// largest is the largest spectral radius of all gates.
func largest(r track.FlowRadii) float64 {
	return slices.Max(slices.Concat(r.Gates...))
}
