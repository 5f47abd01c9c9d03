package http

import (
	"errors"
	"net"
)

// nginx's client_header_buffer_size and large_client_header_buffers.
const (
	smallBuffer  = 1024
	largeBuffer  = 8192
	largeBuffers = 4
	maxRaw       = 40 << 10 // of one request kept for the record
)

var errTooLarge = errors.New("header does not fit the buffers")

// input reads bytes from a client and keeps account of nginx's header buffers,
// so that a request is too large exactly when it is for nginx.
type input struct {
	conn net.Conn
	buf  [4096]byte
	r, w int

	metered bool   // header buffers are counted
	room    int    // bytes left in the current header buffer
	size    int    // of the current header buffer
	large   int    // large buffers used by this request
	line    int    // bytes of the unfinished line
	raw     []byte // the request's bytes so far, at most maxRaw
}

// begin starts the account of a new request.
func (in *input) begin() {
	in.metered, in.room, in.size, in.large, in.line = true, smallBuffer, smallBuffer, 0, 0
	in.raw = in.raw[:0]
}

// buffered tells whether bytes wait that were read already.
func (in *input) buffered() bool { return in.r < in.w }

// next is the next byte; it fails with errTooLarge where nginx has no buffer
// left for it.
func (in *input) next() (byte, error) {
	if in.metered && in.room == 0 {
		if err := in.grow(); err != nil {
			return 0, err
		}
	}
	if in.r == in.w {
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
	c := in.buf[in.r]
	in.r++
	if in.metered {
		in.room--
		in.line++
		if len(in.raw) < maxRaw {
			in.raw = append(in.raw, c)
		}
	}
	return c, nil
}

func (in *input) fill() error {
	n, err := in.conn.Read(in.buf[:])
	if n == 0 && err == nil {
		return errors.New("empty read")
	}
	if n > 0 {
		in.r, in.w = 0, n
		return nil
	}
	return err
}

func (in *input) grow() error {
	if in.line >= largeBuffer || in.large == largeBuffers {
		return errTooLarge
	}
	in.large++
	in.size = largeBuffer
	in.room = largeBuffer - in.line
	return nil
}

// endLine ends the account of a line.
func (in *input) endLine() { in.line = 0 }

// skipLine forgets an empty line before the request line: nginx reads it into
// the same buffer again once that is full.
func (in *input) skipLine() {
	in.line = 0
	if in.room == 0 {
		in.room = in.size
	}
}

// read takes at most len(p) bytes of a body.
func (in *input) read(p []byte) (int, error) {
	if in.r == in.w {
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, in.buf[in.r:in.w])
	in.r += n
	return n, nil
}
