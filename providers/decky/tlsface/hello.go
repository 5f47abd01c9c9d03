package tlsface

import (
	"encoding/binary"
	"slices"
)

// MaxHello bounds a ClientHello, in bytes.
const MaxHello = 64 << 10

// Extensions (RFC 8446 section 4.2 and IANA's registry of TLS extensions).
const (
	extServerName     = 0
	extStatus         = 5
	extGroups         = 10
	extPoints         = 11
	extSignatures     = 13
	extALPN           = 16
	extEncryptThenMAC = 22
	extMasterSecret   = 23
	extTicket         = 35
	extPSK            = 41
	extEarlyData      = 42
	extVersions       = 43
	extCookie         = 44
	extPSKModes       = 45
	extKeyShare       = 51
	extRenegotiation  = 0xff01
)

// signalRenegotiation is the cipher that stands for an empty extension
// renegotiation_info (RFC 5746 section 3.3).
const signalRenegotiation = 0x00ff

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

	random      []byte
	session     []byte
	compression []byte
	data        map[uint16][]byte // of extensions
	shares      []share
	pskModes    []byte
	identities  [][]byte
	binders     [][]byte
}

// share is a client's half of a key agreement.
type share struct {
	group uint16
	key   []byte
}

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

// whole tells that everything was read and was there.
func (r *reader) whole() bool { return r.ok && len(r.data) == 0 }

// ParseHello reads a ClientHello, the four bytes of its handshake header
// included. An error is the Alert that OpenSSL sends.
func ParseHello(message []byte) (*Hello, error) {
	r := reader{message, true}
	if kind := r.u8(); kind != typeClientHello {
		return nil, alertUnexpected
	}
	body := reader{r.take(r.u8()<<16 | r.u16()), true}
	if !r.whole() {
		return nil, alertDecode
	}
	h := &Hello{Version: uint16(body.u16()), data: map[uint16][]byte{}}
	h.random = body.take(32)
	session := body.list8()
	ciphers := body.list16()
	compression := body.list8()
	if h.session = session.data; !body.ok || len(h.session) > 32 || len(ciphers.data)%2 != 0 {
		return nil, alertDecode
	}
	h.Ciphers, h.compression = ciphers.numbers(), compression.data
	if len(body.data) == 0 {
		return h, nil
	}
	extensions := body.list16()
	if !body.whole() {
		return nil, alertDecode
	}
	for len(extensions.data) > 0 {
		kind := uint16(extensions.u16())
		data := extensions.list16()
		if !extensions.ok {
			return nil, alertDecode
		}
		if _, twice := h.data[kind]; twice {
			return nil, alertParameter
		}
		h.Extensions, h.data[kind] = append(h.Extensions, kind), data.data
		if kind == extPSK && len(extensions.data) > 0 {
			return nil, alertParameter // RFC 8446 section 4.2.11: it is the last
		}
		if !h.extension(kind, data, message) {
			return nil, alertDecode
		}
	}
	return h, nil
}

// extension reads the data of one extension; false where it is malformed.
func (h *Hello) extension(kind uint16, data reader, message []byte) bool {
	switch kind {
	case extServerName:
		return h.serverName(data)
	case extStatus:
		if data.u8() != 1 { // OCSP; others are passed over
			return data.ok
		}
		data.list16()
		data.list16()
		return data.whole()
	case extGroups:
		list := data.list16()
		h.Groups = list.numbers()
		return data.whole() && len(list.data) > 0 && len(list.data)%2 == 0
	case extPoints:
		h.Points = data.list8().data
		return data.whole() && len(h.Points) > 0
	case extSignatures:
		list := data.list16()
		h.Signatures = list.numbers()
		return data.whole() && len(list.data) > 0 && len(list.data)%2 == 0
	case extVersions:
		list := data.list8()
		h.Versions = list.numbers()
		return data.whole() && len(list.data) > 0
	case extALPN:
		names := data.list16()
		for len(names.data) > 0 {
			one := names.list8()
			if !names.ok || len(one.data) == 0 {
				return false
			}
			h.ALPN = append(h.ALPN, string(one.data))
		}
		return data.whole() && len(h.ALPN) > 0
	case extKeyShare:
		return h.keyShares(data)
	case extPSKModes:
		h.pskModes = data.list8().data
		return data.whole() && len(h.pskModes) > 0
	case extPSK:
		return h.preShared(data, message)
	}
	return true
}

func (h *Hello) serverName(data reader) bool {
	names := data.list16()
	kind := names.u8()
	name := names.list16()
	if !data.whole() || !names.whole() || kind != 0 || len(name.data) == 0 || len(name.data) > 255 || slices.Contains(name.data, 0) {
		return false
	}
	h.ServerName = string(name.data)
	return true
}

func (h *Hello) keyShares(data reader) bool {
	list := data.list16()
	for len(list.data) > 0 {
		one := share{group: uint16(list.u16())}
		one.key = list.list16().data
		if !list.ok || len(one.key) == 0 {
			return false
		}
		h.shares = append(h.shares, one)
	}
	return data.whole()
}

func (h *Hello) preShared(data reader, message []byte) bool {
	identities := data.list16()
	for len(identities.data) > 0 {
		one := identities.list16()
		identities.take(4) // the obfuscated age
		if !identities.ok || len(one.data) == 0 {
			return false
		}
		h.identities = append(h.identities, one.data)
	}
	binders := data.list16()
	for len(binders.data) > 0 {
		one := binders.list8()
		if !binders.ok {
			return false
		}
		h.binders = append(h.binders, one.data)
	}
	return data.whole() && len(h.binders) == len(h.identities) && len(h.binders) > 0
}

// has tells whether an extension was sent.
func (h *Hello) has(kind uint16) bool {
	_, ok := h.data[kind]
	return ok
}

// grease tells the reserved values that clients mix in (RFC 8701).
func grease(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }
