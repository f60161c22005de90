package schedule_test

import (
	"fmt"
	"log"

	"github.com/gobptt/bptt/train/schedule"
)

// The usual schedule of a language model: a short warm-up, then half a wave of a cosine.
func ExampleWarmup() {
	s := schedule.Warmup{Steps: 4, Schedule: schedule.Cosine{Steps: 8, Min: 0.1}}
	if err := s.Check(); err != nil {
		log.Fatal(err)
	}
	for step := range 13 {
		fmt.Printf("%.2f ", s.Factor(step))
	}
	fmt.Println()
	// Output:
	// 0.00 0.25 0.50 0.75 1.00 0.97 0.87 0.72 0.55 0.38 0.23 0.13 0.10
}

// The validation loss is worse than the best one twice in a row.
func ExamplePlateau() {
	s := &schedule.Plateau{Patience: 1, Reduce: 0.5}
	for step, loss := range []float64{3.1, 2.9, 2.95, 2.93, 2.8} {
		fmt.Printf("%.1f ", s.Factor(step))
		s.Observe(loss)
	}
	fmt.Println(schedule.State(s))
	// Output:
	// 1.0 1.0 1.0 1.0 0.5 map[bad:0 best:2.8 cooldown:0 factor:0.5]
}
