package bptt

import "testing"

// TestSchedule: the split and the count are those of the best schedule, found by trying all.
func TestSchedule(t *testing.T) {
	const most, slots = 40, 8
	var best [slots + 1][most + 1]int
	for s := range best {
		for n := 2; n <= most; n++ {
			if s == 0 {
				best[s][n] = n * (n - 1) / 2
				continue
			}
			best[s][n] = 1 << 30
			for m := 1; m < n; m++ {
				best[s][n] = min(best[s][n], m+best[s-1][n-m]+best[s][m])
			}
		}
	}
	for s := range best {
		for n := 1; n <= most; n++ {
			if got := advances(n, s); got != best[s][n] {
				t.Errorf("%d blocks, %d states: %d computed ahead, want %d", n, s, got, best[s][n])
			}
			if s == 0 || n < 2 {
				continue
			}
			if m := split(n, s); m < 1 || m >= n || m+best[s-1][n-m]+best[s][m] != best[s][n] {
				t.Errorf("%d blocks, %d states: split after %d isn't best", n, s, m)
			}
		}
	}
}
