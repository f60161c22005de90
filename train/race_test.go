//go:build race

package train_test

// The race detector makes sync.Pool drop things at random, so allocations mean nothing.
const raceDetector = true
