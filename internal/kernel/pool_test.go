package kernel

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// counter counts how often each chunk is done, and that a worker does one at a time.
type counter struct {
	chunks []atomic.Int32
	busy   [64]atomic.Int32
	pause  func(i, worker int)
	t      *testing.T
}

func (c *counter) Chunk(i, worker int) {
	if c.busy[worker].Add(1) != 1 {
		c.t.Errorf("worker %d does two chunks at once", worker)
	}
	if c.pause != nil {
		c.pause(i, worker)
	}
	c.chunks[i].Add(1)
	c.busy[worker].Add(-1)
}

func TestPoolDoesEveryChunkOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		p := NewPool(threads)
		for _, chunks := range []int{0, 1, 2, 3, 7, 8, 100, 1000} {
			for range 50 {
				c := &counter{chunks: make([]atomic.Int32, chunks), t: t}
				p.Run(chunks, c)
				for i := range c.chunks {
					if n := c.chunks[i].Load(); n != 1 {
						t.Fatalf("%d threads, %d chunks: chunk %d done %d times", threads, chunks, i, n)
					}
				}
			}
		}
	}
}

// TestPoolTakesOver: the caller does not wait for a helper that has not begun.
func TestPoolTakesOver(t *testing.T) {
	p := NewPool(2)
	var mu sync.Mutex
	by := map[int]int{}
	c := &counter{chunks: make([]atomic.Int32, 8), t: t}
	release := make(chan struct{})
	c.pause = func(i, worker int) {
		mu.Lock()
		by[worker]++
		left := by[0] == 7
		mu.Unlock()
		if left {
			close(release)
		}
		if worker == 1 {
			<-release // this helper is stuck in its first chunk until the caller has done the other seven
		} else {
			time.Sleep(time.Millisecond)
		}
	}
	p.Run(8, c)
	if by[0] < 7 {
		t.Errorf("chunks by worker: %v", by)
	}
}

func TestPoolPanics(t *testing.T) {
	p := NewPool(3)
	for bad := range 9 {
		c := &counter{chunks: make([]atomic.Int32, 9), t: t}
		c.pause = func(i, worker int) {
			if i == bad {
				c.busy[worker].Add(-1)
				panic(i)
			}
		}
		func() {
			defer func() {
				if r := recover(); r != bad {
					t.Errorf("recovered %v, want %d", r, bad)
				}
			}()
			p.Run(9, c)
		}()
		done := 0
		for i := range c.chunks {
			done += int(c.chunks[i].Load())
		}
		if done != 8 {
			t.Errorf("%d other chunks done, want 8", done)
		}
	}
	p.Run(4, &counter{chunks: make([]atomic.Int32, 4), t: t}) // works on
}

// TestPoolNested: a Run inside a chunk, or of another goroutine, is done by its caller.
func TestPoolNested(t *testing.T) {
	p := NewPool(2)
	var total atomic.Int32
	c := &counter{chunks: make([]atomic.Int32, 4), t: t}
	c.pause = func(int, int) {
		in := &counter{chunks: make([]atomic.Int32, 5), t: t}
		p.Run(5, in)
		for i := range in.chunks {
			total.Add(in.chunks[i].Load())
		}
	}
	p.Run(4, c)
	if total.Load() != 20 {
		t.Errorf("%d inner chunks, want 20", total.Load())
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				p.Run(6, &counter{chunks: make([]atomic.Int32, 6), t: t})
			}
		})
	}
	wg.Wait()
}

func TestPoolLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		NewPool(4).Run(16, &counter{chunks: make([]atomic.Int32, 16), t: t})
	}
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// TestPoolRestarts: helpers that have ended come back.
func TestPoolRestarts(t *testing.T) {
	p := NewPool(2)
	for range 30 {
		c := &counter{chunks: make([]atomic.Int32, 4), t: t}
		p.Run(4, c)
		time.Sleep(2 * spinTime)
	}
}

// TestPoolEndingHelpers: a helper that ends just as a run begins leaves the worker to its successor. Pauses are about as
// long as a helper waits, and a chunk takes long enough for two goroutines of one worker to meet.
func TestPoolEndingHelpers(t *testing.T) {
	p := NewPool(3)
	for i := range 3000 {
		c := &counter{chunks: make([]atomic.Int32, 6), t: t}
		c.pause = func(int, int) { spinFor(5 * time.Microsecond) }
		p.Run(6, c)
		spinFor(spinTime - 20*time.Microsecond + time.Duration(i%60)*time.Microsecond)
	}
}

func spinFor(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		runtime.Gosched()
	}
}

func TestPoolOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	TestPoolDoesEveryChunkOnce(t)
}

func TestPoolAllocatesNothing(t *testing.T) {
	p := NewPool(2)
	c := &counter{chunks: make([]atomic.Int32, 4), t: t}
	if n := testing.AllocsPerRun(100, func() { p.Run(4, c) }); n > 0 {
		t.Errorf("%v allocations a run", n)
	}
}

func TestSplit(t *testing.T) {
	for _, n := range []int{0, 1, 31, 32, 33, 100} {
		for parts := 1; parts < 6; parts++ {
			var edges []int
			for part := range parts {
				from, to := Split(n, 32, part, parts)
				edges = append(edges, from, to)
				if from%32 != 0 && from != n {
					t.Errorf("Split(%d) begins at %d", n, from)
				}
			}
			if !slices.IsSorted(edges) || edges[0] != 0 || edges[len(edges)-1] != n {
				t.Errorf("Split(%d, 32, …, %d): %v", n, parts, edges)
			}
		}
	}
}

type nothing struct{}

func (nothing) Chunk(int, int) {}

// BenchmarkPool is a fork and join without work.
func BenchmarkPool(b *testing.B) {
	p := NewPool(2)
	for b.Loop() {
		p.Run(2, nothing{})
	}
}
