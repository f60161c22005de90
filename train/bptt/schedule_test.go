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

// TestPlanWith: the windows computed forward are those of going through the blocks.
func TestPlanWith(t *testing.T) {
	for n := 1; n <= 24; n++ {
		for held := 1; held <= n; held++ {
			blocks := (n + held - 1) / held
			start := func(b int) int { return max(0, n-(blocks-b)*held) }
			var through func(from, to, room int) int
			through = func(from, to, room int) int {
				count := 0
				switch {
				case to-from == 1:
					return start(to) - start(from)
				case room == 0:
					for b := from; b < to; b++ {
						count += start(b+1) - start(from)
					}
					return count
				}
				middle := from + split(to-from, room)
				return start(middle) - start(from) + through(middle, to, room-1) + through(from, middle, room)
			}
			for kept := 0; kept < blocks; kept++ {
				if got, want := planWith(n, held, kept).Forward, through(0, blocks, kept); got != want {
					t.Fatalf("%d windows, %d held, %d states: %d computed forward, want %d", n, held, kept, got, want)
				}
			}
		}
	}
}

// TestPlan: a limit is kept to, more memory is never slower, and with memory for all nothing is computed again.
func TestPlan(t *testing.T) {
	const n, fixed = 20, 3*10 + 50
	m := memory{window: 100, state: 10, last: 50}
	before := 1 << 30
	for limit := int64(100 + fixed); limit <= n*100+fixed; limit += 10 {
		w, err := plan(n, m, limit)
		if err != nil {
			t.Fatal(err)
		}
		blocks := (n + w.Held - 1) / w.Held
		if cost := 3*w.Forward + n - blocks; w.Bytes > limit || cost > before {
			t.Errorf("%d bytes: %+v, cost %d after %d", limit, w, cost, before)
		} else {
			before = cost
		}
	}
	if w, err := plan(n, m, n*100+fixed); err != nil || w.Forward != n || w.Held != n {
		t.Errorf("with memory for all: %+v, %v", w, err)
	}
	// To hold some windows of many isn't worth their way out of the cache.
	if w, err := plan(1000, m, 20000); err != nil || w.Held != 1 || w.Kept != 999 {
		t.Errorf("of 1000 windows: %+v, %v", w, err)
	}
	if _, err := plan(n, m, 100+fixed-1); err == nil || err.Error() != "bptt.Checkpointed: 179 bytes of memory are too few; it takes 180 bytes" {
		t.Errorf("got %v", err)
	}
}
