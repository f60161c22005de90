package seqdata

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// ReadSeries reads columns of a CSV file (RFC 4180) whose first row names them. A column may have the same name as
// another only if it isn't asked for. Spaces around names and numbers, and a byte order mark, don't matter.
//
// Its errors are those of package os, *NotRegularError, and *CSVError for a column that is missing, a row with more or
// fewer cells than the first, and a cell that is not a finite number.
func ReadSeries(path string, columns ...string) (*Series, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	s, err := ReadSeriesFrom(f, path, columns...)
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = readError(path, closeErr)
	}
	return s, err
}

// ReadSeriesFrom is ReadSeries for a reader, which it reads to the end. The name stands for it in errors.
func ReadSeriesFrom(r io.Reader, name string, columns ...string) (*Series, error) {
	if r == nil {
		return nil, &ArgumentError{"ReadSeriesFrom", "reader", nil, "an io.Reader"}
	}
	if len(columns) == 0 {
		return nil, &ArgumentError{"ReadSeries", "list of columns", "empty", "at least one"}
	}
	text := bufio.NewReader(r)
	if mark, _ := text.Peek(3); string(mark) == "\uFEFF" { // before a quotation mark it would be an error
		text.Discard(3)
	}
	in := csv.NewReader(text)
	in.ReuseRecord = true
	header, err := in.Read()
	if err == io.EOF {
		return nil, &CSVError{Name: name, Got: "an empty file", Want: "a row of names, and numbers"}
	}
	if err != nil {
		return nil, csvError(name, err)
	}
	header = slices.Clone(header)
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	line, _ := in.FieldPos(0)
	places := make([]int, len(columns))
	for i, column := range columns {
		if places[i], err = find(column, header, name, line); err != nil {
			return nil, err
		}
	}
	s := &Series{Columns: make([][]float64, len(columns))}
	for {
		row, err := in.Read()
		if err == io.EOF {
			break
		}
		if errors.Is(err, csv.ErrFieldCount) {
			line, _ := in.FieldPos(0)
			return nil, &CSVError{Name: name, Line: line, Got: fmt.Sprint(len(row), " cells"), Want: fmt.Sprintf("%d, as in the first row", len(header))}
		}
		if err != nil {
			return nil, csvError(name, err)
		}
		for i, place := range places {
			cell := strings.TrimSpace(row[place])
			v, err := strconv.ParseFloat(cell, 64)
			if err != nil || !finite(v) {
				line, _ := in.FieldPos(place)
				return nil, &CSVError{Name: name, Line: line, Column: columns[i], Got: fmt.Sprintf("%.40q", cell), Want: "a finite number"}
			}
			s.Columns[i] = append(s.Columns[i], v)
		}
	}
	if s.Len() == 0 {
		return nil, &CSVError{Name: name, Got: "no row after the names", Want: "at least one"}
	}
	return s, nil
}

// find returns the place of a column among the names in a line.
func find(column string, header []string, name string, line int) (int, error) {
	place := slices.Index(header, column)
	if place < 0 {
		const most = 20
		names := fmt.Sprintf("%.40q", header[:min(len(header), most)])
		if len(header) > most {
			names += " and more"
		}
		return 0, &CSVError{Name: name, Line: line, Column: column, Got: "no such column", Want: "one of " + names}
	}
	if slices.Contains(header[place+1:], column) {
		return 0, &CSVError{Name: name, Line: line, Column: column, Got: "the name more than once", Want: "it once"}
	}
	return place, nil
}

// csvError says where the text isn't CSV.
func csvError(name string, err error) error {
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		return &CSVError{Name: name, Line: parse.StartLine, Got: parse.Err.Error(), Want: "CSV"}
	}
	return readError(name, err)
}
