package kernel

import (
	"runtime"
	"time"
)

const (
	// spinLoads is the number of polls (less than a microsecond) between two calls of the scheduler while spinning. The
	// calls let the others run when there are fewer processors than workers.
	spinLoads = 500

	// spinPatience is how long a worker spins for another one that is at work. The other one may have lost its processor
	// to another program by then, so it sleeps in between and leaves its own.
	spinPatience = 300 * time.Microsecond
	spinSleep    = 20 * time.Microsecond
)

// spin is the state of one wait.
type spin struct {
	polls int
	start time.Time
}

// pause is called after each poll that found nothing to do.
func (s *spin) pause() {
	if s.polls++; s.polls%spinLoads == 0 {
		s.yield()
	}
}

func (s *spin) yield() {
	if s.waited() > spinPatience {
		time.Sleep(spinSleep)
	} else {
		runtime.Gosched()
	}
}

// waited returns the time since its first call.
func (s *spin) waited() time.Duration {
	if s.start.IsZero() {
		s.start = time.Now()
		return 0
	}
	return time.Since(s.start)
}
