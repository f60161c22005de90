package search

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// run is a study under way.
type run struct {
	Study
	ctx       context.Context
	objective Objective

	mutex  sync.Mutex
	moved  sync.Cond // a trial has reported or ended
	trials []*trial  // those begun, by number
}

// trial is one that may be under way.
type trial struct {
	Trial
	lowest        float64 // of the costs reported
	pruned, ended bool
}

func (r *run) wake() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.moved.Broadcast()
}

func (r *run) begin(number int) *trial {
	values := r.Space.combination
	if r.Trials > 0 {
		values = func(i int) []any { return r.Space.draw(r.Seed, i) }
	}
	p := Params{r.Space.names(), values(number), new(atomic.Pointer[ArgumentError])}
	t := &trial{Trial: Trial{Number: number, Params: p}, lowest: math.NaN()}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.trials = append(r.trials, t)
	return t
}

// try runs a trial to its end, whatever that is.
func (r *run) try(t *trial) {
	start := time.Now()
	result, err, returned := math.NaN(), error(nil), false
	defer func() {
		if !returned {
			if v := recover(); v != nil {
				err = &PanicError{Value: v, Stack: string(debug.Stack())}
			} else {
				err = errors.New("search: the trial ended its goroutine") // runtime.Goexit, as testing.T's FailNow does
			}
		}
		t.Seconds = time.Since(start).Seconds()
		r.end(t, result, err)
	}()
	result, err = r.objective(r.ctx, t.Params, func(step int, value float64) error { return r.report(t, step, value) })
	returned = true
}

func (r *run) end(t *trial, result float64, err error) {
	if e := t.Params.err(); e != nil {
		err = e
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	t.Value, t.Err = math.NaN(), err
	switch {
	case err == nil:
		t.State, t.Value = Complete, result
	case errors.Is(err, ErrPruned):
		t.State, t.Value = Pruned, t.last().Value
	case r.ctx.Err() != nil && (errors.Is(err, r.ctx.Err()) || errors.Is(err, context.Cause(r.ctx))):
		t.State = Cancelled
	default:
		t.State = Failed
	}
	t.ended = true
	r.moved.Broadcast()
}

// report takes a report of a trial, and decides whether the trial goes on.
func (r *run) report(t *trial, step int, value float64) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	switch last := t.last(); {
	case t.ended:
		return &ArgumentError{Name: "report", Got: "called after the trial's end", Want: "calls while it runs"}
	case r.ctx.Err() != nil:
		return context.Cause(r.ctx)
	case t.Params.err() != nil:
		return t.Params.err()
	case t.pruned:
		return ErrPruned
	case len(t.Reports) > 0 && step <= last.Step:
		return &ArgumentError{Name: "the reported step", Got: fmt.Sprintf("%d after %d", step, last.Step), Want: "a higher one"}
	}
	t.Reports = append(t.Reports, Point{step, value})
	if c := r.cost(value); worse(c, t.lowest) < 0 {
		t.lowest = c
	}
	r.moved.Broadcast()
	if !r.Prune.looks(t.Number, step) {
		return nil
	}
	before := r.trials[:t.Number]
	for _, other := range before {
		for !other.past(step) && r.ctx.Err() == nil {
			r.moved.Wait()
		}
	}
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	var others []float64
	for _, other := range before {
		at, found := slices.BinarySearchFunc(other.Reports, step, func(p Point, step int) int { return cmp.Compare(p.Step, step) })
		if found {
			others = append(others, r.cost(other.Reports[at].Value))
		}
	}
	if t.pruned = r.Prune.prunes(t.lowest, others); t.pruned {
		return ErrPruned
	}
	return nil
}

// past reports whether all is known that a trial reports up to a step.
func (t *trial) past(step int) bool {
	return t.ended || t.pruned || len(t.Reports) > 0 && t.last().Step >= step
}

// cost is what is minimized.
func (r *run) cost(v float64) float64 {
	if r.Maximize {
		return -v
	}
	return v
}

// results are all trials, which have ended.
func (r *run) results(count int) (Results, error) {
	all := Results{Parameters: r.Space.names(), Maximize: r.Maximize}
	var err error
	if len(r.trials) < count {
		err = context.Cause(r.ctx)
	}
	for _, t := range r.trials {
		all.Trials = append(all.Trials, t.Trial)
		if t.State == Cancelled {
			err = context.Cause(r.ctx)
		}
	}
	return all, err
}
