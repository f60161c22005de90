package main

import (
	"math/rand/v2"
	"slices"
)

// synthetic composes pieces for four voices, which are always the same: in any of the twelve major keys, triads follow
// each other as in simple harmony; the bass has the root, and each other voice goes to a near note of the triad, above the
// voice below it; now and then the soprano passes through the note between two.
func synthetic() *music {
	rng := rand.New(rand.NewPCG(1685, 1750))
	pieces := func(n int) []piece {
		var all []piece
		for range n {
			all = append(all, harmonize(rng.IntN(12), 24+rng.IntN(60), rng))
		}
		return all
	}
	return &music{train: pieces(40), valid: pieces(12), test: pieces(12)}
}

// scale is the major scale, in semitones above its first note.
var scale = [7]int{0, 2, 4, 5, 7, 9, 11}

// progressions are the triads that may follow each, by the degree of their root; what is there twice is likelier.
var progressions = [7][]int{{3, 3, 4, 4, 5, 1}, {4, 4, 6}, {5, 3}, {4, 4, 0, 1}, {0, 0, 0, 5}, {1, 3, 4}, {0}}

// voices are the ranges of bass, tenor, alto and soprano.
var voices = [4]struct{ low, high int }{{19, 39}, {27, 46}, {34, 53}, {39, 62}}

// harmonize composes a piece that ends with the first triad on the tonic after some steps.
func harmonize(key, steps int, rng *rand.Rand) piece {
	var p piece
	inScale := func(note int) int { return slices.Index(scale[:], (note-key+12)%12) } // -1 if it isn't
	degree, at := 0, []int{25, 36, 43, 49}
	for {
		soprano, below := at[3], -1
		at = slices.Clone(at)
		for v, r := range voices {
			at[v] = near(at[v], max(r.low, below+1), r.high, rng, func(note int) bool {
				i := inScale(note)
				above := (i - degree + 7) % 7 // the root, in the scale
				return i >= 0 && (above == 0 || v > 0 && (above == 2 || above == 4))
			})
			below = at[v]
		}
		if low, high := min(soprano, at[3]), max(soprano, at[3]); len(p) > 0 && high-low <= 4 && rng.IntN(2) == 0 {
			last := slices.Clone(p[len(p)-1])
			for n := max(low, last[2]) + 1; n < high; n++ {
				if inScale(n) >= 0 {
					last[3] = n
				}
			}
			p[len(p)-1] = last
		}
		for range 1 + rng.IntN(2) {
			p = append(p, at)
		}
		if len(p) >= steps && degree == 0 {
			return p
		}
		degree = progressions[degree][rng.IntN(len(progressions[degree]))]
	}
}

// near returns one of the notes from low to high that fit, most likely the nearest.
func near(note, low, high int, rng *rand.Rand, fits func(note int) bool) int {
	best, least := low, 1<<30
	for n := low; n <= high; n++ {
		if !fits(n) {
			continue
		}
		if distance := max(n-note, note-n) + rng.IntN(3); distance < least {
			best, least = n, distance
		}
	}
	return best
}
