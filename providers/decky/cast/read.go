package cast

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// maxLine bounds a line of a recording that is read, maxTime a time in it.
const (
	maxLine = MaxBytes
	maxTime = 7 * 24 * time.Hour
)

// Reader reads a recording. What it reads was written by a decky that may have
// fallen: every bound is checked.
type Reader struct {
	Header Header
	lines  *bufio.Scanner
	last   time.Duration
	number int
}

// NewReader reads the header.
func NewReader(from io.Reader) (*Reader, error) {
	r := &Reader{lines: bufio.NewScanner(io.LimitReader(from, MaxBytes+1))}
	r.lines.Buffer(nil, maxLine)
	line, err := r.line()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("read recording: it is empty")
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(line, &r.Header); err != nil {
		return nil, fmt.Errorf("read recording: header: %w", err)
	}
	if r.Header.Version != 2 {
		return nil, fmt.Errorf("read recording: version %d, want 2", r.Header.Version)
	}
	return r, nil
}

func (r *Reader) line() ([]byte, error) {
	for r.lines.Scan() {
		r.number++
		if line := bytes.TrimSpace(r.lines.Bytes()); len(line) > 0 {
			return line, nil
		}
	}
	if err := r.lines.Err(); err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	return nil, io.EOF
}

// Next is the next event, or io.EOF. Times never go back.
func (r *Reader) Next() (Event, error) {
	line, err := r.line()
	if err != nil {
		return Event{}, err
	}
	var fields []json.RawMessage
	var seconds float64
	var e Event
	if err := json.Unmarshal(line, &fields); err != nil {
		return Event{}, fmt.Errorf("read recording: line %d: %w", r.number, err)
	}
	if len(fields) != 3 {
		return Event{}, fmt.Errorf("read recording: line %d has %d members, want 3", r.number, len(fields))
	}
	err = errors.Join(json.Unmarshal(fields[0], &seconds), json.Unmarshal(fields[1], &e.Kind), json.Unmarshal(fields[2], &e.Data))
	if err != nil {
		return Event{}, fmt.Errorf("read recording: line %d: %w", r.number, err)
	}
	if math.IsNaN(seconds) || seconds < 0 || seconds > maxTime.Seconds() {
		return Event{}, fmt.Errorf("read recording: line %d: time %g", r.number, seconds)
	}
	e.After = max(r.last, time.Duration(seconds*float64(time.Second)))
	r.last = e.After
	return e, nil
}
