package train

import "syscall"

// peakMB is the process's largest resident memory so far.
func peakMB() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return float64(usage.Maxrss) / 1024 // Linux counts in KiB
}
