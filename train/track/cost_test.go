//go:build unix && !race

package track

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// busy is the processor time that this process has taken.
func busy(t testing.TB) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// crowd is 50 browsers that look on.
type crowd struct {
	url    string
	client http.Client
}

func newCrowd(t testing.TB, url string) *crowd {
	c := &crowd{url, http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 50}}}
	t.Cleanup(c.client.CloseIdleConnections)
	return c
}

// ask lets all ask for the data, and returns when they have it.
func (c *crowd) ask(t testing.TB) {
	var browsers sync.WaitGroup
	for range 50 {
		browsers.Go(func() {
			request, err := http.NewRequest("GET", c.url+"data", nil)
			if err != nil {
				t.Error(err)
				return
			}
			request.Header.Set("Accept-Encoding", "gzip")
			answer, err := c.client.Do(request)
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			if _, err := io.Copy(io.Discard, answer.Body); err != nil {
				t.Error(err)
			}
		})
	}
	browsers.Wait()
}

// What 50 browsers cost, their own side of the connections included, is less than a twentieth of one processor's time:
// they get new data once a second. It is processor time that is measured, so that a busy machine doesn't matter.
func TestDashboardCost(t *testing.T) {
	d, url := began(t, time.Second/10)
	d.page.pause = time.Nanosecond // whoever asks gets the newest
	feed(t, d, 0, 2590)
	c := newCrowd(t, url)
	c.ask(t)
	const rounds = 10
	before := busy(t)
	for round := range rounds {
		feed(t, d, 2590+round, 2591+round)
		c.ask(t)
	}
	each := (busy(t) - before) / rounds
	t.Logf("%v of processor time for 50 browsers", each)
	if each > 50*time.Millisecond {
		t.Errorf("50 browsers cost %v, want at most 50ms", each)
	}
}

func BenchmarkDashboardObserve(b *testing.B) {
	d := &Dashboard{Addr: "localhost:0"}
	if err := d.Start(context.Background(), Run{}); err != nil {
		b.Fatal(err)
	}
	defer d.End(nil)
	for step := 1; b.Loop(); step++ {
		d.Observe(Update{Point{Step: step, Loss: 1, GradNorm: 1, Rate: 1, Tokens: int64(step)}, float64(step)})
	}
}

// BenchmarkDashboardSlowdown measures how much longer training takes with 50 browsers than with none. An update is work
// for all processors of about 5 ms. The two are measured in turn, one second each.
func BenchmarkDashboardSlowdown(b *testing.B) {
	d, url := began(b, time.Second)
	feed(b, d, 0, 2000)
	c := newCrowd(b, url)
	step := 2000
	updates := func() (each time.Duration) {
		begun, n := time.Now(), 0
		for ; time.Since(begun) < time.Second; n++ {
			var threads sync.WaitGroup
			for range runtime.GOMAXPROCS(0) {
				threads.Go(func() {
					x := 1.0
					for range 2_000_000 {
						x += 1 / x
					}
					if x < 0 {
						b.Error(x)
					}
				})
			}
			threads.Wait()
			step++
			d.Observe(Update{Point{Step: step, Loss: 1, GradNorm: 1, Tokens: int64(step)}, float64(step)})
		}
		return time.Since(begun) / time.Duration(n)
	}
	var alone, watched time.Duration
	for b.Loop() {
		alone += updates()
		done := make(chan struct{})
		go func() {
			c.ask(b)
			close(done)
		}()
		watched += updates()
		<-done
	}
	b.ReportMetric(100*(float64(watched)/float64(alone)-1), "%slower")
	b.ReportMetric(0, "ns/op")
}
