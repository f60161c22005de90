// Package crf holds the linear-chain conditional random field (Lafferty, McCallum and Pereira 2001), with which a
// network tags sequences as a whole: a named entity's second word may only follow its first.
//
// A [CRF] is the last layer of such a network and its loss at once; [CRF.Decode] finds the best tags for what the
// network gives in use.
//
//	tagger := crf.New(tags, rng)
//	model := layers.Sequential{embedding, lstm, layers.NewLinear(hidden, tags, rng), tagger}
//	trainer := train.Trainer{Model: model, Loss: tagger, …}
package crf
