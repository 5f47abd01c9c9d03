package web

import (
	"errors"
	"net"
)

// maxRaw is how much of one request's head is kept for the record.
const maxRaw = 64 << 10

// Input reads bytes from a client for one connection. It keeps what was read
// since Begin, so that bytes that are no request can be recorded as they came.
type Input struct {
	conn  net.Conn
	buf   [4096]byte
	start int // of the current request in buf
	r, w  int
	spill []byte // of the current request, before buf[start:]
}

// NewInput reads from conn.
func NewInput(conn net.Conn) *Input { return &Input{conn: conn} }

// Begin starts a new request.
func (in *Input) Begin() { in.start, in.spill = in.r, in.spill[:0] }

// Buffered is the number of bytes that were read already.
func (in *Input) Buffered() int { return in.w - in.r }

// Next is the next byte.
func (in *Input) Next() (byte, error) {
	if in.r == in.w {
		if err := in.Fill(); err != nil {
			return 0, err
		}
	}
	c := in.buf[in.r]
	in.r++
	return c, nil
}

// Back gives the last byte of Next back; it may be called once for each.
func (in *Input) Back() { in.r-- }

// Fill waits for bytes where none are buffered.
func (in *Input) Fill() error {
	if in.r < in.w {
		return nil
	}
	if room := maxRaw - len(in.spill); room > 0 {
		kept := in.buf[in.start:in.w]
		in.spill = append(in.spill, kept[:min(len(kept), room)]...)
	}
	in.start, in.r, in.w = 0, 0, 0
	n, err := in.conn.Read(in.buf[:])
	if n > 0 {
		in.w = n
		return nil
	}
	if err == nil {
		return errors.New("empty read")
	}
	return err
}

// Read takes at most len(p) bytes of a body.
func (in *Input) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if in.r == in.w {
		in.start = in.w // a body is no part of the head
		if err := in.Fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, in.buf[in.r:in.w])
	in.r += n
	in.start = in.r
	return n, nil
}

// Raw is what was read since Begin, up to 64 KiB; it is good until the next
// read.
func (in *Input) Raw() []byte {
	if len(in.spill) == 0 {
		return in.buf[in.start:in.r]
	}
	kept := in.buf[in.start:in.r]
	return append(in.spill[:len(in.spill):len(in.spill)], kept[:min(len(kept), max(maxRaw-len(in.spill), 0))]...)
}

// Rest is what was read and not yet taken.
func (in *Input) Rest() []byte { return in.buf[in.r:in.w] }
