package track

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// checksum is a masked CRC-32C, bit by bit, from its definition.
func checksum(data []byte) uint32 {
	crc := ^uint32(0)
	for _, b := range data {
		crc ^= uint32(b)
		for range 8 {
			low := crc & 1
			crc >>= 1
			if low == 1 {
				crc ^= 0x82f63b78 // x³²+x²⁸+x²⁷+x²⁶+x²⁵+x²³+x²²+x²⁰+x¹⁹+x¹⁸+x¹⁴+x¹³+x¹¹+x¹⁰+x⁹+x⁸+x⁶+1, reflected
			}
		}
	}
	crc = ^crc
	return (crc>>15 | crc<<17) + 0xa282ead8
}

// The check value of CRC-32C is that of the digits 1 to 9, e3069283 (RFC 3720 has more).
func TestChecksum(t *testing.T) {
	crc := uint32(0xe3069283)
	want := (crc>>15 | crc<<17) + 0xa282ead8
	if digits := []byte("123456789"); maskedChecksum(digits) != want || checksum(digits) != want {
		t.Errorf("got %x and %x, want %x", maskedChecksum(digits), checksum(digits), want)
	}
}

// proto is a message that was read: the values of each field in their order. Numbers are raw bits.
type proto map[int][]any // uint64, uint32, []byte

// parse reads a message and accepts nothing but the four wire types that are in use.
func parse(data []byte) (proto, error) {
	m := proto{}
	varint := func() (uint64, error) {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			return 0, fmt.Errorf("bad varint at %q", data)
		}
		data = data[n:]
		return v, nil
	}
	take := func(n uint64) ([]byte, error) {
		if n > uint64(len(data)) {
			return nil, fmt.Errorf("%d bytes wanted, %d left", n, len(data))
		}
		v := data[:n]
		data = data[n:]
		return v, nil
	}
	for len(data) > 0 {
		tag, err := varint()
		if err != nil {
			return nil, err
		}
		var value any
		switch tag & 7 {
		case 0:
			value, err = varint()
		case 1:
			var b []byte
			if b, err = take(8); err == nil {
				value = binary.LittleEndian.Uint64(b)
			}
		case 2:
			var n uint64
			if n, err = varint(); err == nil {
				value, err = take(n)
			}
		case 5:
			var b []byte
			if b, err = take(4); err == nil {
				value = binary.LittleEndian.Uint32(b)
			}
		default:
			err = fmt.Errorf("wire type %d", tag&7)
		}
		if err != nil {
			return nil, err
		}
		m[int(tag>>3)] = append(m[int(tag>>3)], value)
	}
	return m, nil
}

// reader reads events and fails the test where they aren't as event.proto, summary.proto and tensor.proto say.
type reader struct{ *testing.T }

func (r reader) message(v any) proto {
	r.Helper()
	m, err := parse(v.([]byte))
	if err != nil {
		r.Fatal(err)
	}
	return m
}

// fields checks that these are the fields of a message, each there once.
func (r reader) fields(m proto, want ...int) {
	r.Helper()
	for n, values := range m {
		if len(values) != 1 || !slices.Contains(want, n) {
			r.Fatalf("field %d is there %d times; want the fields %v", n, len(values), want)
		}
	}
	if len(m) != len(want) {
		r.Fatalf("got the fields %v, want %v", m, want)
	}
}

func (r reader) doubles(v any) []float64 {
	var all []float64
	for b := v.([]byte); len(b) > 0; b = b[8:] {
		all = append(all, math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	return all
}

func double(v any) float64 { return math.Float64frombits(v.(uint64)) }

// events reads the records of a file.
func (r reader) events(path string) []proto {
	r.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		r.Fatal(err)
	}
	var all []proto
	for len(data) > 0 {
		if len(data) < 16 || checksum(data[:8]) != binary.LittleEndian.Uint32(data[8:]) {
			r.Fatalf("%s: damaged length", path)
		}
		n := binary.LittleEndian.Uint64(data)
		if n > uint64(len(data)-16) || checksum(data[12:12+n]) != binary.LittleEndian.Uint32(data[12+n:]) {
			r.Fatalf("%s: damaged record", path)
		}
		all = append(all, r.message(data[12:12+n]))
		data = data[16+n:]
	}
	return all
}

// value writes a Summary.Value as text.
func (r reader) value(v proto) string {
	r.Helper()
	tag := string(v[1][0].([]byte))
	switch {
	case v[2] != nil:
		r.fields(v, 1, 2)
		return fmt.Sprintf("%s=%.6g", tag, math.Float32frombits(v[2][0].(uint32)))
	case v[4] != nil:
		r.fields(v, 1, 4)
		image := r.message(v[4][0])
		r.fields(image, 1, 2, 3, 4)
		return fmt.Sprintf("%s=%d×%d:%d:%.4q", tag, image[2][0], image[1][0], image[3][0], image[4][0].([]byte))
	case v[5] != nil:
		r.fields(v, 1, 5)
		h := r.message(v[5][0])
		r.fields(h, 1, 2, 3, 4, 5, 6, 7)
		limits, heights := r.doubles(h[6][0]), r.doubles(h[7][0])
		if len(limits) != len(heights) {
			r.Fatalf("%d limits, %d heights", len(limits), len(heights))
		}
		return fmt.Sprintf("%s=%g..%g n=%g sum=%.6g squares=%.6g %.3g %g", tag, double(h[1][0]), double(h[2][0]), double(h[3][0]),
			double(h[4][0]), double(h[5][0]), limits, heights)
	default:
		r.fields(v, 1, 8, 9)
		tensor, plugin := r.message(v[8][0]), r.message(r.message(v[9][0])[1][0])
		r.fields(tensor, 1, 2, 8)
		if shape := r.message(r.message(tensor[2][0])[2][0]); shape[1][0].(uint64) != 1 {
			r.Fatalf("shape %v", shape)
		}
		return fmt.Sprintf("%s=%s:%d:%q", tag, plugin[1][0], tensor[1][0], tensor[8][0])
	}
}

// readEvents reads all files of a run. The first record of each is the format's version, the
// second a session's start, with a step behind all that were read; both are left out.
func readEvents(t *testing.T, dir string) []string {
	t.Helper()
	r := reader{t}
	var all []string
	last := 0
	for i, path := range files(t, filepath.Join(dir, "run")) {
		if want := fmt.Sprintf("events.out.tfevents.%010d.bptt", i+1); filepath.Base(path) != want {
			t.Errorf("file %s, want %s", filepath.Base(path), want)
		}
		for n, event := range r.events(path) {
			if wall := double(event[1][0]); wall < 1.7e9 || wall > 1e11 {
				t.Errorf("wall time %g s", wall)
			}
			step := int(event[2][0].(uint64))
			switch {
			case n == 0:
				r.fields(event, 1, 2, 3)
				if version := string(event[3][0].([]byte)); version != "brain.Event:2" || step != 0 {
					t.Errorf("version %q, step %d", version, step)
				}
			case n == 1 && (event[7] != nil || len(all) == 0):
				r.fields(event, 1, 2, 7)
				if session := r.message(event[7][0]); session[1][0].(uint64) != 1 || step <= last {
					t.Errorf("session %v, step %d after %d", session, step, last)
				}
			default:
				r.fields(event, 1, 2, 5)
				if step < last {
					t.Errorf("step %d after %d", step, last)
				}
				last = step
				var values []string
				for _, v := range r.message(event[5][0])[1] {
					values = append(values, r.value(r.message(v)))
				}
				all = append(all, fmt.Sprintf("%d %s", step, strings.Join(values, " ")))
			}
		}
	}
	return all
}

func TestTensorBoard(t *testing.T) {
	dir := t.TempDir()
	b := logs["TensorBoard"].begin(dir)
	train(t, b, 4, 5)
	// TensorBoard doesn't read a histogram without bins.
	if err := errors.Join(b.Observe(Flow{Step: 5}), b.Observe(Histogram{Step: 5}), b.End(nil)); err != nil {
		t.Error(err)
	}
	sameRecords(t, readEvents(t, dir), []string{
		"5 loss/train=0.6 gradient/norm=0.714286 learning rate=0.001 tokens per second=1000",
		"5 gradient flow/1.h_l0=0..3 n=30 sum=55 squares=117.5 [1 2 3] [5 10 15]",
		"5 forget gate=0..1 n=9 sum=5.16667 squares=3.36111 [0.333 0.667 1] [1 5 3]",
		"5 loss/validation=0.8",
		"5 accuracy (%)=50",
		`5 sample=text:7:"    func <f5>() {\n    \t\"é�\",\n    }"`,
		`5 curve=900×500:4:"\x89PNG"`,
	})
}

// Files that TensorBoard reads too, but that were written by others, are left alone.
func TestTensorBoardLeavesOtherFilesAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	others := []string{"events.out.tfevents.1700000000.host", "events.out.tfevents.1.bptt", "events.out.tfevents.-000000001.bptt", "notes"}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("other"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	b := &TensorBoard{Dir: dir}
	train(t, b, 3, 4)
	b.End(nil)
	for _, name := range others {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != "other" {
			t.Errorf("%s is now %q (%v)", name, data, err)
		}
	}
	if events := (reader{t}).events(filepath.Join(dir, "events.out.tfevents.0000000001.bptt")); len(events) != 3 {
		t.Errorf("%d records, want the version, the session's start and one of step 4", len(events))
	}
}
