package secure

import (
	"encoding/binary"
	"errors"
)

// maxHello bounds a ClientHello, in bytes.
const maxHello = 64 << 10

// Extensions that a fingerprint looks into (RFC 8446 section 4.2).
const (
	extServerName = 0
	extGroups     = 10
	extPoints     = 11
	extSignatures = 13
	extALPN       = 16
	extVersions   = 43
)

// Hello is what a client says of itself in its ClientHello (RFC 8446 section
// 4.1.2), lists in the order sent.
type Hello struct {
	Version    uint16 // the legacy one
	Ciphers    []uint16
	Extensions []uint16
	Groups     []uint16
	Points     []uint8
	Signatures []uint16
	Versions   []uint16
	ALPN       []string
	ServerName string
}

var errHello = errors.New("no ClientHello")

// reader takes big-endian fields off a slice; ok turns false at the first that
// is not there.
type reader struct {
	data []byte
	ok   bool
}

func (r *reader) take(n int) []byte {
	if !r.ok || n > len(r.data) {
		r.ok = false
		return nil
	}
	taken := r.data[:n]
	r.data = r.data[n:]
	return taken
}

func (r *reader) u8() int {
	if b := r.take(1); r.ok {
		return int(b[0])
	}
	return 0
}

func (r *reader) u16() int {
	if b := r.take(2); r.ok {
		return int(binary.BigEndian.Uint16(b))
	}
	return 0
}

// list8 and list16 are vectors with a length of one or two bytes.
func (r *reader) list8() reader {
	data := r.take(r.u8())
	return reader{data, r.ok}
}

func (r *reader) list16() reader {
	data := r.take(r.u16())
	return reader{data, r.ok}
}

func (r reader) numbers() []uint16 {
	var all []uint16
	for r.ok && len(r.data) >= 2 {
		all = append(all, uint16(r.u16()))
	}
	return all
}

// ParseHello reads a ClientHello, the four bytes of its handshake header
// included.
func ParseHello(message []byte) (*Hello, error) {
	r := reader{message, true}
	if kind := r.u8(); kind != 1 {
		return nil, errHello
	}
	size := r.u8()<<16 | r.u16()
	whole := r.take(size)
	body := reader{whole, r.ok}
	h := &Hello{Version: uint16(body.u16())}
	body.take(32)
	body.list8()
	h.Ciphers = body.list16().numbers()
	body.list8()
	if !body.ok {
		return nil, errHello
	}
	if len(body.data) == 0 {
		return h, nil
	}
	extensions := body.list16()
	for extensions.ok && len(extensions.data) > 0 {
		kind := uint16(extensions.u16())
		data := extensions.list16()
		if !extensions.ok {
			return nil, errHello
		}
		h.Extensions = append(h.Extensions, kind)
		h.extension(kind, data)
	}
	return h, nil
}

func (h *Hello) extension(kind uint16, data reader) {
	switch kind {
	case extServerName:
		names := data.list16()
		if names.u8() == 0 {
			if name := names.list16(); name.ok {
				h.ServerName = string(name.data)
			}
		}
	case extGroups:
		h.Groups = data.list16().numbers()
	case extPoints:
		h.Points = data.list8().data
	case extSignatures:
		h.Signatures = data.list16().numbers()
	case extVersions:
		h.Versions = data.list8().numbers()
	case extALPN:
		for names := data.list16(); names.ok && len(names.data) > 0; {
			if one := names.list8(); names.ok {
				h.ALPN = append(h.ALPN, string(one.data))
			}
		}
	}
}

// grease tells the reserved values that clients mix in (RFC 8701).
func grease(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }
