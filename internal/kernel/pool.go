package kernel

import (
	"sync/atomic"
	"time"
)

// spinTime is how long an idle worker waits for the next task before its goroutine ends. It covers the gap between two
// time steps of a recurrent network; a longer one would only take the processor from others.
const spinTime = 50 * time.Microsecond

// Task is work that a Pool runs on several workers at once.
type Task interface {
	// Work does the share of worker w. Workers divide the work by w.Index and w.Count, usually with Split.
	Work(w *Worker)
}

// Pool runs tasks on a fixed number of workers. The caller of Run is worker 0; the others are goroutines that spin for
// a short time after a task and then end by themselves, to be started again by the next Run. So a Pool needs no Close and
// leaves no goroutine behind.
//
// A Pool serves one Run at a time. A Run that starts while another one is under way, nested in a task or in another
// goroutine, does all of its work on its caller.
//
// A nil *Pool is a pool of one thread.
type Pool struct {
	helpers []helper
	workers []Worker
	busy    atomic.Bool

	// Written by Run before it wakes the helpers.
	task  Task
	count int

	_       [64]byte
	pending atomic.Int64 // helpers that have not finished this Run
	_       [56]byte
	arrived atomic.Int64 // workers waiting at the barrier
	phase   atomic.Uint64
	failed  atomic.Bool // a worker panicked: barriers no longer wait
	_       [32]byte

	panicked atomic.Pointer[workerPanic] // first panic of a helper
}

// Worker is one of the workers of a Run. It is valid only inside Task.Work.
type Worker struct {
	pool  *Pool
	index int
}

// helper states. A helper moves from waiting to dead by itself and is moved to working only by Run.
const (
	helperDead uint32 = iota
	helperWaiting
	helperWorking
)

// helper is the state of one goroutine of a Pool, alone on its cache lines.
type helper struct {
	state atomic.Uint32
	start func() // body of the goroutine, made once so that starting it allocates nothing
	_     [112]byte
}

type workerPanic struct{ value any }

// released is the panic that takes a worker out of a barrier after another worker failed.
type released struct{}

// solo is the worker of a Run that has no one to share with. It has no state, so everyone can use it at once.
var solo Worker

// NewPool returns a pool of the given number of threads, at least one. It starts nothing until the first Run.
func NewPool(threads int) *Pool {
	threads = max(threads, 1)
	p := &Pool{helpers: make([]helper, threads-1), workers: make([]Worker, threads)}
	for i := range p.workers {
		p.workers[i] = Worker{pool: p, index: i}
	}
	for i := range p.helpers {
		h, w := &p.helpers[i], &p.workers[i+1]
		h.start = func() { p.help(h, w) }
	}
	return p
}

// Threads returns the number of workers.
func (p *Pool) Threads() int {
	if p == nil {
		return 1
	}
	return len(p.workers)
}

// Run calls t.Work on min(workers, p.Threads()) workers at once, at least one, and returns when all have finished. If a
// worker panics, the others are released from their barriers and Run panics with the same value once all have stopped.
func (p *Pool) Run(workers int, t Task) {
	workers = min(workers, p.Threads())
	if workers <= 1 || !p.busy.CompareAndSwap(false, true) {
		t.Work(&solo)
		return
	}
	p.task, p.count = t, workers
	p.pending.Store(int64(workers - 1))
	for i := range workers - 1 {
		h := &p.helpers[i]
		if h.state.Swap(helperWorking) == helperDead {
			go h.start()
		}
	}
	p.lead(t)
}

// lead does worker 0's share and waits for the helpers, even when the share panics: they may still use its memory.
func (p *Pool) lead(t Task) {
	done := false
	defer func() {
		if !done {
			p.failed.Store(true)
		}
		for s := (spin{}); p.pending.Load() != 0; {
			s.pause()
		}
		failure := p.panicked.Load()
		if !done {
			// A worker 0 that only left a barrier gives way to the panic that released it.
			if failure != nil {
				if v := recover(); v != nil && v != any(released{}) {
					failure = &workerPanic{v}
				}
			}
		}
		p.task = nil
		if !done || failure != nil {
			p.panicked.Store(nil)
			p.failed.Store(false)
			p.arrived.Store(0)
		}
		p.busy.Store(false)
		if failure != nil {
			panic(failure.value)
		}
	}()
	t.Work(&p.workers[0])
	done = true
}

// help is the goroutine of one helper.
func (p *Pool) help(h *helper, w *Worker) {
	for {
		p.work(h, w)
		h.state.Store(helperWaiting)
		p.pending.Add(-1)
		if !h.wait() {
			return
		}
	}
}

// wait spins until there is work again. It reports false, with the helper dead, if none came in time.
func (h *helper) wait() bool {
	for s := (spin{}); h.state.Load() != helperWorking; {
		s.pause()
		if s.polls%spinLoads == 0 && s.waited() > spinTime && h.state.CompareAndSwap(helperWaiting, helperDead) {
			return false
		}
	}
	return true
}

// work does the share of worker w and keeps its panic for the caller of Run.
func (p *Pool) work(h *helper, w *Worker) {
	done := false
	defer func() {
		if done {
			return
		}
		v := recover()
		if v == any(released{}) {
			return
		}
		exit := v == nil
		if exit {
			v = "kernel: a task called runtime.Goexit"
		}
		p.panicked.CompareAndSwap(nil, &workerPanic{v})
		p.failed.Store(true)
		if exit { // this goroutine will not come back to help
			h.state.Store(helperDead)
			p.pending.Add(-1)
		}
	}()
	p.task.Work(w)
	done = true
}

// Index returns the number of the worker, from 0 to Count-1.
func (w *Worker) Index() int { return w.index }

// Count returns the number of workers of this Run.
func (w *Worker) Count() int {
	if w.pool == nil {
		return 1
	}
	return w.pool.count
}

// Barrier waits until all workers of this Run have called it as often as this one.
func (w *Worker) Barrier() {
	p := w.pool
	if p == nil {
		return
	}
	phase := p.phase.Load()
	if p.arrived.Add(1) == int64(p.count) {
		p.arrived.Store(0)
		p.phase.Add(1)
		return
	}
	for s := (spin{}); p.phase.Load() == phase; {
		if p.failed.Load() {
			panic(released{})
		}
		s.pause()
	}
}

// Split returns worker's contiguous share of [0, n) when workers divide it as evenly as edges at multiples of align
// allow. The shares of all workers together are [0, n); some may be empty.
func Split(n, align, worker, workers int) (from, to int) {
	units := (n + align - 1) / align
	from = min(units*worker/workers*align, n)
	to = min(units*(worker+1)/workers*align, n)
	return from, to
}
