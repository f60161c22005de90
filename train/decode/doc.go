// Package decode turns a model's output into what it means. It has the decoders of connectionist temporal
// classification (CTC), whose output holds, for every time step, the probabilities of the labels and of a blank:
// [Greedy], the likeliest class at every step, and [Beam], the likeliest labels, with a language model if there is one.
//
//	logProbs, err := decode.LogProbs(program.Output("logits"), batch, b, steps) // of sequence b
//	labels, err := decode.Greedy(logProbs, 0)
//	best, err := decode.Beam{Width: 20}.Decode(logProbs)                        // best[0].Labels
package decode
