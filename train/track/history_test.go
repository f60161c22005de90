package track

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// awkward holds every kind of float that a text format may lose.
func awkward() *History {
	h := &History{}
	for i, v := range []float64{
		0, math.Copysign(0, -1), 1, -1, 0.1, 1.0 / 3, math.Pi, 1e21, 1e-7,
		math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 5e-324, 2.2250738585072014e-308,
		math.NaN(), math.Inf(1), math.Inf(-1), math.Nextafter(1, 2), math.Nextafter(1, 0),
	} {
		h.AddTrain(Point{Step: i, Loss: v, GradNorm: -v, Rate: v / 3, Tokens: math.MaxInt64 - int64(i)})
		h.AddValidation(Point{Step: -i, Loss: -v, Tokens: int64(i)})
	}
	return h
}

// checkSame compares by bits, where any NaN is as good as another.
func checkSame(t *testing.T, got, want []Point) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d points, want %d", len(got), len(want))
	}
	same := func(a, b float64) bool {
		return math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b)
	}
	for i, g := range got {
		w := want[i]
		if g.Step != w.Step || g.Tokens != w.Tokens ||
			!same(g.Loss, w.Loss) || !same(g.GradNorm, w.GradNorm) || !same(g.Rate, w.Rate) {
			t.Errorf("point %d: got %+v, want %+v", i, g, w)
		}
	}
}

func TestHistoryJSON(t *testing.T) {
	for name, want := range map[string]*History{"awkward": awkward(), "empty": {}} {
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got History
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		checkSame(t, got.Train, want.Train)
		checkSame(t, got.Validation, want.Validation)
	}
}

func TestPointJSONNames(t *testing.T) {
	data, err := json.Marshal(Point{Step: 3, Loss: math.NaN(), GradNorm: math.Inf(1), Rate: math.Inf(-1), Tokens: 7})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"step":3,"loss":"NaN","grad_norm":"+Inf","rate":"-Inf","tokens":7}`
	if string(data) != want {
		t.Errorf("got %s, want %s", data, want)
	}
}

func TestPointJSONErrors(t *testing.T) {
	for _, data := range []string{`{"loss":"nan"}`, `{"loss":"1.5"}`, `{"loss":true}`, `{"step":1.5}`, `[]`, `{"loss":1e999}`} {
		p := Point{Step: 1, Loss: 2}
		if err := json.Unmarshal([]byte(data), &p); err == nil {
			t.Errorf("%s: no error", data)
		}
		if p != (Point{Step: 1, Loss: 2}) {
			t.Errorf("%s: the point changed to %+v", data, p)
		}
	}
}

func TestHistoryCSV(t *testing.T) {
	want := awkward()
	records, err := csv.NewReader(strings.NewReader(want.CSV())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Error(err)
		}
		return v
	}
	var got History
	for _, r := range records[1:] {
		step, err := strconv.Atoi(r[1])
		if err != nil {
			t.Error(err)
		}
		tokens, err := strconv.ParseInt(r[5], 10, 64)
		if err != nil {
			t.Error(err)
		}
		p := Point{Step: step, Loss: number(r[2]), GradNorm: number(r[3]), Rate: number(r[4]), Tokens: tokens}
		switch r[0] {
		case "train":
			got.AddTrain(p)
		case "validation":
			got.AddValidation(p)
		default:
			t.Errorf("set %q", r[0])
		}
	}
	checkSame(t, got.Train, want.Train)
	checkSame(t, got.Validation, want.Validation)
}

func TestHistoryBest(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, test := range []struct {
		losses []float64
		want   int // step of the best, -1 for none
	}{
		{nil, -1},
		{[]float64{nan, inf, -inf}, -1},
		{[]float64{3}, 0},
		{[]float64{3, 1, 2}, 1},
		{[]float64{3, 1, 1}, 1},
		{[]float64{nan, 5, inf, 4, -inf, nan}, 3},
	} {
		h := &History{Train: []Point{{Step: 99, Loss: -100}}}
		for i, loss := range test.losses {
			h.AddValidation(Point{Step: i, Loss: loss})
		}
		best, ok := h.Best()
		if ok != (test.want >= 0) || ok && best.Step != test.want {
			t.Errorf("%v: got step %d, %v, want step %d", test.losses, best.Step, ok, test.want)
		}
	}
}

func TestHistoryWriteFile(t *testing.T) {
	h := awkward()
	asJSON, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, want := range map[string]string{
		"h.csv": h.CSV(), "h.json": string(asJSON), "h.svg": h.SVG(), "h.png": string(h.PNG()), "h.html": h.HTML(), "other.CSV": h.CSV(),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.Repeat("old", 1e5)), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := h.WriteFile(path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s: got %d bytes (%v), want %d", name, len(got), err, len(want))
		}
	}
	for name, want := range map[string]string{
		"h.txt":                        `h.txt" is ".txt", want .csv, .html, .json, .png or .svg`,
		"h":                            `h" is "", want`,
		filepath.Join("no", "h.csv"):   "h.csv",
		filepath.Join("h.csv", "h.md"): `".md"`,
	} {
		err := h.WriteFile(filepath.Join(dir, name))
		if err == nil || !strings.HasPrefix(err.Error(), "track: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %q in it", name, err, want)
		}
	}
}
