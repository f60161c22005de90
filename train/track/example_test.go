package track

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Output that is no terminal gets plain lines: the first step, one at most every five seconds, and the last step.
func ExampleProgress() {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := start
	progress := &Progress{
		Out: os.Stdout,
		now: func() time.Time { return now }, // so that this example always prints the same
	}

	progress.Start(context.Background(), Run{Steps: 2000, Unit: Nats})
	for step := 1; step <= 2000; step++ {
		now = now.Add(10 * time.Millisecond)
		progress.Observe(Update{
			Point:   Point{Step: step, Loss: 1 + 3/float64(step), Tokens: 512 * int64(step)},
			Seconds: 0.01 * float64(step),
		})
		if step == 1000 {
			progress.Println("validation: loss 1.2345")
		}
	}
	progress.End(nil)
	// Output:
	// step 1/2000  loss 4.0000  ppl 54.6  51.2k tok/s  20s left
	// step 501/2000  loss 1.0068  ppl 2.737  51.2k tok/s  15s left
	// validation: loss 1.2345
	// step 1001/2000  loss 1.0032  ppl 2.727  51.2k tok/s  10s left
	// step 1501/2000  loss 1.0021  ppl 2.724  51.2k tok/s  5s left
	// step 2000/2000  loss 1.0015  ppl 2.722  51.2k tok/s  in 20s
}

func ExampleHistory_CSV() {
	var h History
	h.AddTrain(Point{Step: 1, Loss: 4.17, GradNorm: 2.5, Rate: 0.002, Tokens: 3200})
	h.AddTrain(Point{Step: 2, Loss: 3.98, GradNorm: 1.75, Rate: 0.002, Tokens: 6400})
	h.AddValidation(Point{Step: 2, Loss: 4.02, Rate: 0.002, Tokens: 6400})
	fmt.Print(h.CSV())
	// Output:
	// set,step,loss,grad_norm,rate,tokens
	// train,1,4.17,2.5,0.002,3200
	// train,2,3.98,1.75,0.002,6400
	// validation,2,4.02,0,0.002,6400
}

func ExampleHistory_Best() {
	var h History
	for i, loss := range []float64{2.5, 1.9, 1.7, 1.8} {
		h.AddValidation(Point{Step: 100 * (i + 1), Loss: loss})
	}
	if best, ok := h.Best(); ok {
		fmt.Printf("best validation loss %.1f at step %d\n", best.Loss, best.Step)
	}
	// Output: best validation loss 1.7 at step 300
}

// A run that is resumed after step 1 goes on in the same file; what came after step 1 is told again.
func ExampleJSONLines() {
	dir, err := os.MkdirTemp("", "")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "run.jsonl")
	for _, done := range []int{0, 1} {
		watch := Observers{&JSONLines{Path: path}}
		check(watch.Start(context.Background(), Run{Step: done, Steps: 2}))
		for step := done + 1; step <= 2; step++ {
			point := Point{Step: step, Loss: 4.5 - float64(step), GradNorm: 2.5, Rate: 0.002, Tokens: 3200 * int64(step)}
			check(watch.Observe(Update{Point: point, Seconds: 0.25 * float64(step)}))
		}
		check(watch.Observe(Text{Step: 2, Name: "sample", Text: "func main() {"}))
		check(watch.End(nil))
	}
	data, err := os.ReadFile(path)
	check(err)
	fmt.Print(string(data))
	// Output:
	// {"event":"update","step":1,"loss":3.5,"grad_norm":2.5,"rate":0.002,"tokens":3200,"seconds":0.25}
	// {"event":"update","step":2,"loss":2.5,"grad_norm":2.5,"rate":0.002,"tokens":6400,"seconds":0.5}
	// {"event":"text","step":2,"name":"sample","text":"func main() {"}
}

func ExampleDashboard() {
	dashboard := &Dashboard{
		Addr:  "localhost:0", // any free port
		Ready: func(url string) { fmt.Println("open", url[:len("http://localhost")]) },
	}
	check(dashboard.Start(context.Background(), Run{Steps: 100}))
	check(dashboard.Observe(Update{Point: Point{Step: 1, Loss: 4.17}}))
	check(dashboard.End(nil))

	dashboard.Addr = "0.0.0.0:6007"
	fmt.Println(dashboard.Start(context.Background(), Run{}))
	// Output:
	// open http://localhost
	// track: Dashboard.Addr is "0.0.0.0:6007", which other machines can reach, want localhost, or Public set
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
