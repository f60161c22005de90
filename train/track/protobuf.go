package track

import (
	"encoding/binary"
	"math"
	"strings"
)

// message is a Protocol Buffers message that is being written, field by field. All fields are written, those with the
// default value too.
type message []byte

// Wire types.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

func (m message) tag(field, wire uint64) message {
	return binary.AppendUvarint(m, field<<3|wire)
}

func (m message) integer(field uint64, v int64) message {
	return binary.AppendUvarint(m.tag(field, wireVarint), uint64(v))
}

func (m message) double(field uint64, v float64) message {
	return binary.LittleEndian.AppendUint64(m.tag(field, wire64), math.Float64bits(v))
}

func (m message) float(field uint64, v float64) message {
	return binary.LittleEndian.AppendUint32(m.tag(field, wire32), math.Float32bits(float32(v)))
}

// bytes writes bytes or a message.
func (m message) bytes(field uint64, v []byte) message {
	return append(binary.AppendUvarint(m.tag(field, wireBytes), uint64(len(v))), v...)
}

// text writes a string, which must be UTF-8.
func (m message) text(field uint64, v string) message {
	return m.bytes(field, []byte(strings.ToValidUTF8(v, "\ufffd")))
}

// doubles writes packed numbers.
func (m message) doubles(field uint64, values []float64) message {
	var packed []byte
	for _, v := range values {
		packed = binary.LittleEndian.AppendUint64(packed, math.Float64bits(v))
	}
	return m.bytes(field, packed)
}
