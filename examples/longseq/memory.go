package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// peak is the largest resident memory of the process so far, in bytes: where the system doesn't tell (it does on Linux),
// what Go has taken of it.
func peak() int64 {
	data, err := os.ReadFile("/proc/self/status")
	if err == nil {
		for line := range strings.Lines(string(data)) {
			var kib int64
			if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
				return kib << 10
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}

// size writes bytes.
func size(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
