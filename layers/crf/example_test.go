package crf_test

import (
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/layers/crf"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/optim"
)

// A tagger of pairs: the input says at each step whether it belongs to a pair, and the tags are 0 outside, 1 for the
// first of a pair and 2 for the second. No step by itself tells 1 from 2; the transitions do.
func ExampleCRF() {
	const T, B, K = 7, 2, 3
	rng := rand.New(rand.NewPCG(1, 2))
	tagger := crf.New(K, rng)
	model := layers.Sequential{layers.NewEmbedding(2, K, rng), tagger}
	arena, err := graph.NewArena(model.Params())
	if err != nil {
		log.Fatal(err)
	}
	b := graph.NewBuilder(graph.Window{T: T, B: B, Train: true}, graph.Options{})
	b.Ints(seqdata.Target, T*B)
	emissions := model.Apply(b, b.Ints(seqdata.Input, T*B))
	b.Output("emissions", emissions)
	program, err := b.Compile(tagger.Cost(b, emissions), graph.Gradients{})
	if err != nil {
		log.Fatal(err)
	}

	// Step by step, for both sequences.
	input := []int32{1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1}
	target := []int32{1, 0, 2, 1, 0, 2, 1, 0, 2, 0, 0, 1, 0, 2}
	if err := program.SetInts(seqdata.Input, input); err != nil {
		log.Fatal(err)
	}
	if err := program.SetInts(seqdata.Target, target); err != nil {
		log.Fatal(err)
	}
	adam := &optim.Adam{LearningRate: 0.1}
	for range 200 {
		if err := program.Run(0); err != nil {
			log.Fatal(err)
		}
		if err := adam.Step(arena, 1); err != nil {
			log.Fatal(err)
		}
	}
	tags, err := tagger.Decode(program.Output("emissions"), B, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tags[0])
	fmt.Println(tags[1])
	// Output:
	// [1 2 0 1 2 0 0]
	// [0 1 2 0 0 1 2]
}

// Tags that are forbidden: 2 may only follow 1 or another 2.
func ExampleCRF_Decode() {
	c := crf.New(3, rand.New(rand.NewPCG(1, 2)))
	for _, p := range c.Params() {
		p.Value.Zero()
	}
	c.Start.Value.SetAt(2, math.Inf(-1))
	c.Transitions.Value.SetAt(0*3+2, math.Inf(-1))

	emissions := &graph.Tensor{Shape: []int{4, 3}, F32: []float32{
		3, 0, 0,
		3, 2, 0,
		0, 0, 3, // best by itself, but not behind a 0
		3, 0, 0,
	}}
	tags, err := c.Decode(emissions, 1, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tags)
	// Output:
	// [[0 1 2 0]]
}
