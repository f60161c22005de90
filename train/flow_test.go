package train

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/layers"
	"github.com/gobptt/bptt/seqdata"
	"github.com/gobptt/bptt/train/bptt"
	"github.com/gobptt/bptt/train/loss"
	"github.com/gobptt/bptt/train/optim"
	"github.com/gobptt/bptt/train/track"
)

// flowTrainer is a trainer of a small model, in float64.
func flowTrainer(flow *track.GradientFlow, s Strategy) *Trainer {
	rng := rand.New(rand.NewPCG(1, 2))
	model := layers.Sequential{
		layers.NewEmbedding(5, 3, rng),
		layers.NewLSTM(3, 4, layers.LSTMOptions{}, rng),
		layers.NewLinear(4, 5, rng),
	}
	graph.SetDType(model.Params(), graph.Float64)
	return &Trainer{Model: model, Loss: loss.CrossEntropy{}, Optimizer: &optim.SGD{LearningRate: 0.1}, BPTT: s, Steps: 6, ClipNorm: 0.2, Flow: flow}
}

// TestGradientFlow: a run with diagnostics is the run without them, and they tell what it did: the norms that the
// strategy's programs recorded, the clipping, and the size of plain SGD's updates.
func TestGradientFlow(t *testing.T) {
	for name, s := range map[string]Strategy{
		"Truncated": bptt.Truncated{Window: 4}, "Truncated, overlapping": bptt.Truncated{Window: 2, Reach: 6}, "Full": bptt.Full{Window: 3},
	} {
		t.Run(name, func(t *testing.T) {
			data := func() Data { // 11 steps an epoch
				text, err := seqdata.NewText("abcdabdcacbdbacdbbcadca")
				if err != nil {
					t.Fatal(err)
				}
				streams, err := seqdata.Streams(text, 2)
				if err != nil {
					t.Fatal(err)
				}
				return streams
			}
			flow := &track.GradientFlow{RadiusEvery: 5}
			watched, plain := flowTrainer(flow, s), flowTrainer(nil, s)
			if _, err := watched.Fit(context.Background(), data(), nil); err != nil {
				t.Fatal(err)
			}
			history, err := plain.Fit(context.Background(), data(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range plain.Model.Params() {
				if q := watched.Model.Params()[i]; !slices.Equal(p.Value.F64, q.Value.F64) {
					t.Errorf("%s differs", p.Name)
				}
			}

			// The same updates by hand.
			hand := flowTrainer(&track.GradientFlow{}, s)
			f := &fit{Trainer: hand, data: data(), history: &track.History{}}
			if err := f.begin(f.Optimizer); err != nil {
				t.Fatal(err)
			}
			clipped := 0
			for i, u := range flow.Updates {
				result, err := s.Gradient(f.pass)
				if err != nil {
					f.pass.Rewind()
					if result, err = s.Gradient(f.pass); err != nil {
						t.Fatal(err)
					}
				}
				norm, err := optim.ClipNorm(f.arena, 0.2)
				if err != nil {
					t.Fatal(err)
				}
				if norm > 0.2 {
					clipped++
				}
				if u.Step != i+1 || math.Abs(u.GradNorm-norm) > 1e-12 || u.GradNorm != history.Train[i].GradNorm || math.Abs(u.Clipped-min(norm, 0.2)) > 1e-6 || u.Stride != 1 {
					t.Errorf("update %d: step %d, norm %v, clipped %v, stride %d; want norm %v", i, u.Step, u.GradNorm, u.Clipped, u.Stride, norm)
				}
				if fmt.Sprintf("%.10v", u.Recurrences) != fmt.Sprintf("%.10v", result.Recordings) || u.Recurrences[0].State != "1.h_l0" || len(u.Recurrences[0].Gates) != 5 {
					t.Errorf("update %d: %v, want %v", i, u.Recurrences, result.Recordings)
				}
				for k, p := range f.arena.Params {
					change, size := 0.0, 0.0
					for j := range p.Value.Len() {
						d := 0.1 * p.Grad.At(j)
						v := p.Value.At(j) - d
						change, size = change+d*d, size+v*v
						p.Value.SetAt(j, v)
					}
					if want := math.Sqrt(change / size); math.Abs(u.Ratios[k]-want) > 1e-9*want {
						t.Errorf("update %d: %s changes by %v, want %v", i, p.Name, u.Ratios[k], want)
					}
				}
			}
			if got := flow.ClipRate(); len(flow.Updates) != 6 || got != float64(clipped)/6 || clipped == 0 {
				t.Errorf("%d updates, %v clipped, want 6 and %d", len(flow.Updates), got, clipped)
			}
			if len(flow.Radii) != 2 || flow.Radii[1].Step != 5 || len(flow.Radii[0].Gates[2]) != 4 || flow.Params[2] != "1.weight_hh_l0" {
				t.Errorf("%v: radii %+v", flow.Params, flow.Radii)
			}
		})
	}
}

// BenchmarkGradientFlow takes steps with and without diagnostics in turn, and reports the ratio of their times. It takes
// some hundred steps (-benchtime 400x) to have its share of looks at the spectral radii.
func BenchmarkGradientFlow(b *testing.B) {
	newFit := func(flow *track.GradientFlow) *fit {
		rng := rand.New(rand.NewPCG(1, 2))
		f := &fit{
			Trainer: &Trainer{
				Model: layers.Sequential{
					layers.NewEmbedding(65, 64, rng), layers.NewLSTM(64, 256, layers.LSTMOptions{}, rng), layers.NewLinear(256, 65, rng),
				},
				Loss: loss.CrossEntropy{}, Optimizer: &optim.Adam{LearningRate: 1e-3}, ClipNorm: 1,
				BPTT: bptt.Truncated{Window: 100}, Steps: 1, Flow: flow,
			},
			data: repeated(65, 100, 32, rng),
		}
		if err := f.begin(f.Optimizer); err != nil {
			b.Fatal(err)
		}
		return f
	}
	fits := []*fit{newFit(nil), newFit(&track.GradientFlow{})}
	times := make([]time.Duration, 2)
	var ratios []float64
	for b.Loop() {
		var one [2]time.Duration
		for i, f := range fits {
			start := time.Now()
			if _, _, _, err := f.update(); err != nil {
				b.Fatal(err)
			}
			one[i] = time.Since(start)
			times[i] += one[i]
		}
		ratios = append(ratios, float64(one[1])/float64(one[0]))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "median-ratio")
	b.ReportMetric(float64(times[1])/float64(times[0]), "mean-ratio")
}
