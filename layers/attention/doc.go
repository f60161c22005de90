// Package attention holds ways to read a sequence by its contents: at every step of one sequence, a weighted mean
// over the steps of another.
//
// A [Mechanism] is how the weights are found: [Dot], [General], [Additive] or [MultiHead]. Its method Over takes the
// memory, the sequence that is read, and returns a [Reader], a function from queries to contexts and weights. Where
// all queries are there at once, one call of it reads for all of them. A decoder whose queries are its own states
// reads step by step: [Bahdanau] and [Luong] make such a decoder of any cell.
//
// Sequences are time-major with the window's B: queries [Tq*B, Dq], memory [Tk*B, D]. Tq and Tk may differ from each
// other and from the window's T.
package attention
