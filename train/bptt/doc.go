// Package bptt holds the ways to run backpropagation through time over sequences longer than one compiled window. Each
// is a loop over windows: it decides how far the gradient reaches, and when the parameters are updated. The file docs/bptt.md
// explains each, and says what it costs.
package bptt
