package kernel

// CopyRows copies rows of a table to dst, one for each index, with the threads of p. Rows are width long. The indices must
// be those of rows.
func CopyRows[F Float](p *Pool, width int, table []F, index []int32, dst []F) {
	checkLen(len(dst), width*len(index))
	t := getRowsTask[F]()
	*t = rowsTask[F]{width: width, table: table, index: index, rows: dst, chunks: min(p.Threads(), 1+len(dst)/minCopy)}
	p.Run(t.chunks, t)
	putRowsTask(t)
}

// AddRows adds each row of rows to the row of a table that its index says, in order, with the threads of p. Rows are width
// long. Those with index skip are left out.
func AddRows[F Float](p *Pool, width int, table []F, index []int32, skip int, rows []F) {
	checkLen(len(rows), width*len(index))
	t := getRowsTask[F]()
	*t = rowsTask[F]{add: true, width: width, table: table, index: index, skip: skip, rows: rows, chunks: min(p.Threads(), 1+len(rows)/minCopy)}
	p.Run(t.chunks, t)
	putRowsTask(t)
}

// minCopy is the number of elements to copy that is worth another worker.
const minCopy = 16 << 10

// rowsTask is one CopyRows, divided by rows, or one AddRows, divided by columns so that rows are added in order.
type rowsTask[F Float] struct {
	add    bool
	width  int
	table  []F
	index  []int32
	skip   int
	rows   []F
	chunks int
}

func (t *rowsTask[F]) Chunk(i, _ int) {
	w := t.width
	if !t.add {
		from, to := Split(len(t.index), 1, i, t.chunks)
		for i, k := range t.index[from:to] {
			copy(t.rows[(from+i)*w:][:w], t.table[int(k)*w:])
		}
		return
	}
	im := kernels[F]()
	from, to := Split(w, im.panel, i, t.chunks)
	if from == to {
		return
	}
	for i, k := range t.index {
		if int(k) != t.skip {
			sum := t.table[int(k)*w:][from:to]
			im.add(sum, sum, t.rows[i*w:][from:to])
		}
	}
}
