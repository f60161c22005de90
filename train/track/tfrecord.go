package track

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// A record of TensorFlow's file format TFRecord:
//
//	uint64  length of the data
//	uint32  masked checksum of the length
//	        data
//	uint32  masked checksum of the data
//
// in little endian. It says nothing of what the data is.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedChecksum is a CRC-32C that is changed so that data which holds checksums has a good checksum too.
func maskedChecksum(data []byte) uint32 {
	sum := crc32.Checksum(data, castagnoli)
	return (sum>>15 | sum<<17) + 0xa282ead8
}

func appendRecord(dst, data []byte) []byte {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	dst = append(dst, length...)
	dst = binary.LittleEndian.AppendUint32(dst, maskedChecksum(length))
	dst = append(dst, data...)
	return binary.LittleEndian.AppendUint32(dst, maskedChecksum(data))
}

const recordFrame = 8 + 4 + 4 // bytes of a record beside its data

// readRecord returns the data of the next record, of a file with so many bytes left. It is nil where no whole record
// follows: at the end, and from a damaged record on, since nothing tells where the next one begins.
func readRecord(r *bufio.Reader, left int64) ([]byte, error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, unlessEnd(err)
	}
	length := binary.LittleEndian.Uint64(head[:8])
	if maskedChecksum(head[:8]) != binary.LittleEndian.Uint32(head[8:]) || length > uint64(max(0, left-recordFrame)) {
		return nil, nil
	}
	data := make([]byte, length+4)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, unlessEnd(err)
	}
	if maskedChecksum(data[:length]) != binary.LittleEndian.Uint32(data[length:]) {
		return nil, nil
	}
	return data[:length], nil
}

func unlessEnd(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}
