package seqdata_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/gobptt/bptt/seqdata"
)

// The probability of true tokens decays from batch to batch.
func ExampleScheduleTeacher() {
	text, err := seqdata.NewText(strings.Repeat("to be or not to be\n", 20))
	if err != nil {
		log.Fatal(err)
	}
	streams, err := seqdata.Streams(text, 2)
	if err != nil {
		log.Fatal(err)
	}
	data, err := seqdata.ScheduleTeacher(streams, seqdata.InverseSigmoidDecay(3))
	if err != nil {
		log.Fatal(err)
	}
	for range 6 {
		batch, err := data.Next(10)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.2f\n", batch.Arrays[seqdata.Teacher].Floats)
	}
	// Output:
	// [0.75 0.75]
	// [0.68 0.68]
	// [0.61 0.61]
	// [0.52 0.52]
	// [0.44 0.44]
	// [0.36 0.36]
}
