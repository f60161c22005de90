// Package search looks for good hyper-parameters: it runs trials over a grid or over random draws, several at once, and
// ends those early that do worse than the others did.
//
// A [Study] names the parameters and how many trials to make. A trial is a function of the caller's, which gets the
// parameters, reports how it does now and then, and returns what is to be minimized:
//
//	study := search.Study{
//		Space: search.Space{
//			search.LogUniform("learning rate", 1e-4, 1e-1),
//			search.Choice("hidden", 64, 128, 256),
//		},
//		Trials: 40,
//		Prune:  &search.Median{Warmup: 500},
//	}
//	results, err := study.Run(ctx, func(ctx context.Context, p search.Params, report search.Report) (float64, error) {
//		...
//	})
//
// The package knows nothing of what a trial does. The example of [Study] trains a model in each.
//
// # Determinism
//
// The parameters of trial i depend on the seed and on i, and on nothing else. What is pruned depends on what the trials
// report, not on their speed nor on how many run at once: a trial is compared with those of lower numbers only, and
// waits at a report until they have come as far. So a study whose trials are deterministic has the same results on any
// machine. A trial that waits takes memory but no processor, so more Workers than processors may pay.
package search
