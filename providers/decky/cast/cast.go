// Package cast records terminal sessions as asciicast v2 and plays them: what
// the terminal showed, what was typed, and how large the window was, with their
// times. A recorder bounds what it keeps and says so; a player shows an
// attacker's output without what could attack the terminal that it is shown on.
// The package writes no file.
package cast

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// Limits of a recording.
const (
	MaxBytes  = 10 << 20 // of one session
	MaxBudget = 32 << 20 // of all sessions that share a Budget and are not kept yet
)

// Header is the first line of a recording.
type Header struct {
	Version   int               `json:"version"` // 2
	Width     int               `json:"width"`
	Height    int               `json:"height"`
	Timestamp int64             `json:"timestamp,omitempty"` // Unix seconds
	Title     string            `json:"title,omitempty"`
	Env       map[string]string `json:"env,omitempty"` // TERM, SHELL
}

// Kinds of an Event.
const (
	Output = "o"
	Input  = "i"
	Resize = "r" // Data is "COLSxROWS"
	Marker = "m"
)

// Event is one thing that happened.
type Event struct {
	After time.Duration // since the recording began
	Kind  string
	Data  string
}

// Budget bounds the memory that recordings share. The zero value is MaxBudget.
type Budget struct{ used atomic.Int64 }

func (b *Budget) take(n int) bool {
	if b == nil {
		return true
	}
	if b.used.Add(int64(n)) > MaxBudget {
		b.used.Add(-int64(n))
		return false
	}
	return true
}

func (b *Budget) give(n int) {
	if b != nil {
		b.used.Add(-int64(n))
	}
}

// Recorder takes down one session. It is safe for concurrent use; a nil one
// keeps nothing.
type Recorder struct {
	now    func() time.Time
	budget *Budget
	limit  int

	mu        sync.Mutex
	began     time.Time
	buffer    []byte
	parts     map[string][]byte // a character that is not whole yet, by kind
	truncated bool
	ended     bool
}

// NewRecorder begins a recording. now is the clock, budget may be nil; a
// header without a size gets 80 columns and 24 rows.
func NewRecorder(h Header, now func() time.Time, budget *Budget) *Recorder {
	h.Version = 2
	if h.Width <= 0 || h.Height <= 0 {
		h.Width, h.Height = 80, 24
	}
	began := now()
	h.Timestamp = began.Unix()
	r := &Recorder{now: now, budget: budget, limit: MaxBytes, began: began, parts: map[string][]byte{}}
	line, err := json.Marshal(h)
	if err != nil {
		line = []byte(`{"version":2,"width":80,"height":24}`) // strings and numbers always encode
	}
	r.append(append(line, '\n'))
	return r
}

// Output notes what the terminal showed.
func (r *Recorder) Output(p []byte) { r.note(Output, p) }

// Input notes what was typed, secrets included.
func (r *Recorder) Input(p []byte) { r.note(Input, p) }

// Resize notes the window's size.
func (r *Recorder) Resize(cols, rows int) {
	if cols > 0 && rows > 0 {
		r.note(Resize, fmt.Appendf(nil, "%dx%d", cols, rows))
	}
}

func (r *Recorder) note(kind string, p []byte) {
	if r == nil || len(p) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.truncated || r.ended {
		return
	}
	p = append(r.parts[kind], p...)
	whole := len(p) - partial(p)
	r.parts[kind] = bytes.Clone(p[whole:])
	if whole > 0 {
		r.event(kind, p[:whole])
	}
}

// partial is how many bytes at the end of p begin a character that is not whole.
func partial(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		c := p[len(p)-n]
		if utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(p[len(p)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// event writes one line; bytes that are no UTF-8 become U+FFFD, as the format
// has no place for them. The caller holds the lock.
func (r *Recorder) event(kind string, p []byte) {
	text, err := json.Marshal(string(bytes.ToValidUTF8(p, []byte("\ufffd"))))
	if err != nil {
		return // strings always encode
	}
	after := r.now().Sub(r.began)
	line := append([]byte{'['}, strconv.FormatFloat(after.Seconds(), 'f', 6, 64)...)
	line = append(append(append(line, `, "`+kind+`", `...), text...), "]\n"...)
	r.append(line)
}

func (r *Recorder) append(line []byte) {
	if len(r.buffer)+len(line) > r.limit || !r.budget.take(len(line)) {
		r.truncated = true
		return
	}
	r.buffer = append(r.buffer, line...)
}

// Close ends the recording and gives it away; truncated says that it does not
// reach to the session's end.
func (r *Recorder) Close() (data []byte, truncated bool) {
	if r == nil {
		return nil, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return nil, r.truncated
	}
	for kind, rest := range r.parts {
		if len(rest) > 0 && !r.truncated {
			r.event(kind, rest)
		}
	}
	data = r.buffer
	r.buffer, r.parts, r.ended = nil, nil, true
	r.budget.give(len(data))
	return data, r.truncated
}

// Direction is that of the event.Transfer which names a recording.
const Direction = "recording"

// Artifact is the name of the value, in a service's store, that holds the
// recording with a digest.
func Artifact(digest string) string { return "artifact-" + digest }
