// Package metric measures how good a model's answers are, beside the loss that it is trained with.
//
// # Metrics of batches
//
// [Accuracy], [Perplexity], [BitsPerCharacter], [F1], [AUC], [MAE], [RMSE], [MAPE] and [R2] compare the output of a
// program with a batch's array "target". They take batch after batch, and have their value over all of them at the end:
//
//	var accuracy metric.Accuracy
//	for … {
//		err := accuracy.Add(program.Output("logits"), batch)
//	}
//	fmt.Println(accuracy.Value())
//
// The output has a row for each target: [T*B, …] for targets [T, B, …], or [B, …] for targets [B]. Targets of the
// window's time steps don't count where the batch's array "mask" or "weight" is 0; other weights make no difference.
// Targets that are classes don't count either if they are to be ignored, by default where they are -100, as in package
// loss.
//
// # Metrics of texts
//
// [EntityF1], [WER], [CER] and [BLEU] compare sequences that were decoded; [EditDistance] is what WER and CER are made
// of.
//
// # Values
//
// The zero value of a metric is ready to use. Value is NaN before anything was added (0 for EntityF1), and where a NaN
// was among the scores. An output or a batch that doesn't fit is an error, and isn't counted.
package metric
