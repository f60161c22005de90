package kernel

import (
	"runtime"
	"sync/atomic"
	"time"
)

// spinTime is how long an idle helper waits for the next run before its goroutine ends. It covers the gap between two
// time steps of a recurrent network; a longer one would only take the processor from others.
const spinTime = 50 * time.Microsecond

// spinLoads is the number of polls (about a microsecond) between two calls of the scheduler while spinning.
const spinLoads = 1000

// Task is work in chunks that can be done in any order and at the same time.
type Task interface {
	// Chunk does chunk i. The worker that does it, from 0 to Pool.Threads-1, does no other chunk meanwhile.
	Chunk(i, worker int)
}

// Pool runs tasks on several threads. The caller of Run is worker 0; the others are goroutines that spin for a short
// time after a run and then end by themselves, to be started again by the next Run. So a Pool needs no Close and leaves
// no goroutine behind.
//
// Every worker has a share of the chunks, always the same one for the same number of chunks, so that what a chunk reads
// stays in the cache of one core from run to run. A worker that is done takes over what others have not begun: on a
// machine that is busy with other things, nobody waits for a worker that isn't running.
//
// A Pool serves one Run at a time. A Run that starts while another one is under way, nested in a task or in another
// goroutine, does all of its chunks on its caller.
//
// A nil *Pool is a pool of one thread.
type Pool struct {
	helpers []helper
	shares  []share // by worker
	busy    atomic.Bool

	// Written by Run before it offers the shares, read by those who have taken a chunk.
	task     Task
	panicked atomic.Pointer[any]

	_    [64]byte
	runs atomic.Uint64 // Runs begun so far
	_    [56]byte
	done atomic.Int64 // chunks done in this Run
	_    [56]byte
}

// helper is the goroutine of one worker, alone on its cache lines.
type helper struct {
	alive atomic.Bool
	start func() // body of the goroutine, made once so that starting it allocates nothing
	_     [112]byte
}

// share is the range of chunks that a worker has not begun, with the low bits of the number of the Run: someone who
// still looks for work of an earlier Run finds the share changed. It is alone on its cache lines.
type share struct {
	atomic.Uint64
	_ [120]byte
}

const (
	chunkBits = 20
	maxChunks = 1<<chunkBits - 1
)

func pack(run uint64, next, end int) uint64 {
	return run<<(2*chunkBits) | uint64(next)<<chunkBits | uint64(end)
}

// take claims a chunk, the first of the share or the last.
func (s *share) take(run uint64, last bool) (chunk int, ok bool) {
	for {
		v := s.Load()
		next, end := int(v>>chunkBits&maxChunks), int(v&maxChunks)
		if v != pack(run, next, end) || next >= end {
			return 0, false
		}
		chunk, left := next, pack(run, next+1, end)
		if last {
			chunk, left = end-1, pack(run, next, end-1)
		}
		if s.CompareAndSwap(v, left) {
			return chunk, true
		}
	}
}

// NewPool returns a pool of the given number of threads, at least one. It starts nothing until the first Run.
func NewPool(threads int) *Pool {
	threads = max(threads, 1)
	p := &Pool{helpers: make([]helper, threads-1), shares: make([]share, threads)}
	for i := range p.helpers {
		h := &p.helpers[i]
		h.start = func() { p.help(h, i+1) }
	}
	return p
}

// Threads returns the number of workers.
func (p *Pool) Threads() int {
	if p == nil {
		return 1
	}
	return len(p.shares)
}

// Run does chunks 0 to chunks-1 of a task, and returns when all are done. If one panics, Run panics with the same value
// after the others.
func (p *Pool) Run(chunks int, t Task) {
	workers := min(p.Threads(), chunks)
	if workers <= 1 || chunks > maxChunks || !p.busy.CompareAndSwap(false, true) {
		for i := range chunks {
			t.Chunk(i, 0)
		}
		return
	}
	run := p.runs.Load() + 1
	p.task = t
	p.done.Store(0)
	for w := range p.shares {
		from, to := 0, 0
		if w < workers {
			from, to = chunks*w/workers, chunks*(w+1)/workers
		}
		p.shares[w].Store(pack(run, from, to))
	}
	p.runs.Store(run)
	for i := range p.helpers[:workers-1] {
		if h := &p.helpers[i]; !h.alive.Load() && h.alive.CompareAndSwap(false, true) {
			go h.start()
		}
	}
	p.work(run, 0)
	for n := 1; p.done.Load() != int64(chunks); n++ {
		yield(n)
	}
	p.task = nil
	failure := p.panicked.Swap(nil)
	p.busy.Store(false)
	if failure != nil {
		panic(*failure)
	}
}

// work does a worker's own share from its front, and then takes chunks from the back of the others'.
func (p *Pool) work(run uint64, worker int) {
	for i := range p.shares {
		s := &p.shares[(worker+i)%len(p.shares)]
		for {
			chunk, ok := s.take(run, i > 0)
			if !ok {
				break
			}
			p.chunk(chunk, worker)
		}
	}
}

// chunk does one chunk and keeps its panic for the caller of Run.
func (p *Pool) chunk(chunk, worker int) {
	ok := false
	defer func() {
		if !ok {
			v := recover()
			if v == nil {
				v = "kernel: a task called runtime.Goexit"
			}
			p.panicked.CompareAndSwap(nil, &v)
		}
		p.done.Add(1)
	}()
	p.task.Chunk(chunk, worker)
	ok = true
}

// help is the goroutine of a helper: it works in every run that it sees, until none has come for a while.
func (p *Pool) help(h *helper, worker int) {
	ended := false
	defer func() {
		if !ended { // a task has ended the goroutine
			h.alive.Store(false)
		}
	}()
	run := uint64(0)
	for {
		if now := p.runs.Load(); now != run {
			run = now
			p.work(run, worker)
			continue
		}
		if p.wait(run) {
			continue
		}
		h.alive.Store(false)
		// A run may have begun before it could see that this helper ends. If it has started another one by now, the worker
		// is that one's, and alive speaks of it.
		if p.runs.Load() == run || !h.alive.CompareAndSwap(false, true) {
			ended = true
			return
		}
	}
}

// wait spins until another run begins, and reports whether one came in time.
func (p *Pool) wait(run uint64) bool {
	var deadline time.Time
	for n := 1; p.runs.Load() == run; n++ {
		yield(n)
		if n%spinLoads != 0 {
			continue
		}
		now := time.Now()
		if deadline.IsZero() {
			deadline = now.Add(spinTime)
		}
		if now.After(deadline) {
			return false
		}
	}
	return true
}

// yield is called in the n-th round of a waiting loop. At first it only lets other goroutines run now and then; who waits
// for long waits for someone whom the system has stopped, and had better leave him the processor.
func yield(n int) {
	switch {
	case n%spinLoads != 0:
	case n < 300*spinLoads:
		runtime.Gosched()
	default:
		time.Sleep(20 * time.Microsecond)
	}
}

// Split returns a contiguous share of [0, n), when parts divide it as evenly as edges at multiples of align allow. The
// shares of all parts together are [0, n); some may be empty.
func Split(n, align, part, parts int) (from, to int) {
	units := (n + align - 1) / align
	from = min(units*part/parts*align, n)
	to = min(units*(part+1)/parts*align, n)
	return from, to
}
