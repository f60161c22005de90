package bptt

import (
	"fmt"
	"math"

	"github.com/gobptt/bptt/graph"
)

// Full is backpropagation through time over whole sequences, however long: all windows forward, then all windows backward,
// from the last to the first. The gradient is exact. The memory grows with the length; Checkpointed bounds it.
//
// A sequence is what the data give until all rows of a batch end at once, or the epoch; an update is made for each.
type Full struct {
	Window int // time steps of a compiled window, in which the sequence is computed; required
}

// Gradient goes through the next sequence. It leaves the gradient in the parameters, and passes on the data's io.EOF.
func (s Full) Gradient(r *Run) (Result, error) {
	if s.Window < 1 {
		return Result{}, &graph.ArgumentError{Op: "bptt.Full", Name: "Window", Got: fmt.Sprint(s.Window), Want: "at least 1"}
	}
	return r.checkpointed(s.Window, func(n int, _ memory) (Work, error) { return planWith(n, n, 0), nil }, nil)
}

// Checkpointed is Full within a limit of memory: of all windows but a few only the state before them is kept, of some not
// even that, and they are computed again when it is their turn (Griewank and Walther 2000; for recurrent networks, Gruslys
// et al. 2016). The gradient is exact, dropout included. With memory for all states between windows, each window is
// computed forward twice.
type Checkpointed struct {
	Window int // time steps of a compiled window; required

	// Memory in bytes for activations and kept states; see ParseBytes. The parameters, their gradients, the sequence's own
	// data and the compiled graphs of the windows held at once (2 KB a node, two nodes a time step of a fused cell) come on
	// top.
	Memory int64
	// Planned is told what will be kept and computed, before the first window is; it may be nil.
	Planned func(Work)
}

// Work is what it takes, or has taken, to go through a sequence.
type Work struct {
	Windows int // in the sequence
	Held    int // windows whose activations are held at once
	Kept    int // states between windows that are kept at once, besides that at the sequence's start
	Forward int // windows computed forward; what exceeds Windows was computed again
	Bytes   int64
}

// MemoryError says that a limit of memory is too low.
type MemoryError struct {
	Op          string
	Given, Need int64 // bytes
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("%s: %s of memory are too few; it takes %s", e.Op, bytesOf(e.Given), bytesOf(e.Need))
}

// Gradient goes through the next sequence. It leaves the gradient in the parameters, and passes on the data's io.EOF.
func (s Checkpointed) Gradient(r *Run) (Result, error) {
	if s.Window < 1 {
		return Result{}, &graph.ArgumentError{Op: "bptt.Checkpointed", Name: "Window", Got: fmt.Sprint(s.Window), Want: "at least 1"}
	}
	return r.checkpointed(s.Window, func(n int, m memory) (Work, error) { return plan(n, m, s.Memory) }, s.Planned)
}

// memory is what a sequence's parts take, in bytes.
type memory struct {
	window, state int64
	last          int64 // a last window of another length; 0 if there is none
}

// plan finds the fastest way through n windows within a limit of memory.
func plan(n int, m memory, limit int64) (Work, error) {
	// Besides the states that are kept: that at the start, that which is carried, and the gradient.
	fixed := 3*m.state + m.last
	if need := m.window + fixed; limit < need {
		return Work{}, &MemoryError{Op: "bptt.Checkpointed", Given: limit, Need: need}
	}
	var best Work
	least := math.MaxInt
	for held := 1; held <= n && int64(held)*m.window+fixed <= limit; held++ {
		blocks := (n + held - 1) / held
		free := limit - int64(held)*m.window - fixed
		kept := blocks - 1
		if m.state > 0 {
			kept = int(min(int64(kept), free/m.state))
		}
		w := planWith(n, held, kept)
		w.Bytes = int64(held)*m.window + int64(kept)*m.state + fixed
		// All windows of a block but its last have left the processor's cache when it is their turn to be gone back through;
		// that costs about a third of a forward pass.
		if cost := 3*w.Forward + n - blocks; cost < least {
			best, least = w, cost
		}
	}
	return best, nil
}

// planWith is the work of n windows in blocks of held ones, with room for kept states. The first block may be shorter.
func planWith(n, held, kept int) Work {
	blocks := (n + held - 1) / held
	missing := blocks*held - n
	return Work{Windows: n, Held: held, Kept: kept, Forward: n + held*advances(blocks, kept) - missing*firstAdvances(blocks, kept)}
}

// checkpointed goes through a sequence as planned.
func (r *Run) checkpointed(steps int, plan func(n int, m memory) (Work, error), planned func(Work)) (Result, error) {
	if err := r.require(steps); err != nil {
		return Result{}, err
	}
	windows, err := r.sequence(steps)
	if err != nil {
		return Result{}, err
	}
	p, err := r.Programs.get(windows[0].batch, chained, 0)
	if err != nil {
		return Result{}, err
	}
	m := memory{window: int64(p.Bytes()), state: p.StateBytes()}
	last, err := r.Programs.get(windows[len(windows)-1].batch, chained, 0)
	if err != nil {
		return Result{}, err
	}
	if last != p {
		m.last = int64(last.Bytes())
	}
	work, err := plan(len(windows), m)
	if err != nil {
		return Result{}, err
	}
	if planned != nil {
		planned(work)
	}
	blocks := (len(windows) + work.Held - 1) / work.Held
	c := &checkpointing{r: r, windows: windows, blocks: blocks, held: work.Held, done: Work{Windows: len(windows), Bytes: work.Bytes}}
	if err := c.through(0, blocks, work.Kept); err != nil {
		return Result{}, err
	}
	result := summary(windows)
	if !finite(result.Loss) {
		if result.Program, err = c.firstNonFinite(); err != nil {
			return Result{}, err
		}
	}
	r.States = c.last
	result.Work, result.Recordings = c.done, c.chain.recordings()
	return result, nil
}

// checkpointing goes through blocks of windows, from the last to the first.
type checkpointing struct {
	r       *Run
	windows []*window
	blocks  int
	held    int     // windows of a block
	total   float64 // weight of all targets
	chain   chain
	last    graph.States // after the last window
	kept    int          // states kept now
	done    Work
}

// start is the first window of a block.
func (c *checkpointing) start(block int) int { return max(0, len(c.windows)-(c.blocks-block)*c.held) }

// through goes back through the blocks from ≤ b < to. The run's states are those before them.
func (c *checkpointing) through(from, to, room int) error {
	if to-from == 1 {
		return c.block(from)
	}
	start := c.r.States
	if room == 0 {
		for b := to - 1; b >= from; b-- {
			c.r.States = start.Clone()
			if err := c.advance(from, b); err != nil {
				return err
			}
			if err := c.block(b); err != nil {
				return err
			}
		}
		return nil
	}
	middle := from + split(to-from, room)
	c.r.States = start.Clone()
	if err := c.advance(from, middle); err != nil {
		return err
	}
	c.kept++
	c.done.Kept = max(c.done.Kept, c.kept)
	if err := c.through(middle, to, room-1); err != nil {
		return err
	}
	c.kept--
	c.r.States = start
	return c.through(from, middle, room)
}

// advance computes blocks forward only for the state after them.
func (c *checkpointing) advance(from, to int) error {
	for _, w := range c.windows[c.start(from):c.start(to)] {
		c.done.Forward++
		if err := c.r.forward(w, chained, 0); err != nil {
			return err
		}
	}
	return nil
}

// block computes the windows of a block forward, each in memory of its own, and goes back through them.
func (c *checkpointing) block(b int) error {
	windows := c.windows[c.start(b):c.start(b+1)]
	for i, w := range windows {
		c.done.Forward++
		c.done.Held = max(c.done.Held, i+1)
		w.instance = freeInstance(windows[:i], w.batch.T)
		if err := c.r.forward(w, chained, w.instance); err != nil {
			return err
		}
	}
	if c.last == nil { // all windows have been computed once
		c.last = c.r.States.Clone()
		for _, w := range c.windows {
			c.total += w.weight
		}
	}
	for i := len(windows) - 1; i >= 0; i-- {
		if err := c.chain.back(windows[i], shareOf(windows[i].weight, c.total)); err != nil {
			return err
		}
	}
	return nil
}

// firstNonFinite returns the program of the first window whose cost isn't finite, holding that window. The programs hold
// the first block, which was gone through last, and the run the state after it.
func (c *checkpointing) firstNonFinite() (*graph.Program, error) {
	for i, w := range c.windows {
		if i >= c.start(1) {
			if err := c.r.forward(w, chained, 0); err != nil {
				return nil, err
			}
		}
		if !finite(w.cost) {
			return w.program, nil
		}
	}
	return c.windows[0].program, nil // no window's cost, but their sum
}
