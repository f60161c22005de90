// Package track is what a person sees of a training run: a [Progress] line while it trains, and the [History] of its
// losses, which draws itself as a learning curve.
//
// # Basics
//
// A trainer adds a [Point] to the history after every parameter update and after every validation, and shows the same
// numbers on the progress line:
//
//	progress := &track.Progress{}
//	progress.Start(0, steps)
//	for step := 1; step <= steps; step++ {
//		...
//		history.AddTrain(track.Point{Step: step, Loss: loss, GradNorm: norm, Rate: rate, Tokens: tokens})
//		progress.Step(track.Step{Step: step, Total: steps, Loss: loss, TokensPerSecond: speed})
//	}
//	progress.Finish()
//	err := history.WriteFile("curve.png")
//
// In a notebook, a *History that is the last value of a cell shows its picture: gophernotes calls SVG and PNG by itself.
//
// # Caveats
//
// A History does not lock: the goroutine that trains owns it. A Progress may be used by several goroutines.
//
// Losses are in nats. Perplexity is exp(loss), so it means something only where the loss is a mean negative log
// likelihood.
package track
