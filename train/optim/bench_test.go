package optim_test

import (
	"testing"

	"github.com/gobptt/bptt/graph"
)

// One step for a million parameters.
func BenchmarkStep(b *testing.B) {
	const n = 1 << 20
	for name, newOptimizer := range everyKind {
		b.Run(name, func(b *testing.B) {
			a, o := arena(b, graph.Float32, random(n, 1)), newOptimizer()
			if err := a.Grads.Copy(random(n, 2)); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(n)
			for b.Loop() {
				if err := o.Step(a, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
