package kernel

import "time"

// PeakFlops measures the operations per second that the multiply-adds of the instruction set in use reach on all threads
// of p together, out of registers. It returns the best of what it sees in the given time. Benchmarks compare with it. It
// is 0 if there is no assembly.
func PeakFlops[F Float](p *Pool, d time.Duration) (best float64) {
	im := kernels[F]()
	if im.peak == nil {
		return 0
	}
	t := &peakTask{im.peak, 5000}
	flops := float64(t.rounds * im.peakFlops * p.Threads())
	for end := time.Now().Add(d); time.Now().Before(end); {
		start := time.Now()
		p.Run(p.Threads(), t)
		best = max(best, flops/time.Since(start).Seconds())
	}
	return best
}

type peakTask struct {
	peak   func(rounds int)
	rounds int
}

func (t *peakTask) Chunk(int, int) { t.peak(t.rounds) }
