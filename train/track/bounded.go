package track

// bounded is a sequence of values of any length in a list of at most limit entries, an even number. Each entry is the
// merger of as many consecutive values as every other, but for the last, which may wait for more. When the list is
// full, its entries are merged in pairs.
type bounded[T any] struct {
	limit   int
	merge   func(older, newer T) T
	entries []T
	each    int // values an entry; 0 at first
	last    int // values in the last entry
}

func (b *bounded[T]) add(v T) {
	if n := len(b.entries); n > 0 && b.last < b.each {
		b.entries[n-1] = b.merge(b.entries[n-1], v)
		b.last++
		return
	}
	b.each = max(1, b.each)
	if len(b.entries) == b.limit {
		for i := range b.limit / 2 {
			b.entries[i] = b.merge(b.entries[2*i], b.entries[2*i+1])
		}
		b.entries = b.entries[:b.limit/2]
		b.each *= 2
	}
	b.entries = append(b.entries, v)
	b.last = 1
}

// span sums up what was measured at consecutive steps.
type span struct {
	step      int // the last one
	count     int
	sum       float64
	low, high float64
}

func (s span) merged(newer span) span {
	return span{newer.step, s.count + newer.count, s.sum + newer.sum, min(s.low, newer.low), max(s.high, newer.high)}
}

// trace is a line of a chart, of 1000 points at most.
type trace struct{ bounded[span] }

func newTrace() trace { return trace{bounded[span]{limit: 1000, merge: span.merged}} }

// add leaves out what can't be drawn.
func (t *trace) add(step int, v float64) {
	if finite(v) {
		t.bounded.add(span{step, 1, v, v, v})
	}
}
