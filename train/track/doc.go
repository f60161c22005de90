// Package track is what a person sees of a training run: a [Progress] line, logs and a live page while it trains, and
// the [History] of its losses, which draws itself as a learning curve.
//
// # Basics
//
// What follows a run is an [Observer]. Five are here:
//
//	watch := track.Observers{
//		&track.Progress{},                   // a line on the terminal
//		&track.Dashboard{},                  // a page at http://localhost:6007/
//		&track.CSV{Path: "run.csv"},         // losses, for a spreadsheet
//		&track.JSONLines{Path: "run.jsonl"}, // everything, for a program
//		&track.TensorBoard{Dir: "runs/1"},   // everything, for `tensorboard --logdir runs`
//	}
//
// Who trains calls Start, then Observe after everything that happens, then End:
//
//	err := watch.Start(ctx, track.Run{Steps: steps})
//	for step := 1; step <= steps; step++ {
//		...
//		point := track.Point{Step: step, Loss: loss, GradNorm: norm, Rate: rate, Tokens: tokens}
//		history.AddTrain(point)
//		err := watch.Observe(track.Update{Point: point, Seconds: seconds})
//	}
//	err = watch.End(nil)
//	err = history.WriteFile("curve.png")
//
// An [Event] is an [Update], an [Evaluation], a generated [Text], or what else is worth a look; an observer passes over
// those it has no use for. An observer of one's own has the same three methods.
//
// In a notebook, a *History that is the last value of a cell shows its picture: gophernotes calls SVG and PNG by
// itself.
//
// # Runs that are resumed
//
// A History holds nothing that depends on the clock, so a run that was stopped and resumed ends with the same bytes as
// one that was not. A log then has the same records too, each once, but for their times: what it had been told of
// beyond the step that the run resumes after is cut off, and so is a record that a crash left half written.
//
// # Caveats
//
// A History does not lock: the goroutine that trains owns it. A Progress and a Dashboard may be used by several
// goroutines; a log may not.
//
// A loss is shown in the unit that Run and History name, which a train.Trainer asks the loss for, and as a perplexity
// where that is Nats.
package track
