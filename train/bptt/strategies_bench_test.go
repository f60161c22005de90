package bptt_test

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train"
	"github.com/gobptt/bptt/train/bptt"
)

// BenchmarkStrategies takes sequences through each strategy, and in turn through truncated BPTT in windows of 50: how many
// times that the strategy takes, and what memory it holds. Its lines are the rows of the tables in docs/bptt.md, in less than
// two minutes:
//
//	go test ./train/bptt -run '^$' -bench Strategies -benchtime 3x
func BenchmarkStrategies(b *testing.B) {
	truncated := func(k1, k2 int) train.Strategy { return bptt.Truncated{Window: k1, Reach: k2} }
	full := func(window int) train.Strategy { return bptt.Full{Window: window} }
	checkpointed := func(window int, memory float64) train.Strategy {
		return bptt.Checkpointed{Window: window, Memory: int64(memory)}
	}
	for _, c := range []struct {
		hidden, batch, steps int
		name                 string
		strategy             train.Strategy
	}{
		{128, 8, 200, "Truncated{50}", truncated(50, 0)},
		{128, 8, 200, "Truncated{1,50}", truncated(1, 50)},
		{128, 8, 200, "Full{200}", full(200)},
		{128, 8, 200, "Full{50}", full(50)},
		{128, 8, 200, "Checkpointed{50,2.4MB}", checkpointed(50, 2.4e6)},

		{128, 8, 1000, "Truncated{10}", truncated(10, 0)},
		{128, 8, 1000, "Truncated{50}", truncated(50, 0)},
		{128, 8, 1000, "Truncated{200}", truncated(200, 0)},
		{128, 8, 1000, "Truncated{50,100}", truncated(50, 100)},
		{128, 8, 1000, "Truncated{50,200}", truncated(50, 200)},
		{128, 8, 1000, "Truncated{10,50}", truncated(10, 50)},
		{128, 8, 1000, "Jittered{50}", bptt.Jittered{Window: 50}},
		{128, 8, 1000, "Full{1000}", full(1000)},
		{128, 8, 1000, "Full{50}", full(50)},
		{128, 8, 1000, "Checkpointed{50,22MB}", checkpointed(50, 22e6)},
		{128, 8, 1000, "Checkpointed{50,2.5MB}", checkpointed(50, 2.5e6)},
		{128, 8, 1000, "Checkpointed{50,2.3MB}", checkpointed(50, 2.3e6)},

		{128, 8, 5000, "Truncated{50}", truncated(50, 0)},
		{128, 8, 5000, "Full{5000}", full(5000)},
		{128, 8, 5000, "Full{50}", full(50)},
		{128, 8, 5000, "Checkpointed{50,4MB}", checkpointed(50, 4e6)},
		{128, 8, 5000, "Checkpointed{50,2.5MB}", checkpointed(50, 2.5e6)},
		{128, 8, 5000, "Checkpointed{50,2.3MB}", checkpointed(50, 2.3e6)},

		{128, 8, 20000, "Truncated{50}", truncated(50, 0)},
		{128, 8, 20000, "Full{50}", full(50)},
		{128, 8, 20000, "Checkpointed{200,10MB}", checkpointed(200, 10e6)},
		{128, 8, 20000, "Checkpointed{50,6MB}", checkpointed(50, 6e6)},
		{128, 8, 20000, "Checkpointed{50,2.5MB}", checkpointed(50, 2.5e6)},
		{128, 8, 20000, "Checkpointed{10,1MB}", checkpointed(10, 1e6)},

		{8, 1, 100, "Truncated{10}", truncated(10, 0)},
		{8, 1, 100, "RTRL{50}", bptt.RTRL{Window: 50}},
		{8, 1, 100, "SnAp1{50}", bptt.SnAp1{Window: 50}},
		{8, 1, 100, "UORO{50}", bptt.UORO{Window: 50}},
		{8, 1, 100, "EProp{50}", bptt.EProp{Window: 50}},

		{16, 8, 100, "Truncated{10}", truncated(10, 0)},
		{16, 8, 100, "RTRL{50}", bptt.RTRL{Window: 50}},
		{16, 8, 100, "SnAp1{50}", bptt.SnAp1{Window: 50}},
		{16, 8, 100, "UORO{50}", bptt.UORO{Window: 50}},
		{16, 8, 100, "EProp{50}", bptt.EProp{Window: 50}},

		{32, 1, 100, "Truncated{10}", truncated(10, 0)},
		{32, 1, 100, "RTRL{50}", bptt.RTRL{Window: 50}},
		{32, 1, 100, "SnAp1{50}", bptt.SnAp1{Window: 50}},
		{32, 1, 100, "UORO{50}", bptt.UORO{Window: 50}},
		{32, 1, 100, "EProp{50}", bptt.EProp{Window: 50}},
	} {
		b.Run(fmt.Sprintf("H=%d/B=%d/T=%d/%s", c.hidden, c.batch, c.steps, c.name), func(b *testing.B) {
			reference, _, _ := benchmarkRun(c.hidden, c.batch, c.steps)
			run, _, arena := benchmarkRun(c.hidden, c.batch, c.steps)
			reference.Programs.Options.Threads, run.Programs.Options.Threads = 1, 1 // other programs disturb two more
			var planned bptt.Work
			if s, ok := c.strategy.(bptt.Checkpointed); ok {
				s.Planned = func(w bptt.Work) { planned = w }
				c.strategy = s
			}
			epoch(b, reference, truncated(50, 0), nil)
			before := live()
			_, last := epoch(b, run, c.strategy, nil)
			memory := live() - before + int64(last.Work.Kept)*last.Program.StateBytes()
			if planned.Windows > 0 && planned != last.Work {
				b.Errorf("planned %+v, done %+v", planned, last.Work)
			}

			online, right := c.hidden < 128, 0.
			if online {
				right = cosine(sum(b, run, c.strategy, arena), sum(b, run, full(c.steps), arena))
			}
			var passes, ratios []float64
			for b.Loop() {
				for start := time.Now(); time.Since(start) < 100*time.Millisecond; {
					beside, _ := epoch(b, reference, truncated(50, 0), nil)
					took, _ := epoch(b, run, c.strategy, nil)
					passes = append(passes, took.Seconds())
					ratios = append(ratios, took.Seconds()/beside.Seconds())
				}
			}
			median := func(v []float64) float64 { slices.Sort(v); return v[len(v)/2] }
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(ratios), "times")
			b.ReportMetric(median(passes)*1e6/float64(c.steps), "µs/step")
			b.ReportMetric(float64(memory)/1e6, "MB")
			if planned.Windows > 0 {
				b.ReportMetric(float64(planned.Bytes)/1e6, "plan-MB")
				b.ReportMetric(float64(last.Work.Forward), "forward")
			}
			if online {
				b.ReportMetric(right, "cosine")
			}
		})
	}
}

// epoch takes the data once through a strategy, without an update. It returns the last result, and shows all of them to
// each, if that isn't nil.
func epoch(b *testing.B, r *bptt.Run, s train.Strategy, each func(bptt.Result)) (took time.Duration, last bptt.Result) {
	r.Rewind()
	start := time.Now()
	for {
		result, err := s.Gradient(r)
		if err == io.EOF {
			return time.Since(start), last
		}
		if err != nil {
			b.Fatal(err)
		}
		if last = result; each != nil {
			each(result)
		}
	}
}

// sum is the gradient of all data, from those of a strategy's updates.
func sum(b *testing.B, r *bptt.Run, s train.Strategy, arena *graph.Arena) []float64 {
	all := make([]float64, arena.Grads.Len())
	epoch(b, r, s, func(result bptt.Result) {
		for i := range all {
			all[i] += result.Weight * arena.Grads.At(i)
		}
	})
	return all
}

// cosine of the angle between two vectors.
func cosine(a, b []float64) float64 {
	ab, aa, bb := 0.0, 0.0, 0.0
	for i := range a {
		ab, aa, bb = ab+a[i]*b[i], aa+a[i]*a[i], bb+b[i]*b[i]
	}
	return ab / math.Sqrt(aa*bb)
}

// live is the memory in use after a collection, in bytes.
func live() int64 {
	runtime.GC()
	runtime.GC() // pools let go of what they hold at the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
