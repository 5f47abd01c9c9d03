package web

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"sync/atomic"
	"time"
)

// Limits of what is kept of bodies.
const (
	maxInline  = 32 << 10 // beside the request itself
	maxCapture = 8 << 20  // of one body, as an artifact
	maxHeld    = 64 << 20 // of all bodies of one handler at a time
)

// ErrChunk is a body whose framing is broken.
var ErrChunk = errors.New("invalid chunked body")

// Framing reads a chunked body's framing a byte at a time (RFC 9112 section
// 7.1). Every product has its own tolerance, so that a face brings its own.
type Framing interface {
	// Step takes a byte of framing and tells whether it was right.
	Step(b byte) bool
	// Data is the number of data bytes that come next; they are not stepped
	// through but told with Took.
	Data() int64
	Took(n int64)
	Done() bool
}

// Body reads a request's body as far as the product does and keeps what of it
// goes on record.
type Body struct {
	in    *Input
	limit *deadline
	left  int64
	chunk Framing // nil where the length is known
	read  int64
	kept  []byte
	held  *atomic.Int64
	sum   hash.Hash
	done  bool
	bad   bool
}

func newBody(in *Input, r *Request, framing Framing, limit *deadline, held *atomic.Int64) *Body {
	b := &Body{in: in, limit: limit, left: max(r.Length, 0), held: held}
	if r.Chunked {
		b.chunk = framing
	}
	b.done = b.chunk == nil && b.left == 0
	return b
}

// Done tells whether the whole body was read.
func (b *Body) Done() bool { return b.done }

// Bad tells whether the framing turned out to be broken.
func (b *Body) Bad() bool { return b.bad }

// Framing is the reader of a chunked body; nil for one of known length.
func (b *Body) Framing() Framing { return b.chunk }

// Kept is what is held of the body: all of it up to 8 MiB.
func (b *Body) Kept() []byte { return b.kept }

// take reads once.
func (b *Body) take() error {
	var p [8192]byte
	limit := int64(len(p))
	data := b.chunk == nil
	if data {
		limit = min(limit, b.left)
	} else if n := b.chunk.Data(); n > 0 {
		limit, data = min(limit, n), true
	} else {
		limit = 1
	}
	n, err := b.in.Read(p[:limit])
	if err != nil {
		return err
	}
	switch {
	case b.chunk == nil:
		b.left -= int64(n)
		b.done = b.left == 0
		b.keep(p[:n])
	case data:
		b.keep(p[:n])
		b.chunk.Took(int64(n))
	default:
		if !b.chunk.Step(p[0]) {
			b.bad = true
			return ErrChunk
		}
		b.done = b.chunk.Done()
	}
	return nil
}

func (b *Body) keep(p []byte) {
	b.read += int64(len(p))
	if room := maxCapture - len(b.kept); room > 0 {
		p := p[:min(len(p), room)]
		if len(b.kept)+len(p) > maxInline && b.held.Add(int64(len(p))) > maxHeld {
			b.held.Add(-int64(len(p)))
		} else {
			b.kept = append(b.kept, p...)
		}
	}
	if b.read > maxInline {
		if b.sum == nil {
			b.sum = sha256.New()
			b.sum.Write(b.kept[:min(int64(len(b.kept)), b.read-int64(len(p)))])
		}
		b.sum.Write(p)
	}
}

// release gives back what the body holds of the handler's budget.
func (b *Body) release() {
	if n := int64(len(b.kept)) - maxInline; n > 0 {
		b.held.Add(-n)
	}
	b.kept = nil
}

// digest is the SHA-256 of what was read.
func (b *Body) digest() string {
	if b.sum == nil {
		sum := sha256.Sum256(b.kept)
		return hex.EncodeToString(sum[:])
	}
	return hex.EncodeToString(b.sum.Sum(nil))
}

// Prefetch reads what is there or arrives within patience, so that it is on
// record before the client learns anything; known tells whether the body's
// state is: whole or broken.
func (b *Body) Prefetch(patience time.Duration) (known bool) {
	if b.done || b.bad {
		return true
	}
	b.limit.set(patience)
	for !b.done && !b.bad && b.read < maxCapture {
		if b.take() != nil {
			break
		}
	}
	return b.done || b.bad
}

// ReadAll reads the body to its end, waiting at most each for every read and
// total for all. A limit below nought is none.
func (b *Body) ReadAll(each, total time.Duration, limit int64) error {
	if b.done {
		return nil
	}
	end := time.Now().Add(total)
	for !b.done {
		if limit >= 0 && b.read > limit {
			return Refusal(413)
		}
		b.limit.until(each, end)
		if err := b.take(); err != nil {
			return timeout(err)
		}
	}
	return nil
}
