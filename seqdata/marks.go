package seqdata

// marks holds the byte offset of every spacing-th character of a file. It
// doubles the spacing whenever it is full, so that it never outgrows limit.
type marks struct {
	offsets []int64
	spacing int
	limit   int
}

// newMarks takes 8 MB at most. Up to 2^30 characters, a read decodes no more
// than 1023 characters that were not asked for.
func newMarks() marks {
	return marks{spacing: 1 << 10, limit: 1 << 20}
}

// note takes the offsets of all characters in turn.
func (m *marks) note(character int, offset int64) {
	if character%m.spacing != 0 {
		return
	}
	if len(m.offsets) == m.limit {
		for i := range m.limit / 2 {
			m.offsets[i] = m.offsets[2*i]
		}
		m.offsets = m.offsets[:m.limit/2]
		m.spacing *= 2
	}
	m.offsets = append(m.offsets, offset)
}

// before returns the offset of a marked character, and how many characters
// there are from it to the one wanted.
func (m *marks) before(character int) (skip int, offset int64) {
	if m.offsets == nil {
		return 0, int64(character)
	}
	return character % m.spacing, m.offsets[character/m.spacing]
}
