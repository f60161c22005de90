package seqdata_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"strings"

	"github.com/gobptt/bptt/seqdata"
)

func Example() {
	text, err := seqdata.ReadText("testdata/shells.txt")
	if err != nil {
		log.Fatal(err)
	}
	train, valid, err := text.Split(0.8)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(train.Len(), "characters to train,", valid.Len(), "to validate,", text.Vocab.Len(), "tokens")

	stream, err := seqdata.Streams(train, 2)
	if err != nil {
		log.Fatal(err)
	}
	for {
		batch, err := stream.Next(6)
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		input := batch.Arrays[seqdata.Input]
		for b := range batch.B {
			var row []int32
			for t := range batch.T {
				row = append(row, input.Ints[t*batch.B+b])
			}
			fmt.Printf("%-10q", text.Vocab.Decode(row))
		}
		fmt.Println("shape", input.Shape)
	}
	// Output:
	// 31 characters to train, 8 to validate, 15 tokens
	// "She se"  "hells "  shape [6 2]
	// "lls se"  "by the"  shape [6 2]
	// "a s"     " se"     shape [3 2]
}

func ExampleOpenText() {
	text, err := seqdata.OpenText("testdata/shells.txt")
	if err != nil {
		log.Fatal(err)
	}
	defer text.Close()

	ids := make([]int32, 6)
	if err := text.Read(ids, 14); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d %q\n", ids, text.Vocab.Decode(ids))
	// Output:
	// [12 8 7 9 9 12] "shells"
}

func ExampleReadTextFrom() {
	files := io.MultiReader(strings.NewReader("one "), strings.NewReader("text"))
	text, err := seqdata.ReadTextFrom(files, "two readers")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(text.Name(), "have", text.Len(), "characters")
	// Output:
	// two readers have 8 characters
}

func ExampleVocab() {
	text, err := seqdata.NewText("banana")
	if err != nil {
		log.Fatal(err)
	}
	vocab := text.Vocab
	fmt.Println(vocab.Len(), vocab.Encode("bananas"))
	fmt.Println(vocab.Decode([]int32{2, 1, 3, seqdata.Unknown}))

	stored, err := json.Marshal(vocab)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(stored))
	// Output:
	// 4 [2 1 3 1 3 1 0]
	// ban�
	// {"kind":"characters","tokens":"abn"}
}

func ExampleByteVocab() {
	vocab := seqdata.ByteVocab()
	fmt.Println(vocab.Len(), vocab.Encode("\x00é"))
	// Output:
	// 257 [1 196 170]
}

func ExampleStream_SetCursor() {
	text, err := seqdata.NewText("abcdefghi")
	if err != nil {
		log.Fatal(err)
	}
	stream, err := seqdata.Streams(text, 2)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := stream.Next(3); err != nil {
		log.Fatal(err)
	}
	saved := stream.Cursor() // goes into a checkpoint

	resumed, err := seqdata.Streams(text, 2)
	if err != nil {
		log.Fatal(err)
	}
	if err := resumed.SetCursor(saved); err != nil {
		log.Fatal(err)
	}
	batch, err := resumed.Next(3)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("step %d: %q\n", saved, text.Vocab.Decode(batch.Arrays[seqdata.Input].Ints))
	// Output:
	// step 3: "dh"
}

func ExampleStream_Require() {
	text, err := seqdata.NewText(strings.Repeat("too short ", 9))
	if err != nil {
		log.Fatal(err)
	}
	stream, err := seqdata.Streams(text, 50)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stream.Require(50))
	// Output:
	// seqdata: text has 90 tokens; batch 50 × window 50 needs at least 2501
}

func ExampleBatch_Validate() {
	batch := seqdata.Batch{T: 2, B: 3, Arrays: map[string]seqdata.Array{
		seqdata.Input: {Shape: []int{2, 3, 1}, Floats: make([]float32, 6)},
		"mask":        {Shape: []int{3, 2}, Floats: make([]float32, 6)},
	}}
	fmt.Println(batch.Validate())
	// Output:
	// seqdata: batch array "mask" has shape [3 2]; want [3] or [steps 3 …]: B
}

// Three sequences in batches of two, each as long as its longer sequence.
func ExamplePad() {
	var examples []seqdata.Example
	for i, ids := range [][]int32{{1, 2}, {3, 4, 5, 6}, {7}} {
		examples = append(examples, seqdata.Example{
			seqdata.Input:  {Shape: []int{len(ids)}, Ints: ids},
			seqdata.Target: {Shape: []int{}, Ints: []int32{int32(i)}}, // one for the whole sequence
		})
	}
	data, err := seqdata.Pad(examples, 2, seqdata.PadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for {
		batch, err := data.Next(data.Steps())
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("targets", batch.Arrays[seqdata.Target].Ints)
		for t := range batch.T {
			row := batch.B * t
			fmt.Println(batch.Arrays[seqdata.Input].Ints[row:row+batch.B], batch.Arrays[seqdata.Mask].Floats[row:row+batch.B])
		}
	}
	// Output:
	// targets [0 1]
	// [1 3] [1 1]
	// [2 4] [1 1]
	// [0 5] [0 1]
	// [0 6] [0 1]
	// targets [2]
	// [7] [1]
}

// A column of a file, split by time. The scaling is that of the training part; the test part begins with what came before
// it.
func ExampleReadSeriesFrom() {
	file := "day,level\n1,10\n2,12\n3,14\n4,16\n5,15\n6,17\n"
	series, err := seqdata.ReadSeriesFrom(strings.NewReader(file), "river.csv", "level")
	if err != nil {
		log.Fatal(err)
	}
	train, _, test, err := series.Split(0.2, 0.3)
	if err != nil {
		log.Fatal(err)
	}
	scaling, err := train.Scaling()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("training:", train.Columns[0], "mean", scaling.Mean[0])
	windows, err := test.Windows(seqdata.WindowOptions{Warmup: 2})
	if err != nil {
		log.Fatal(err)
	}
	for _, w := range windows {
		fmt.Println("test: given", w[seqdata.Input].Floats, "forecast", w[seqdata.Target].Floats, "count", w[seqdata.Weight].Floats)
	}
	// Output:
	// training: [10 12 14] mean 12
	// test: given [12 14 16 15] forecast [14 16 15 17] count [0 0 1 1]
}

// What is wrong in a file is named by its line and column.
func ExampleReadSeriesFrom_wrong() {
	_, err := seqdata.ReadSeriesFrom(strings.NewReader("day,level\n1,10\n2,n/a\n"), "river.csv", "level")
	fmt.Println(err)
	// Output:
	// seqdata: river.csv, line 3, column "level": got "n/a"; want a finite number
}

// A forecast on the scale of the training part becomes one in the series' own unit.
func ExampleScaling() {
	train := &seqdata.Series{Columns: [][]float64{{1, 3, 1, 3}}}
	scaling, err := train.Scaling()
	if err != nil {
		log.Fatal(err)
	}
	forecast, err := scaling.Inverse(&seqdata.Series{Columns: [][]float64{{-1, 0, 2}}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(forecast.Columns[0])
	// Output:
	// [1 2 4]
}

// One sequence of the adding problem: the answer is the sum of the numbers whose
// mark is 1.
func ExampleAdding() {
	task, err := seqdata.Adding(6, 1, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		log.Fatal(err)
	}
	batch, err := task.Next(task.Steps())
	if err != nil {
		log.Fatal(err)
	}
	input := batch.Arrays[seqdata.Input]
	for t := range batch.T {
		fmt.Printf("%.2f %.0f\n", input.Floats[2*t], input.Floats[2*t+1])
	}
	fmt.Printf("answer %.2f\n", batch.Arrays[seqdata.Target].Floats)
	// Output:
	// 0.09 1
	// 0.91 0
	// 0.01 0
	// 0.88 1
	// 0.37 0
	// 0.93 0
	// answer [0.97]
}

// One sequence of the copy memory task.
func ExampleCopyMemory() {
	task, err := seqdata.CopyMemory(5, 1, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		log.Fatal(err)
	}
	batch, err := task.Next(task.Steps())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(batch.Arrays[seqdata.Input].Ints)
	fmt.Println(batch.Arrays[seqdata.Target].Ints)
	// Output:
	// [1 8 2 1 8 8 6 1 1 7 0 0 0 0 9 0 0 0 0 0 0 0 0 0 0]
	// [0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 8 2 1 8 8 6 1 1 7]
}
