package track

import (
	"fmt"
	"os"
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

	progress.Start(0, 2000)
	for step := 1; step <= 2000; step++ {
		now = now.Add(10 * time.Millisecond)
		progress.Step(Step{Step: step, Total: 2000, Loss: 1 + 3/float64(step), TokensPerSecond: 51200})
		if step == 1000 {
			progress.Println("validation: loss 1.2345")
		}
	}
	progress.Finish()
	// Output:
	// step 1/2000  loss 4.0000  ppl 54.6  51.2k tok/s  20s left
	// step 501/2000  loss 1.0060  ppl 2.735  51.2k tok/s  15s left
	// validation: loss 1.2345
	// step 1001/2000  loss 1.0030  ppl 2.726  51.2k tok/s  10s left
	// step 1501/2000  loss 1.0020  ppl 2.724  51.2k tok/s  5s left
	// step 2000/2000  loss 1.0015  ppl 2.722  51.2k tok/s  in 20s
}

func ExampleHistory_CSV() {
	var h History
	h.AddTrain(Point{Step: 1, Loss: 4.17, GradNorm: 2.5, Rate: 0.002, Tokens: 3200, Seconds: 0.5})
	h.AddTrain(Point{Step: 2, Loss: 3.98, GradNorm: 1.75, Rate: 0.002, Tokens: 6400, Seconds: 1})
	h.AddValidation(Point{Step: 2, Loss: 4.02, Rate: 0.002, Tokens: 6400, Seconds: 1.25})
	fmt.Print(h.CSV())
	// Output:
	// set,step,loss,grad_norm,rate,tokens,seconds
	// train,1,4.17,2.5,0.002,3200,0.5
	// train,2,3.98,1.75,0.002,6400,1
	// validation,2,4.02,0,0.002,6400,1.25
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
