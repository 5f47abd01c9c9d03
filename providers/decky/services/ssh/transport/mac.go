package transport

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"hash"

	"github.com/decnet/decnet/providers/decky/services/ssh/transport/umac"
)

const maxMAC = 64

// mac authenticates packets (RFC 4253 section 6.4).
type mac interface {
	size() int
	// sum appends the tag of a packet.
	sum(b []byte, seq uint32, packet []byte) []byte
}

// macInfo describes a MAC of the name-lists.
type macInfo struct {
	key int
	etm bool
	new func(key []byte) mac
}

var macTable = map[string]macInfo{
	"hmac-sha2-256":                 {key: 32, new: newHMAC(sha256.New, 32)},
	"hmac-sha2-512":                 {key: 64, new: newHMAC(sha512.New, 64)},
	"hmac-sha1":                     {key: 20, new: newHMAC(sha1.New, 20)},
	"hmac-sha1-96":                  {key: 20, new: newHMAC(sha1.New, 12)},
	"hmac-md5":                      {key: 16, new: newHMAC(md5.New, 16)},
	"hmac-sha2-256-etm@openssh.com": {key: 32, etm: true, new: newHMAC(sha256.New, 32)},
	"hmac-sha2-512-etm@openssh.com": {key: 64, etm: true, new: newHMAC(sha512.New, 64)},
	"hmac-sha1-etm@openssh.com":     {key: 20, etm: true, new: newHMAC(sha1.New, 20)},
	"umac-64@openssh.com":           {key: umac.KeySize, new: newUMAC(8)},
	"umac-128@openssh.com":          {key: umac.KeySize, new: newUMAC(16)},
	"umac-64-etm@openssh.com":       {key: umac.KeySize, etm: true, new: newUMAC(8)},
	"umac-128-etm@openssh.com":      {key: umac.KeySize, etm: true, new: newUMAC(16)},
}

type keyedHash struct {
	h    hash.Hash
	take int
}

func newHMAC(h func() hash.Hash, take int) func([]byte) mac {
	return func(key []byte) mac { return &keyedHash{h: hmac.New(h, key), take: take} }
}

func (k *keyedHash) size() int { return k.take }

func (k *keyedHash) sum(b []byte, seq uint32, packet []byte) []byte {
	var head [4]byte
	binary.BigEndian.PutUint32(head[:], seq)
	k.h.Reset()
	k.h.Write(head[:])
	k.h.Write(packet)
	return k.h.Sum(b)[:len(b)+k.take]
}

// universal is UMAC with the packet's number as its nonce.
type universal struct{ *umac.MAC }

func newUMAC(size int) func([]byte) mac {
	return func(key []byte) mac {
		m, err := umac.New(key, size)
		if err != nil {
			panic("transport: " + err.Error()) // the sizes are constant
		}
		return universal{m}
	}
}

func (u universal) size() int { return u.Size() }

func (u universal) sum(b []byte, seq uint32, packet []byte) []byte {
	return u.Sum(b, uint64(seq), packet)
}
