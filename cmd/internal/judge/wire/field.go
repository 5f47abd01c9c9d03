package wire

import (
	"encoding/binary"
	"math/big"
)

// reader takes fields off a payload (RFC 4251 5). After a field that is not
// whole it has failed, and gives nothing more.
type reader struct {
	data   []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if r.failed || n < 0 || len(r.data) < n {
		r.failed = true
		return nil
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) u32() uint32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func (r *reader) byte() byte {
	b := r.take(1)
	if b == nil {
		return 0
	}
	return b[0]
}

// text is a string.
func (r *reader) text() []byte {
	n := r.u32()
	if n > maxPacket {
		r.failed = true
	}
	return r.take(int(n))
}

func appendText(to, text []byte) []byte {
	return append(binary.BigEndian.AppendUint32(to, uint32(len(text))), text...)
}

// appendInt appends an mpint.
func appendInt(to []byte, n *big.Int) []byte {
	b := n.Bytes()
	if len(b) > 0 && b[0]&0x80 != 0 {
		b = append([]byte{0}, b...)
	}
	return appendText(to, b)
}

// Text is a string (RFC 4251 5) of text.
func Text(text []byte) []byte { return appendText(nil, text) }

// Int is an mpint of the number whose bytes are given.
func Int(number []byte) []byte { return appendInt(nil, new(big.Int).SetBytes(number)) }
