package track

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// logFile is a file that records are appended to. The zero value is a closed one.
type logFile struct {
	path string
	file *os.File
	size int64 // of the whole records
}

var errNotOpen = errors.New("an event came before Start or after End")

// append writes a record at once. The next one overwrites what a failed write left.
func (l *logFile) append(record []byte) error {
	if l.file == nil {
		return &LogError{Path: l.path, Err: errNotOpen}
	}
	if _, err := l.file.WriteAt(record, l.size); err != nil {
		return &LogError{Path: l.path, Err: err}
	}
	l.size += int64(len(record))
	return nil
}

// close is called again without harm.
func (l *logFile) close() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	if err != nil {
		return &LogError{Path: l.path, Err: err}
	}
	return nil
}

// openLines opens a log with one record a line, for a run that begins, goes on after a step, or goes back to it. It keeps
// the records up to that step and cuts off the rest; a run that begins has none to cut. Such a file begins with the text
// begin; where that is a whole line it is a header, which a new file gets. step returns the step of a record, without its
// line break, or an error if it is none.
func openLines(path, begin string, after int, back bool, step func(line string) (int, error)) (logFile, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return logFile{path: path}, &LogError{Path: path, Err: err}
	}
	l := logFile{path: path, file: file}
	if l.size, err = keptLines(file, begin, after, back, step); err == nil {
		err = file.Truncate(l.size)
	}
	if err == nil && l.size == 0 && strings.HasSuffix(begin, "\n") {
		err = l.append([]byte(begin))
	}
	if err != nil {
		l.close() // err says what is wrong
		return l, logError(path, err)
	}
	return l, nil
}

// keptLines returns how many bytes of a log hold whole lines up to a step. Only the last line may be torn: what else
// isn't a record was written by somebody else, and is not ours to cut off.
func keptLines(file *os.File, begin string, after int, back bool, step func(line string) (int, error)) (size int64, err error) {
	r := bufio.NewReader(file)
	head, err := r.Peek(len(begin))
	if err != nil && err != io.EOF {
		return 0, err
	}
	// Some file systems leave zeros behind the last write before a power failure.
	if !strings.HasPrefix(begin, strings.TrimRight(string(head), "\x00")) {
		return 0, &LogError{Path: file.Name(), Got: fmt.Sprintf("%q at its beginning", head), Want: fmt.Sprintf("%q", begin)}
	}
	for n := 1; ; n++ {
		line, err := r.ReadString('\n')
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			return 0, err
		}
		if line != begin {
			at, err := step(strings.TrimSuffix(line, "\n"))
			switch {
			case err != nil:
				return 0, &LogError{Path: file.Name(), Got: fmt.Sprintf("%.100q in line %d", line, n), Want: "a record"}
			case after == 0 && !back:
				return 0, earlier(file.Name(), at)
			case at > after:
				return size, nil
			}
		}
		size += int64(len(line))
	}
}

// earlier is the error for a log that holds a record already where a run begins.
func earlier(path string, step int) error {
	return &LogError{Path: path, Got: fmt.Sprintf("a record of step %d", step), Want: "none, since the run begins at step 0"}
}

// logError is err as a *LogError.
func logError(path string, err error) error {
	if _, ok := err.(*LogError); ok {
		return err
	}
	return &LogError{Path: path, Err: err}
}
