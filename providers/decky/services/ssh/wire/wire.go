// Package wire reads and writes the data types of RFC 4251 section 5 as
// OpenSSH's buffers do. It knows no message and keeps nothing.
package wire

import (
	"bytes"
	"encoding/binary"
)

// Reader takes values off the front of a payload. The first value that is not
// there, or is malformed, makes Bad true and every later value zero.
type Reader struct {
	rest []byte
	bad  bool
}

// NewReader reads payload, which the strings it returns share.
func NewReader(payload []byte) *Reader { return &Reader{rest: payload} }

// Bad tells that a value was missing or malformed.
func (r *Reader) Bad() bool { return r.bad }

// Ended tells that all was read and nothing was bad.
func (r *Reader) Ended() bool { return !r.bad && len(r.rest) == 0 }

// Rest is what was not read yet.
func (r *Reader) Rest() []byte { return r.rest }

func (r *Reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.rest) {
		r.bad, r.rest = true, nil
		return nil
	}
	out := r.rest[:n:n]
	r.rest = r.rest[n:]
	return out
}

// Byte is one byte.
func (r *Reader) Byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// Bool is a boolean: every byte but zero is true.
func (r *Reader) Bool() bool { return r.Byte() != 0 }

// Uint32 is a uint32.
func (r *Reader) Uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// Uint64 is a uint64.
func (r *Reader) Uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// Bytes is a string of any bytes.
func (r *Reader) Bytes() []byte {
	n := r.Uint32()
	if uint64(n) > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	return r.take(int(n))
}

// Text is a string without a NUL; OpenSSH tolerates one at the very end.
func (r *Reader) Text() string {
	b := r.Bytes()
	if i := bytes.IndexByte(b, 0); i >= 0 {
		if i != len(b)-1 {
			r.bad, r.rest = true, nil
			return ""
		}
		b = b[:i]
	}
	return string(b)
}

// AppendUint32 appends a uint32.
func AppendUint32(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }

// AppendUint64 appends a uint64.
func AppendUint64(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }

// AppendBool appends a boolean.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// AppendString appends a string.
func AppendString[S string | []byte](b []byte, s S) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// Message starts a payload of n strings: its number and the strings.
func Message(number byte, strings ...string) []byte {
	size := 1
	for _, s := range strings {
		size += 4 + len(s)
	}
	b := append(make([]byte, 0, size+16), number)
	for _, s := range strings {
		b = AppendString(b, s)
	}
	return b
}

// Message numbers of RFC 4250 section 4.1.2 above the transport.
const (
	ServiceRequest      = 5
	ServiceAccept       = 6
	Debug               = 4
	UserauthRequest     = 50
	UserauthFailure     = 51
	UserauthSuccess     = 52
	UserauthBanner      = 53
	UserauthPKOK        = 60 // RFC 4252 section 7
	UserauthInfoRequest = 60 // RFC 4256 section 3.2
	UserauthInfoReply   = 61 // RFC 4256 section 3.4
	GlobalRequest       = 80
	RequestSuccess      = 81
	RequestFailure      = 82
	ChannelOpen         = 90
	ChannelConfirm      = 91
	ChannelOpenFailure  = 92
	ChannelWindowAdjust = 93
	ChannelData         = 94
	ChannelExtended     = 95
	ChannelEOF          = 96
	ChannelClose        = 97
	ChannelRequest      = 98
	ChannelSuccess      = 99
	ChannelFailure      = 100
)
