package track

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// A list of bounded length holds every value once, in order, in entries that stand for equally many.
func TestBounded(t *testing.T) {
	for limit := 2; limit <= 10; limit += 2 {
		concat := func(a, b []int) []int { return slices.Concat(a, b) }
		b := bounded[[]int]{limit: limit, merge: concat}
		var want []int
		for i := range 200 {
			b.add([]int{i})
			want = append(want, i)
			if got := slices.Concat(b.entries...); !slices.Equal(got, want) {
				t.Fatalf("limit %d: holds %v after %d values", limit, got, i+1)
			}
			if n := len(b.entries); n > limit || n <= limit/2 && i >= limit {
				t.Fatalf("limit %d: %d entries after %d values", limit, n, i+1)
			}
			for _, e := range b.entries[:len(b.entries)-1] {
				if len(e) != b.each {
					t.Fatalf("limit %d: an entry of %d values, want %d", limit, len(e), b.each)
				}
			}
		}
	}
}

func TestTrace(t *testing.T) {
	line := newTrace()
	rng := rand.New(rand.NewPCG(1, 2))
	total, peak := 0.0, 0.0
	const steps = 123456
	for step := 1; step <= steps; step++ {
		v := rng.ExpFloat64()
		total += v
		peak = max(peak, v)
		line.add(step, v)
		if step%1000 == 0 {
			for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
				line.add(step, v)
			}
		}
	}
	var sum, highest float64
	count, last := 0, 0
	for _, s := range line.entries {
		if s.step <= last || s.low > s.sum/float64(s.count) || s.high < s.sum/float64(s.count) {
			t.Errorf("%+v after step %d", s, last)
		}
		sum, count, highest, last = sum+s.sum, count+s.count, max(highest, s.high), s.step
	}
	if math.Abs(sum-total) > 1e-6*total || count != steps || last != steps || highest != peak {
		t.Errorf("sum %g, want %g; %d values to step %d, want %d; highest %g, want %g", sum, total, count, last, steps, highest, peak)
	}
}

// decoded is what a browser gets of a board.
func decoded(t *testing.T, b *board, now time.Time) (v map[string]any, size int) {
	t.Helper()
	data := b.view(now).encode()
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v, len(data)
}

// However long a run is, and whatever is in it, what is shown of it stays small.
func TestBoardIsBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	b := newBoard("title", Run{}, now)
	norms := make([]float64, 5000)
	for i := range norms {
		norms[i] = math.Exp(float64(i) / -100)
	}
	text := strings.Repeat("日本", 10000)
	for step := 1; step <= 30000; step++ {
		x := 1 / float64(step)
		b.observe(Update{Point{Step: step, Loss: x, GradNorm: x, Rate: x, Tokens: int64(step)}, float64(step)})
		if step%10 == 0 {
			b.observe(Evaluation{Point{Step: step, Loss: x}, 0})
			b.observe(Histogram{Step: step})
			b.observe(Image{Step: step})
			for i := range 20 {
				name := strings.Repeat("x", i+1)
				b.observe(Scalar{step, name, x})
				if step%100 == 0 {
					b.observe(Flow{step, name, norms})
					b.observe(Text{step, name, text})
				}
			}
		}
	}
	v, size := decoded(t, b, now)
	if size > 2e6 {
		t.Errorf("%d bytes", size)
	}
	charts, flows, texts := v["charts"].([]any), v["flows"].([]any), v["texts"].([]any)
	if len(charts) != 4+16 || len(flows) != 8 || len(texts) != 20 {
		t.Errorf("%d charts, %d flows, %d texts", len(charts), len(flows), len(texts))
	}
	newest := texts[0].(map[string]any)["text"].(string)
	if !utf8.ValidString(newest) || strings.Contains(newest, "\ufffd") || len(newest) < 3990 || len(newest) > 4010 {
		t.Errorf("the text has %d bytes", len(newest))
	}
	row := flows[0].(map[string]any)["rows"].([]any)[0].(map[string]any)
	if part := row["norms"].([]any); len(part) != 100 || part[1] != 0.60653 { // exp(-0.5), the largest of 50
		t.Errorf("%d norms, the second is %v", len(part), part[1])
	}
}

func TestBoardNumbers(t *testing.T) {
	now := time.Unix(1e9, 0)
	history := &History{}
	for step := 1; step <= 10; step++ {
		history.AddTrain(Point{Step: step, Loss: 2, GradNorm: 1, Tokens: int64(10 * step)})
	}
	history.AddValidation(Point{Step: 5, Loss: 1})
	history.AddValidation(Point{Step: 10, Loss: math.NaN()})
	b := newBoard("title", Run{Step: 10, Steps: 30, Tokens: 100, Seconds: 50, History: history}, now)
	first, _ := decoded(t, b, now)
	if first["step"] != 10.0 || first["loss"] != 2.0 || first["left"] != nil || first["speed"] != 0.0 {
		t.Errorf("at the start: %v", first)
	}
	if rates := len(first["charts"].([]any)); rates != 2 {
		t.Errorf("%d charts, want those of the loss and the norm only", rates)
	}
	b.observe(Update{Point{Step: 11, Loss: 2, Tokens: 130, Rate: 1}, 52})
	b.observe(Update{Point{Step: 12, Loss: math.Inf(1), Tokens: 160, Rate: 0}, 56})
	b.observe(Flow{Step: 12, State: "h"}) // before the first backward pass
	v, _ := decoded(t, b, now.Add(10*time.Second))
	if v["flows"] != nil || v["texts"] != nil {
		t.Errorf("flows %v, texts %v", v["flows"], v["texts"])
	}
	if v["loss"] != "+Inf" || v["speed"] != 10.0 || v["elapsed"] != 10.0 || v["left"] != 90.0 {
		t.Errorf("loss %v, speed %v, elapsed %v, left %v", v["loss"], v["speed"], v["elapsed"], v["left"])
	}
	if best, validation := v["best"].(map[string]any), v["validation"].(map[string]any); best["step"] != 5.0 || validation["loss"] != "NaN" {
		t.Errorf("best %v, validation %v", best, validation)
	}
	lines := map[string]any{}
	for _, c := range v["charts"].([]any) {
		for _, l := range c.(map[string]any)["lines"].([]any) {
			lines[l.(map[string]any)["name"].(string)] = l.(map[string]any)["mean"]
		}
	}
	want := `{"norm":[1,1,1,1,1,1,1,1,1,1,0,0],"rate":[1,0],"speed":[15,7.5],"training":[2,2,2,2,2,2,2,2,2,2,2],"validation":[1]}`
	if got, _ := json.Marshal(lines); string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	b.end(errors.New("no space"))
	if v, _ := decoded(t, b, now); v["status"] != "stopped" || v["message"] != "no space" {
		t.Errorf("ended as %v: %v", v["status"], v["message"])
	}
}

// A run that went back shows what it was then, and goes on from there.
func TestBoardRollsBack(t *testing.T) {
	now := time.Unix(1e9, 0)
	b := newBoard("title", Run{Steps: 30}, now)
	history := &History{}
	for step := 1; step <= 6; step++ {
		p := Point{Step: step, Loss: float64(step), Tokens: int64(step)}
		if step <= 4 {
			history.AddTrain(p)
		}
		b.observe(Update{p, float64(step)})
	}
	b.observe(Text{3, "sample", "text"})
	before := b.version()
	b.observe(RolledBack{Run{Step: 4, Steps: 30, Tokens: 4, Seconds: 4, History: history, Unit: Nats}})
	v, _ := decoded(t, b, now)
	if steps := v["charts"].([]any)[0].(map[string]any)["lines"].([]any)[0].(map[string]any)["steps"]; fmt.Sprint(steps) != "[1 2 3 4]" || v["step"] != 4.0 || v["nats"] != true || len(v["texts"].([]any)) != 1 {
		t.Errorf("steps %v: %v", steps, v)
	}
	if b.version() == before {
		t.Error("browsers aren't told")
	}
}
