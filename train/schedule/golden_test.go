package schedule_test

import (
	"testing"

	"github.com/gobptt/bptt/graph"
	"github.com/gobptt/bptt/internal/golden"
	"github.com/gobptt/bptt/train/schedule"
)

// TestGolden gives the rates that PyTorch gave.
func TestGolden(t *testing.T) {
	golden.Run(t, "../../internal/golden/testdata", []string{"schedule"}, func(t *testing.T, c *golden.Case) {
		var s struct {
			Schedule string
			BaseLR   float64 `json:"base_lr"`
			Steps    int
			Options  struct {
				Gamma       float64
				StepSize    int `json:"step_size"`
				Milestones  []int
				TMax        int     `json:"T_max"`
				EtaMin      float64 `json:"eta_min"`
				StartFactor float64 `json:"start_factor"`
				EndFactor   float64 `json:"end_factor"`
				TotalIters  int     `json:"total_iters"`
				MaxLR       float64 `json:"max_lr"`
				TotalSteps  int     `json:"total_steps"`
				PctStart    float64 `json:"pct_start"`
				Anneal      string  `json:"anneal_strategy"`
				Factor      float64
				Patience    int
				T0          int `json:"T_0"`
				TMult       int `json:"T_mult"`
			}
		}
		c.Decode(t, &s)
		options, base := s.Options, s.BaseLR
		var o schedule.Schedule
		switch s.Schedule {
		case "StepLR":
			o = schedule.Step{Every: options.StepSize, Gamma: options.Gamma}
		case "MultiStepLR":
			o = schedule.MultiStep{At: options.Milestones, Gamma: options.Gamma}
		case "ExponentialLR":
			o = schedule.Exponential{Gamma: options.Gamma}
		case "CosineAnnealingLR":
			o = schedule.Cosine{Steps: options.TMax, Min: options.EtaMin / base}
		case "LinearLR":
			o = schedule.Linear{From: options.StartFactor, To: options.EndFactor, Steps: options.TotalIters}
		case "OneCycleLR":
			base = options.MaxLR
			o = schedule.OneCycle{Steps: options.TotalSteps, Rise: options.PctStart, Linear: options.Anneal == "linear"}
		case "ReduceLROnPlateau":
			o = &schedule.Plateau{Reduce: options.Factor, Patience: options.Patience}
		case "CosineAnnealingWarmRestarts":
			o = schedule.CosineRestarts{Steps: options.T0, Multiply: options.TMult, Min: options.EtaMin / base}
		default:
			t.Fatalf("unknown schedule %q", s.Schedule)
		}
		if err := o.Check(); err != nil {
			t.Fatal(err)
		}
		rates := graph.NewTensor(graph.Float64, s.Steps)
		for step := range s.Steps {
			rates.F64[step] = base * o.Factor(step)
			if s.Schedule == "ReduceLROnPlateau" {
				schedule.Observe(o, c.Tensor(t, "metric").F64[step])
			}
		}
		c.Compare(t, "lr", rates)
	})
}
