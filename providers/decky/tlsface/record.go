package tlsface

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
)

// Types of records (RFC 8446 section 5.1).
const (
	recordChange    = 20
	recordAlert     = 21
	recordHandshake = 22
	recordData      = 23
)

// Sizes of records, in bytes.
const (
	headerSize   = 5
	maxPlain     = 1 << 14
	moreSealed   = 2048 // a sealed record before TLS 1.3
	moreSealed13 = 256
)

// half protects the records of one direction. Its zero value protects nothing.
type half struct {
	version  uint16
	sequence uint64

	aead cipher.AEAD
	salt []byte

	block          cipher.Block // CBC
	macKey         []byte
	mac            crypto.Hash
	encryptThenMAC bool

	secret []byte // TLS 1.3's, for updates of the key
}

func (h *half) cbc(key []byte) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("make a cipher: %w", err)
	}
	h.block = block
	return nil
}

// plainly tells that records go unprotected.
func (h *half) plainly() bool { return h.aead == nil && h.block == nil }

// seal appends a record with its header to dst.
func (h *half) seal(dst []byte, kind byte, version uint16, data []byte) ([]byte, error) {
	if h.plainly() {
		return append(header(dst, kind, version, len(data)), data...), nil
	}
	defer func() { h.sequence++ }()
	if h.block != nil {
		return h.sealCBC(dst, kind, version, data)
	}
	if h.version == VersionTLS13 {
		data = append(data[:len(data):len(data)], kind)
		dst = header(dst, recordData, VersionTLS12, len(data)+h.aead.Overhead())
		return h.aead.Seal(dst, h.nonce(nil), data, dst[len(dst)-headerSize:]), nil
	}
	var explicit []byte
	if len(h.salt) < h.aead.NonceSize() {
		explicit = binary.BigEndian.AppendUint64(nil, h.sequence)
	}
	dst = header(dst, kind, version, len(explicit)+len(data)+h.aead.Overhead())
	return h.aead.Seal(append(dst, explicit...), h.nonce(explicit), data, h.about(kind, version, len(data))), nil
}

// open takes the protection off a record's data; the type comes out of the
// record itself in TLS 1.3.
func (h *half) open(kind byte, version uint16, data []byte) (byte, []byte, error) {
	if h.plainly() {
		return kind, data, nil
	}
	defer func() { h.sequence++ }()
	switch {
	case h.block != nil:
		plain, err := h.openCBC(kind, version, data)
		return kind, plain, err
	case h.version == VersionTLS13:
		return h.open13(kind, version, data)
	}
	var explicit []byte
	if rest := h.aead.NonceSize() - len(h.salt); rest > 0 {
		if len(data) < rest {
			return 0, nil, alertRecordMAC
		}
		explicit, data = data[:rest], data[rest:]
	}
	size := len(data) - h.aead.Overhead()
	if size < 0 {
		return 0, nil, alertRecordMAC
	}
	plain, err := h.aead.Open(nil, h.nonce(explicit), data, h.about(kind, version, size))
	if err != nil {
		return 0, nil, alertRecordMAC
	}
	return kind, plain, nil
}

func (h *half) open13(kind byte, version uint16, data []byte) (byte, []byte, error) {
	if kind != recordData {
		return 0, nil, alertUnexpected
	}
	plain, err := h.aead.Open(nil, h.nonce(nil), data, header(nil, kind, version, len(data)))
	if err != nil {
		return 0, nil, alertRecordMAC
	}
	plain = bytes.TrimRight(plain, "\x00")
	if len(plain) == 0 {
		return 0, nil, alertUnexpected
	}
	last := len(plain) - 1
	return plain[last], plain[:last], nil
}

// nonce is the salt with the sequence number: mixed in (RFC 8446 section 5.3,
// RFC 7905) or after it (RFC 5288).
func (h *half) nonce(explicit []byte) []byte {
	nonce := append(make([]byte, 0, 16), h.salt...)
	if explicit != nil {
		return append(nonce, explicit...)
	}
	var sequence [8]byte
	binary.BigEndian.PutUint64(sequence[:], h.sequence)
	subtle.XORBytes(nonce[len(nonce)-8:], nonce[len(nonce)-8:], sequence[:])
	return nonce
}

// about is what is authenticated beside a record's data before TLS 1.3.
func (h *half) about(kind byte, version uint16, size int) []byte {
	return header(binary.BigEndian.AppendUint64(nil, h.sequence), kind, version, size)
}

func (h *half) sealCBC(dst []byte, kind byte, version uint16, data []byte) ([]byte, error) {
	var body []byte
	iv := h.salt
	if version > VersionTLS10 {
		iv = make([]byte, aes.BlockSize)
		if _, err := rand.Read(iv); err != nil {
			return nil, fmt.Errorf("draw an initialisation vector: %w", err)
		}
		body = append(body, iv...)
	}
	plain := append([]byte(nil), data...)
	if !h.encryptThenMAC {
		plain = append(plain, mac(h.mac, h.macKey, h.about(kind, version, len(data)), data)...)
	}
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	plain = append(plain, bytes.Repeat([]byte{byte(padding - 1)}, padding)...)
	cipher.NewCBCEncrypter(h.block, iv).CryptBlocks(plain, plain)
	if version == VersionTLS10 {
		h.salt = append([]byte(nil), plain[len(plain)-aes.BlockSize:]...)
	}
	body = append(body, plain...)
	if h.encryptThenMAC {
		body = append(body, mac(h.mac, h.macKey, h.about(kind, version, len(body)), body)...)
	}
	return append(header(dst, kind, version, len(body)), body...), nil
}

func (h *half) openCBC(kind byte, version uint16, data []byte) ([]byte, error) {
	if size := len(data) - h.mac.Size(); h.encryptThenMAC {
		if size < 0 || subtle.ConstantTimeCompare(data[size:], mac(h.mac, h.macKey, h.about(kind, version, size), data[:size])) != 1 {
			return nil, alertRecordMAC
		}
		data = data[:size]
	}
	iv := h.salt
	if version > VersionTLS10 {
		if len(data) < aes.BlockSize {
			return nil, alertRecordMAC
		}
		iv, data = data[:aes.BlockSize], data[aes.BlockSize:]
	}
	if len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, alertRecordMAC
	}
	if version == VersionTLS10 {
		h.salt = append([]byte(nil), data[len(data)-aes.BlockSize:]...)
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(h.block, iv).CryptBlocks(plain, data)
	return h.unpad(kind, version, plain)
}

// unpad takes padding and, where it stands inside, the MAC off. Every mistake is
// the same alert, and the MAC is computed over what is there whatever the padding
// says (RFC 5246 section 6.2.3.2).
func (h *half) unpad(kind byte, version uint16, plain []byte) ([]byte, error) {
	tag := 0
	if !h.encryptThenMAC {
		tag = h.mac.Size()
	}
	padding := int(plain[len(plain)-1]) + 1
	good := 1
	if padding+tag > len(plain) {
		good, padding = 0, 1
	}
	if tag > len(plain)-padding {
		return nil, alertRecordMAC
	}
	for _, b := range plain[len(plain)-padding:] {
		good &= subtle.ConstantTimeByteEq(b, byte(padding-1))
	}
	if good == 0 {
		padding = 1
	}
	size := len(plain) - padding - tag
	if size < 0 {
		return nil, alertRecordMAC
	}
	if tag > 0 {
		good &= subtle.ConstantTimeCompare(plain[size:size+tag], mac(h.mac, h.macKey, h.about(kind, version, size), plain[:size]))
	}
	if good != 1 {
		return nil, alertRecordMAC
	}
	return plain[:size], nil
}

// header appends a record's header.
func header(dst []byte, kind byte, version uint16, size int) []byte {
	return append(dst, kind, byte(version>>8), byte(version), byte(size>>8), byte(size))
}
