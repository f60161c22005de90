package seqdata

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// counting is a series whose values tell where they are from: t + 1000·column.
func counting(length, columns int) *Series {
	s := &Series{}
	for c := range columns {
		var column []float64
		for t := range length {
			column = append(column, float64(t+1000*c))
		}
		s.Columns = append(s.Columns, column)
	}
	return s
}

func noise(rng *rand.Rand, length, columns int) *Series {
	s := &Series{}
	for range columns {
		column := make([]float64, length)
		for t := range column {
			column[t] = 50 + 20*rng.NormFloat64()
		}
		s.Columns = append(s.Columns, column)
	}
	return s
}

// Every value that is to be forecast is the next value of exactly one time step that counts, whatever the windows; inputs
// end where the target begins.
func TestWindows(t *testing.T) {
	rng := newRand(t)
	for range 300 {
		s := counting(2+rng.IntN(60), 1+rng.IntN(3))
		s.From = rng.IntN(s.Len() - 1)
		o := WindowOptions{Steps: rng.IntN(20), Warmup: rng.IntN(10), Horizon: rng.IntN(4)}
		if rng.IntN(3) > 0 {
			o.Columns = rng.Perm(len(s.Columns))[:1+rng.IntN(len(s.Columns))]
		}
		horizon, first := max(o.Horizon, 1), max(s.From, 1)
		if s.Len()-horizon < first {
			if _, is := errors.AsType[*SeriesError](second(s.Windows(o))); !is {
				t.Fatalf("%+v of %d values from %d on: no error", o, s.Len(), s.From)
			}
			continue
		}
		columns := o.Columns
		if columns == nil {
			columns = []int{0, 1, 2}[:len(s.Columns)]
		}
		counted := map[int]int{} // by time of the next value
		windows := ok[[]Example](t)(s.Windows(o))
		for _, e := range windows {
			n, in, out := e.steps(), e[Input], e[Target]
			if !slices.Equal(in.Shape, []int{n, len(s.Columns)}) || !slices.Equal(out.Shape, []int{n, horizon * len(columns)}) {
				t.Fatalf("shapes %v, %v", in.Shape, out.Shape)
			}
			weight, warm := e[Weight]
			if warm != (o.Warmup > 0) {
				t.Fatalf("weights %v with a warm-up of %d", weight, o.Warmup)
			}
			begin, warmed := int(in.Floats[0]), 0
			for i := range n {
				for c := range s.Columns {
					if in.Floats[i*len(s.Columns)+c] != float32(begin+i+1000*c) {
						t.Fatalf("input %v", in.Floats)
					}
				}
				for h := range horizon {
					for k, c := range columns {
						if want := float32(begin + i + 1 + h + 1000*c); out.Floats[(i*horizon+h)*len(columns)+k] != want {
							t.Fatalf("target %v of step %d from %d on", out.Floats, i, begin)
						}
					}
				}
				if warm && weight.Floats[i] == 0 {
					warmed++
					if warmed != i+1 {
						t.Fatalf("weights %v", weight.Floats)
					}
					continue
				}
				counted[begin+i+1]++
			}
			// The warm-up is as long as the past allows, and no window is longer than asked for.
			if want := min(o.Warmup, begin+warmed); warmed != want {
				t.Fatalf("%d steps of warm-up from %d on, want %d", warmed, begin, want)
			}
			if o.Steps > 0 && n-warmed > o.Steps {
				t.Fatalf("%d steps, want at most %d", n-warmed, o.Steps)
			}
		}
		for at := range s.Len() {
			want := 0
			if at >= first && at <= s.Len()-horizon {
				want = 1
			}
			if counted[at] != want {
				t.Fatalf("%+v from %d on: value %d of %d is a target %d times, want %d", o, s.From, at, s.Len(), counted[at], want)
			}
		}
		if o.Steps == 0 && len(windows) != 1 {
			t.Fatalf("%d windows without Steps", len(windows))
		}
		if _, err := Pad(windows, 3, PadOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// With a stride, windows of full length begin at its multiples; the last one ends with the series.
func TestWindowStride(t *testing.T) {
	for _, c := range []struct {
		length, steps, stride int
		want                  string
	}{
		{11, 4, 3, "[0-4 3-7 6-10]"},
		{12, 4, 3, "[0-4 3-7 6-10 9-11]"},
		{11, 4, 1, "[0-4 1-5 2-6 3-7 4-8 5-9 6-10]"},
		{11, 3, 5, "[0-3 5-8]"}, // not all
		{11, 3, math.MaxInt, "[0-3]"},
		{11, math.MaxInt, 1, "[0-10]"},
	} {
		var got []string
		for _, e := range ok[[]Example](t)(counting(c.length, 1).Windows(WindowOptions{Steps: c.steps, Stride: c.stride})) {
			got = append(got, fmt.Sprintf("%v-%d", e[Input].Floats[0], int(e[Input].Floats[0])+e.steps()))
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// What is to come changes nothing: neither a part's values, nor its windows, nor the scaling taken from it.
func TestSplitDoesNotLeak(t *testing.T) {
	rng := newRand(t)
	for range 20 {
		s := noise(rng, 30+rng.IntN(100), 1+rng.IntN(3))
		see := func() (seen [3]string) {
			train, valid, test, err := s.Split(0.2, 0.1)
			if err != nil {
				t.Fatal(err)
			}
			for i, part := range []*Series{train, valid, test} {
				scaling := ok[Scaling](t)(part.Scaling())
				scaled := ok[*Series](t)(scaling.Apply(part))
				seen[i] = fmt.Sprint(part, scaling, scaled, ok[[]Example](t)(scaled.Windows(WindowOptions{Steps: 7, Warmup: 3})))
			}
			return seen
		}
		before := see()
		train, valid, test, _ := s.Split(0.2, 0.1)
		n := s.Len()
		if train.From != 0 || train.Len() != valid.From || valid.Len() != test.From || test.Len() != n ||
			n-test.From != int(math.Round(0.1*float64(n))) || test.From-valid.From != int(math.Round(0.2*float64(n))) {
			t.Fatalf("%d values: parts %d, %d-%d, %d-%d", n, train.Len(), valid.From, valid.Len(), test.From, test.Len())
		}
		for _, from := range []int{valid.From, test.From} {
			for _, column := range s.Columns {
				for at := from; at < len(column); at++ {
					column[at] = rng.NormFloat64()
				}
			}
			after := see()
			if after[0] != before[0] {
				t.Fatal("the training part knows of later values")
			}
			if from == test.From && after[1] != before[1] {
				t.Fatal("the validation part knows of the test's values")
			}
			if after[2] == before[2] {
				t.Fatal("the test part doesn't see its own values")
			}
			before = after
		}
		// An append to a part must not write into the next.
		next := s.Columns[0][train.Len()]
		_ = append(train.Columns[0], next+1)
		if s.Columns[0][train.Len()] != next {
			t.Fatal("a part's memory reaches into the next part")
		}
	}
}

// A part can be split again: its past stays its past.
func TestSplitOfAPart(t *testing.T) {
	s := counting(100, 1)
	s.From = 50
	train, valid, test, err := s.Split(0.2, 0.1)
	if err != nil || train.From != 50 || train.Len() != 85 || valid.From != 85 || valid.Len() != 95 || test.From != 95 || test.Len() != 100 {
		t.Errorf("%v: %d-%d, %d-%d, %d-%d", err, train.From, train.Len(), valid.From, valid.Len(), test.From, test.Len())
	}
}

func TestScaling(t *testing.T) {
	rng := newRand(t)
	s := noise(rng, 500, 2)
	s.Columns = append(s.Columns, slices.Repeat([]float64{0.1}, 500))
	s.From = 7
	scaling := ok[Scaling](t)(s.Scaling())
	scaled := ok[*Series](t)(scaling.Apply(s))
	for c, column := range scaled.Columns {
		sum, square := 0.0, 0.0
		for _, z := range column {
			sum += z
			square += z * z
		}
		want := 500.0
		if c == 2 {
			want = 0 // the constant one
		}
		if math.Abs(sum) > 1e-9 || math.Abs(square-want) > 1e-9 {
			t.Errorf("column %d: sum %g, sum of squares %g", c, sum, square)
		}
	}
	if scaling.Mean[2] != 0.1 || scaling.Deviation[2] != 1 || scaled.From != 7 {
		t.Errorf("constant column: %v, From %d", scaling, scaled.From)
	}
	back := ok[*Series](t)(scaling.Inverse(scaled))
	for c, column := range back.Columns {
		for i, v := range column {
			if math.Abs(v-s.Columns[c][i]) > 1e-10 {
				t.Fatalf("%v comes back as %v", s.Columns[c][i], v)
			}
		}
	}
	if back.From != 7 {
		t.Errorf("From %d", back.From)
	}
}

func TestSeriesMisuse(t *testing.T) {
	good := counting(20, 2)
	one := func(v ...float64) *Series { return &Series{Columns: [][]float64{v}} }
	ragged := &Series{Columns: [][]float64{{1, 2}, {1}}}
	scaling := ok[Scaling](t)(good.Scaling())
	split := func(s *Series, validation, test float64) error {
		_, _, _, err := s.Split(validation, test)
		return err
	}
	windows := func(o WindowOptions) error { return second(good.Windows(o)) }
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"nil":               {split(nil, 0.1, 0.1), "got no values"},
		"no columns":        {second(new(Series).Scaling()), "got no values"},
		"empty column":      {second(one().Windows(WindowOptions{})), "got no values"},
		"ragged":            {second(ragged.Scaling()), "column 1: got 1 values; want 2"},
		"NaN":               {second(one(1, math.NaN()).Scaling()), "column 0, value 1: got NaN; want a number"},
		"infinite":          {second(one(math.Inf(-1)).Windows(WindowOptions{})), "value 0: got -Inf"},
		"From":              {second((&Series{Columns: good.Columns, From: 20}).Windows(WindowOptions{})), "From 20; want 0 to 19"},
		"negative From":     {split(&Series{Columns: good.Columns, From: -1}, 0.1, 0.1), "From -1"},
		"huge values":       {second(one(-1e308, 1e308).Scaling()), "column 0: got values whose squares are infinite"},
		"single precision":  {second(one(1, 1e300).Windows(WindowOptions{})), "column 0, value 1: got 1e+300"},
		"no fraction":       {split(good, 0, 0.1), "fractions is 0 and 0.1"},
		"negative fraction": {split(good, 0.1, -0.1), "fractions"},
		"all":               {split(good, 0.5, 0.5), "fractions"},
		"tiny fraction":     {split(good, 0.1, 0.01), "no part of 20 values empty"},
		"NaN fraction":      {split(good, math.NaN(), 0.1), "fractions"},
		"infinite fraction": {split(good, math.Inf(1), 0.1), "fractions"},
		"other columns":     {second(scaling.Apply(one(1, 2))), "got 1 columns; want 2"},
		"zero scaling":      {second(Scaling{}.Inverse(good)), "got 2 columns; want 0"},
		"Steps":             {windows(WindowOptions{Steps: -1}), "Steps is -1"},
		"Stride":            {windows(WindowOptions{Stride: -1}), "Stride is -1"},
		"Warmup":            {windows(WindowOptions{Warmup: math.MinInt}), "Warmup is -"},
		"Horizon":           {windows(WindowOptions{Horizon: -1}), "Horizon is -1"},
		"long Horizon":      {windows(WindowOptions{Horizon: 20}), "want more, for targets of 20 values"},
		"endless Horizon":   {windows(WindowOptions{Horizon: math.MaxInt}), "want more"},
		"no column":         {windows(WindowOptions{Columns: []int{}}), "Columns is empty"},
		"column":            {windows(WindowOptions{Columns: []int{0, 2}}), "Columns is [0 2]; want indices 0 to 1"},
		"negative column":   {windows(WindowOptions{Columns: []int{-1}}), "Columns is [-1]"},
	} {
		_, argument := errors.AsType[*ArgumentError](c.err)
		_, series := errors.AsType[*SeriesError](c.err)
		if !argument && !series || !strings.Contains(c.err.Error(), c.want) || strings.Contains(c.err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %q", name, c.err, c.want)
		}
	}
	if _, err := good.Windows(WindowOptions{Steps: math.MaxInt, Stride: math.MaxInt, Warmup: math.MaxInt}); err != nil {
		t.Error(err)
	}
	var none *Series
	if none.Len() != 0 || new(Series).Len() != 0 {
		t.Error("a series without values has a length")
	}
}
