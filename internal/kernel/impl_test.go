package kernel

import (
	"flag"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

var (
	long = flag.Bool("long", false, "test the functions of one float32 on all bit patterns")
	seed = flag.Uint64("seed", 0, "seed of the random tests, 0 for a new one")
)

// use makes im the implementation in use until the end of the test.
func use(t testing.TB, im *implementation) {
	old := active
	active = im
	t.Cleanup(func() { active = old })
}

// eachImplementation runs a test on every instruction set of the machine.
func eachImplementation(t *testing.T, test func(t *testing.T)) {
	for _, im := range available {
		t.Run(im.name, func(t *testing.T) {
			use(t, im)
			test(t)
		})
	}
}

// eachType is eachImplementation for both element types.
func eachType(t *testing.T, test32, test64 func(t *testing.T)) {
	eachImplementation(t, func(t *testing.T) {
		t.Run("float32", test32)
		t.Run("float64", test64)
	})
}

// newRand returns a generator whose seed a failing test prints.
func newRand(t *testing.T) *rand.Rand {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("random numbers of -seed=%d", s)
		}
	})
	return rand.New(rand.NewPCG(s, 1))
}

// rounds is n, or less of it under the race detector, which makes the portable kernels very slow.
func rounds(n int) int {
	if raceEnabled {
		return (n + 9) / 10
	}
	return n
}

// epsilon is the distance from 1 to the next number of the type.
func epsilon[F Float]() float64 {
	if is32[F]() {
		return 0x1p-23
	}
	return 0x1p-52
}

func is32[F Float]() bool {
	var zero F
	return unsafe.Sizeof(zero) == 4
}

// lengths are those around the edges of vectors and of unrolled loops.
var lengths = []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 31, 32, 33, 47, 63, 64, 65, 97, 127, 128, 129, 131, 257}

// guard is a slice between two zones that nobody may write.
type guard[F Float] struct {
	all  []F
	data []F
}

const guardZone = 40

func newGuard[F Float](n int) guard[F] {
	all := make([]F, n+2*guardZone)
	for i := range all {
		all[i] = -1234.5
	}
	return guard[F]{all, all[guardZone : guardZone+n : guardZone+n]}
}

// random fills a guarded slice with normal numbers.
func random[F Float](r *rand.Rand, n int) guard[F] {
	g := newGuard[F](n)
	for i := range g.data {
		g.data[i] = F(r.NormFloat64())
	}
	return g
}

func (g guard[F]) clone() guard[F] {
	all := append([]F(nil), g.all...)
	n := len(g.data)
	return guard[F]{all, all[guardZone : guardZone+n : guardZone+n]}
}

// check fails the test if the zones were written.
func (g guard[F]) check(t *testing.T, name string) {
	t.Helper()
	for i, x := range g.all {
		if (i < guardZone || i >= guardZone+len(g.data)) && x != -1234.5 {
			t.Fatalf("%s: wrote %d elements from the start of a slice of %d", name, i-guardZone, len(g.data))
		}
	}
}

// equal compares bits, any NaN being like any other.
func equal[F Float](x, y F) bool {
	return x == y && math.Signbit(float64(x)) == math.Signbit(float64(y)) || x != x && y != y
}

func sameSlice[F Float](t *testing.T, name string, got, want []F) {
	t.Helper()
	for i := range want {
		if !equal(got[i], want[i]) {
			t.Fatalf("%s: element %d of %d is %v, want %v", name, i, len(want), got[i], want[i])
		}
	}
}

// near fails the test unless got is within tol of want, relative to scale.
func near[F Float](t *testing.T, name string, got F, want, scale, tol float64) {
	t.Helper()
	if d := math.Abs(float64(got) - want); !(d <= tol*scale) && !equal(float64(got), want) {
		t.Fatalf("%s: got %v, want %v, which is %.3g off and %.3g allowed", name, got, want, d, tol*scale)
	}
}

func TestChoose(t *testing.T) {
	names := map[string]bool{}
	for _, im := range available {
		names[im.name] = true
		if got := choose(im.name).name; got != im.name {
			t.Errorf("choose(%q) = %q", im.name, got)
		}
	}
	if got := choose("unheard of"); got != available[0] {
		t.Errorf("an unknown name gives %q, want the best, %q", got.name, available[0].name)
	}
	if got := choose(""); got != available[0] {
		t.Errorf("no name gives %q, want the best, %q", got.name, available[0].name)
	}
	old := available
	defer func() { available = old }()
	available = []*implementation{{name: "avx512"}, {name: "portable"}}
	if got := choose("avx2").name; got != "portable" {
		t.Errorf("an unsupported avx2 gives %q, want portable", got)
	}
	if !names["portable"] {
		t.Error("no portable implementation")
	}
}
