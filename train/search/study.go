package search

import (
	"context"
	"fmt"
	"runtime"
	"sync"
)

// Study is a search for the parameters with which a function is the lowest.
type Study struct {
	Space  Space
	Trials int    // drawn at random; 0 means a grid, of all combinations of the values of Choice and Integer parameters
	Seed   uint64 // of the random draws

	Maximize bool    // look for the highest result
	Prune    *Median // nil means that all trials run to their end
	Workers  int     // trials that run at once; 0 means as many as runtime.GOMAXPROCS. The results are the same.
}

// Objective is a trial. It runs in a goroutine of its own; a panic there ends the trial only.
type Objective = func(ctx context.Context, p Params, report Report) (result float64, err error)

// maxTrials is more than anyone waits for.
const maxTrials = 1 << 20

// Run makes all trials, in the order of their numbers, and returns when they have ended. When the context ends no more are
// begun, those under way are told by their reports, and Run returns the trials so far and the context's error. A trial
// that fails doesn't end the others.
func (s Study) Run(ctx context.Context, objective Objective) (Results, error) {
	if ctx == nil {
		return Results{}, &ArgumentError{Name: "ctx", Got: "nil", Want: "a context"}
	}
	count, err := s.check(objective)
	if err != nil {
		return Results{}, err
	}
	workers := s.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	r := &run{Study: s, ctx: ctx, objective: objective}
	r.moved.L = &r.mutex
	defer context.AfterFunc(ctx, r.wake)()

	var all sync.WaitGroup
	places := make(chan struct{}, min(workers, count))
	for i := 0; i < count && ctx.Err() == nil; i++ {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		t := r.begin(i)
		all.Go(func() {
			defer func() { <-places }()
			r.try(t)
		})
	}
	all.Wait()
	return r.results(count)
}

// check finds wrong fields, and returns the number of trials.
func (s *Study) check(objective Objective) (int, error) {
	if err := s.Space.check(); err != nil {
		return 0, err
	}
	switch {
	case objective == nil:
		return 0, &ArgumentError{Name: "objective", Got: "nil", Want: "a function"}
	case s.Trials < 0 || s.Trials > maxTrials:
		return 0, &ArgumentError{Name: "Trials", Got: fmt.Sprint(s.Trials), Want: fmt.Sprintf("0 to %d", maxTrials)}
	case s.Workers < 0:
		return 0, &ArgumentError{Name: "Workers", Got: fmt.Sprint(s.Workers), Want: "0 or more"}
	}
	if s.Prune != nil {
		if err := s.Prune.check(); err != nil {
			return 0, err
		}
	}
	if s.Trials == 0 {
		return s.Space.combinations()
	}
	return s.Trials, nil
}
