package optim_test

import (
	"fmt"
	"log"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/train/optim"
)

// parabola is a program for the cost (x-3)² + 10·(y+1)², and the arena of its parameters x and y.
func parabola() (*graph.Program, *graph.Arena) {
	x, y := graph.NewParam(graph.Zeros, nil, 1), graph.NewParam(graph.Zeros, nil, 1)
	arena, err := graph.NewArena([]graph.NamedParam{{Name: "x", Param: x}, {Name: "y", Param: y}})
	if err != nil {
		log.Fatal(err)
	}
	b := graph.NewBuilder(graph.Window{T: 1, B: 1, Train: true}, graph.Options{})
	cost := b.Add(b.Square(b.AddScalar(b.Param(x), -3)), b.Scale(b.Square(b.AddScalar(b.Param(y), 1)), 10))
	program, err := b.Compile(cost, graph.Gradients{})
	if err != nil {
		log.Fatal(err)
	}
	return program, arena
}

func ExampleSGD() {
	program, arena := parabola()
	optimizer := &optim.SGD{LearningRate: 0.04, Momentum: 0.5}
	for step := 1; step <= 60; step++ {
		if err := program.Run(0); err != nil {
			log.Fatal(err)
		}
		if err := optimizer.Step(arena, 1); err != nil {
			log.Fatal(err)
		}
		if step%20 == 0 {
			fmt.Printf("step %d: x, y = %.2f\n", step, arena.Values.F32)
		}
	}
	// Output:
	// step 20: x, y = [2.96 -1.00]
	// step 40: x, y = [3.00 -1.00]
	// step 60: x, y = [3.00 -1.00]
}

// Adam's first step has the length of the learning rate in every direction, however large the gradient.
func ExampleAdam() {
	program, arena := parabola()
	optimizer := &optim.Adam{LearningRate: 0.1}
	if err := program.Run(0); err != nil {
		log.Fatal(err)
	}
	if err := optimizer.Step(arena, 1); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("gradient %.0f, x and y after one step %.2f\n", arena.Grads.F32, arena.Values.F32)
	// Output:
	// gradient [-6 20], x and y after one step [0.10 -0.10]
}

func ExampleClipNorm() {
	program, arena := parabola()
	if err := program.Run(0); err != nil {
		log.Fatal(err)
	}
	norm, err := optim.ClipNorm(arena, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("norm before %.2f, after %.2f\n", norm, arena.GradNorm())
	// Output:
	// norm before 20.88, after 1.00
}
