package kernel

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type taskFunc func(w *Worker)

func (f taskFunc) Work(w *Worker) { f(w) }

func TestSplit(t *testing.T) {
	for _, align := range []int{1, 3, 16, 32} {
		for n := range 200 {
			for workers := 1; workers < 9; workers++ {
				end, least, most := 0, n, 0
				for w := range workers {
					from, to := Split(n, align, w, workers)
					if from != end || to < from || from%align != 0 && from != n {
						t.Fatalf("Split(%d, %d, %d, %d) = %d, %d after %d", n, align, w, workers, from, to, end)
					}
					units := (to - from + align - 1) / align
					end, least, most = to, min(least, units), max(most, units)
				}
				if end != n || most-least > 1 {
					t.Fatalf("Split(%d, %d) over %d workers ends at %d with shares of %d to %d units", n, align, workers, end, least, most)
				}
			}
		}
	}
}

func TestPoolRun(t *testing.T) {
	for threads := -1; threads <= 5; threads++ {
		p := NewPool(threads)
		if p.Threads() != max(threads, 1) {
			t.Fatalf("NewPool(%d).Threads() = %d", threads, p.Threads())
		}
		for workers := 0; workers <= 6; workers++ {
			for range 50 {
				want := max(1, min(workers, p.Threads()))
				calls := make([]atomic.Int32, want)
				p.Run(workers, taskFunc(func(w *Worker) {
					if w.Count() != want {
						t.Errorf("Count() = %d, want %d", w.Count(), want)
					}
					calls[w.Index()].Add(1)
				}))
				for i := range calls {
					if n := calls[i].Load(); n != 1 {
						t.Fatalf("%d threads, %d workers: worker %d ran %d times", threads, workers, i, n)
					}
				}
			}
		}
	}
}

func TestPoolNil(t *testing.T) {
	var p *Pool
	if p.Threads() != 1 {
		t.Errorf("Threads() = %d", p.Threads())
	}
	ran := false
	p.Run(4, taskFunc(func(w *Worker) {
		w.Barrier()
		ran = w.Index() == 0 && w.Count() == 1
	}))
	if !ran {
		t.Error("task did not run as the only worker")
	}
}

// TestPoolRestart lets the helpers end between two tasks, at all moments around their decision to end.
func TestPoolRestart(t *testing.T) {
	p := NewPool(3)
	for i := range 300 {
		var n atomic.Int32
		p.Run(3, taskFunc(func(w *Worker) { n.Add(1) }))
		if n.Load() != 3 {
			t.Fatalf("run %d: %d workers", i, n.Load())
		}
		for until := time.Now().Add(time.Duration(i%20) * spinTime / 10); time.Now().Before(until); {
			runtime.Gosched()
		}
	}
}

func TestPoolBarrier(t *testing.T) {
	const rounds = 300
	for _, procs := range []int{1, 2} {
		t.Run(fmt.Sprint("GOMAXPROCS ", procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			p := NewPool(4)
			slots := make([]int, 4) // plain memory: the barriers must order the accesses
			p.Run(4, taskFunc(func(w *Worker) {
				for round := range rounds {
					slots[w.Index()] = round
					w.Barrier()
					for i, s := range slots {
						if s != round {
							t.Errorf("worker %d sees %d of worker %d in round %d", w.Index(), s, i, round)
						}
					}
					w.Barrier()
				}
			}))
		})
	}
}

func TestPoolPanic(t *testing.T) {
	p := NewPool(4)
	for who := range 4 {
		for _, barrier := range []bool{false, true} {
			value := fmt.Sprint("worker ", who)
			got := func() (v any) {
				defer func() { v = recover() }()
				p.Run(4, taskFunc(func(w *Worker) {
					if w.Index() == who {
						panic(value)
					}
					if barrier {
						w.Barrier()
						t.Error("a barrier was passed without all workers")
					}
				}))
				return nil
			}()
			if got != value {
				t.Errorf("barrier %t: panic %v, want %v", barrier, got, value)
			}
			var n atomic.Int32
			p.Run(4, taskFunc(func(w *Worker) {
				w.Barrier()
				n.Add(1)
			}))
			if n.Load() != 4 {
				t.Fatalf("after a panic %d workers ran", n.Load())
			}
		}
	}
}

func TestPoolGoexit(t *testing.T) {
	p := NewPool(2)
	defer func() {
		if v := recover(); v == nil {
			t.Error("no panic although a worker ended its goroutine")
		}
		p.Run(2, taskFunc(func(w *Worker) { w.Barrier() }))
	}()
	p.Run(2, taskFunc(func(w *Worker) {
		if w.Index() == 1 {
			runtime.Goexit()
		}
	}))
}

func TestPoolNested(t *testing.T) {
	p := NewPool(3)
	var inner atomic.Int32
	p.Run(3, taskFunc(func(w *Worker) {
		p.Run(3, taskFunc(func(w *Worker) {
			w.Barrier()
			if w.Count() != 1 {
				t.Errorf("a nested run has %d workers", w.Count())
			}
			inner.Add(1)
		}))
	}))
	if inner.Load() != 3 {
		t.Errorf("%d nested runs, want 3", inner.Load())
	}
}

func TestPoolConcurrent(t *testing.T) {
	p := NewPool(2)
	var n atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				p.Run(2, taskFunc(func(w *Worker) {
					w.Barrier()
					if w.Index() == 0 {
						n.Add(1)
					}
				}))
			}
		})
	}
	wg.Wait()
	if n.Load() != 800 {
		t.Errorf("%d tasks ran, want 800", n.Load())
	}
}

func TestPoolLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		NewPool(5).Run(5, taskFunc(func(w *Worker) { w.Barrier() }))
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

type nothing struct{}

func (nothing) Work(*Worker) {}

func TestPoolAllocs(t *testing.T) {
	for _, p := range []*Pool{nil, NewPool(1), NewPool(2)} {
		if n := testing.AllocsPerRun(100, func() { p.Run(2, nothing{}) }); n >= 1 {
			t.Errorf("%d threads: %v allocations", p.Threads(), n)
		}
	}
}

// BenchmarkForkJoin is an empty task on two workers that are awake; BenchmarkBarrier is one barrier of a task.
func BenchmarkForkJoin(b *testing.B) {
	p := NewPool(2)
	for b.Loop() {
		p.Run(2, nothing{})
	}
}

func BenchmarkBarrier(b *testing.B) {
	NewPool(2).Run(2, taskFunc(func(w *Worker) {
		for range b.N {
			w.Barrier()
		}
	}))
}
