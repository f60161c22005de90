package graph

import (
	"runtime"
	"testing"
	"time"
)

// trainingProgram is a small model with every kind of memory: plan, slabs, states, masks and indices.
func trainingProgram(t *testing.T, steps, threads int) *Program {
	t.Helper()
	const batch, width = 4, 16
	e, w, u, out := NewParam(ramp, nil, 9, width), NewParam(ramp, nil, width, width), NewParam(ramp, nil, width, width), NewParam(ramp, nil, 9, width)
	b := NewBuilder(Window{T: steps, B: batch, Train: true}, Options{Threads: threads})
	x := b.Dropout(b.Gather(b.Param(e), b.Ints("k", steps*batch), -1), b.DropoutMask(0.1, steps*batch, width))
	y, last := b.Recur(tanhCell, false, b.Linear(x, b.Param(w), nil), b.Param(u), nil, []*Node{b.State("h", width)})
	b.SetState("h", last[0])
	p, err := b.Compile(b.CrossEntropy(b.Linear(b.Sigmoid(y), b.Param(out), nil), b.Ints("target", steps*batch)), Gradients{States: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// heap is the memory in use after a collection.
func heap() (inUse, allocated uint64) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.TotalAlloc
}

// TestSteadyState: thousands of runs take no more memory than the first ones, leave no goroutine, and allocate little.
func TestSteadyState(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	p := trainingProgram(t, 10, 2)
	s := States{}
	step := func(seed uint64) {
		if err := p.Load(s); err != nil {
			t.Fatal(err)
		}
		run(t, p, seed)
		p.Store(s)
	}
	for seed := range uint64(50) {
		step(seed)
	}
	const runs = 2000
	before, allocatedBefore := heap()
	for seed := range uint64(runs) {
		step(seed)
	}
	after, allocated := heap()
	perNode := float64(allocated-allocatedBefore) / runs / float64(p.Nodes())
	t.Logf("%d nodes, %.0f bytes allocated a node and run, heap %d bytes before and %d after", p.Nodes(), perNode, before, after)
	if after > before+64<<10 {
		t.Errorf("%d runs left %d bytes", runs, after-before)
	}
	if perNode > 1024 { // about 10, but the race detector's own are among them; one op's result here is 2560
		t.Errorf("%.0f bytes allocated a node and run", perNode)
	}
	deadline := time.Now().Add(time.Second)
	for runtime.NumGoroutine() > goroutines && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
	runtime.KeepAlive(p)
}

// TestFailedRunsLeaveNothing: the machine's goroutine ends also when an op fails.
func TestFailedRunsLeaveNothing(t *testing.T) {
	p := trainingProgram(t, 10, 2)
	k := make([]int32, 40)
	k[17] = 99
	if err := p.SetInts("k", k); err != nil {
		t.Fatal(err)
	}
	goroutines := runtime.NumGoroutine()
	for range 200 {
		if p.Run(1) == nil {
			t.Fatal("no error")
		}
	}
	deadline := time.Now().Add(time.Second)
	for runtime.NumGoroutine() > goroutines && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
}

// TestDroppedPrograms: a program that nothing refers to is collected, with its graph.
func TestDroppedPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles many programs")
	}
	for range 5 {
		run(t, trainingProgram(t, 40, 1), 1)
	}
	before, _ := heap()
	for range 40 {
		run(t, trainingProgram(t, 40, 1), 1)
	}
	time.Sleep(10 * time.Millisecond) // finalizers run in a goroutine of their own
	after, _ := heap()
	t.Logf("heap %d bytes before and %d after 40 programs", before, after)
	if after > before+1<<20 {
		t.Errorf("40 dropped programs left %d bytes", after-before)
	}
}
