package bptt

import "math"

// A schedule says how a chain of blocks is gone through from its end when only some of the states between them can be
// kept: Revolve's (Griewank and Walther 2000), which computes the fewest blocks again.
//
// With room for s states besides that at the chain's start, and no block computed more than r times ahead of its own turn,
// a chain of at most reach(s, r) = C(s+1+r, r) blocks can be gone through.

// reach is the binomial coefficient C(s+1+r, r), or a large number.
func reach(s, r int) int {
	if r < 0 {
		return 0
	}
	n := 1.0
	for i := 1; i <= min(r, s+1); i++ {
		n = n * float64(s+1+r-i+1) / float64(i)
		if n > math.MaxInt32 {
			return math.MaxInt32
		}
	}
	return int(math.Round(n))
}

// split returns after how many of n blocks, at least two, the first state is to be kept, when there is room for s ≥ 1.
func split(n, s int) int {
	if s >= n-1 {
		return 1 // all can be kept
	}
	r := 1
	for reach(s, r) < n {
		r++
	}
	return min(reach(s, r-1), n-reach(s-1, r-1))
}

// advances returns how many blocks are computed ahead of their own turn, only to come to a later one, in a chain of n
// blocks with room for s states.
func advances(n, s int) int {
	if s >= n-1 {
		return n - 1
	}
	// Each of the blocks within reach(s, r) is computed at most r times, and as few as possible r times.
	r := 1
	for reach(s, r) < n {
		r++
	}
	return r*n - reach(s+1, r-1)
}

// firstAdvances returns how many times the first block of the chain is computed ahead of its own turn.
func firstAdvances(n, s int) int {
	if s == 0 {
		return n - 1
	}
	times := 0
	for ; n > 1; n = split(n, s) {
		times++
	}
	return times
}
