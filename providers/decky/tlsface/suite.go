package tlsface

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	_ "crypto/sha1" // CBC suites authenticate with it
	_ "crypto/sha256"
	_ "crypto/sha512"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// Versions of TLS as they stand on the wire.
const (
	VersionSSL30 = 0x0300
	VersionTLS10 = 0x0301
	VersionTLS11 = 0x0302
	VersionTLS12 = 0x0303
	VersionTLS13 = 0x0304
)

// mode is how a suite protects records.
type mode int

const (
	modeGCM mode = iota
	modeCCM
	modeCCM8
	modeChaCha
	modeCBC
	// Chosen as OpenSSL chooses them, but no record can be protected.
	modeARIA
	modeCamellia // chained as CBC
)

// suite is a cipher suite.
type suite struct {
	id     uint16
	name   string
	ecdhe  bool
	rsa    bool // authenticated with an RSA key
	mode   mode
	key    int // bytes
	hash   crypto.Hash
	mac    crypto.Hash // CBC alone
	oldest uint16
}

// suites12 are OpenSSL 3.0's of HIGH in its order without those that need a key
// or a parameter that a web server does not have (openssl ciphers -V -s -tls1_2
// 'HIGH:!aNULL'); IANA's registry has the numbers.
var suites12 = []suite{
	ecdsa(0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384", modeGCM, 32, crypto.SHA384),
	rsaE(0xc030, "ECDHE-RSA-AES256-GCM-SHA384", modeGCM, 32, crypto.SHA384),
	ecdsa(0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305", modeChaCha, 32, crypto.SHA256),
	rsaE(0xcca8, "ECDHE-RSA-CHACHA20-POLY1305", modeChaCha, 32, crypto.SHA256),
	ecdsa(0xc0af, "ECDHE-ECDSA-AES256-CCM8", modeCCM8, 32, crypto.SHA256),
	ecdsa(0xc0ad, "ECDHE-ECDSA-AES256-CCM", modeCCM, 32, crypto.SHA256),
	ecdsa(0xc05d, "ECDHE-ECDSA-ARIA256-GCM-SHA384", modeARIA, 32, crypto.SHA384),
	rsaE(0xc061, "ECDHE-ARIA256-GCM-SHA384", modeARIA, 32, crypto.SHA384),
	ecdsa(0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256", modeGCM, 16, crypto.SHA256),
	rsaE(0xc02f, "ECDHE-RSA-AES128-GCM-SHA256", modeGCM, 16, crypto.SHA256),
	ecdsa(0xc0ae, "ECDHE-ECDSA-AES128-CCM8", modeCCM8, 16, crypto.SHA256),
	ecdsa(0xc0ac, "ECDHE-ECDSA-AES128-CCM", modeCCM, 16, crypto.SHA256),
	ecdsa(0xc05c, "ECDHE-ECDSA-ARIA128-GCM-SHA256", modeARIA, 16, crypto.SHA256),
	rsaE(0xc060, "ECDHE-ARIA128-GCM-SHA256", modeARIA, 16, crypto.SHA256),
	cbc(ecdsa(0xc024, "ECDHE-ECDSA-AES256-SHA384", modeCBC, 32, crypto.SHA384), crypto.SHA384),
	cbc(rsaE(0xc028, "ECDHE-RSA-AES256-SHA384", modeCBC, 32, crypto.SHA384), crypto.SHA384),
	ecdsa(0xc073, "ECDHE-ECDSA-CAMELLIA256-SHA384", modeCamellia, 32, crypto.SHA384),
	rsaE(0xc077, "ECDHE-RSA-CAMELLIA256-SHA384", modeCamellia, 32, crypto.SHA384),
	cbc(ecdsa(0xc023, "ECDHE-ECDSA-AES128-SHA256", modeCBC, 16, crypto.SHA256), crypto.SHA256),
	cbc(rsaE(0xc027, "ECDHE-RSA-AES128-SHA256", modeCBC, 16, crypto.SHA256), crypto.SHA256),
	ecdsa(0xc072, "ECDHE-ECDSA-CAMELLIA128-SHA256", modeCamellia, 16, crypto.SHA256),
	rsaE(0xc076, "ECDHE-RSA-CAMELLIA128-SHA256", modeCamellia, 16, crypto.SHA256),
	old(ecdsa(0xc00a, "ECDHE-ECDSA-AES256-SHA", modeCBC, 32, crypto.SHA256)),
	old(rsaE(0xc014, "ECDHE-RSA-AES256-SHA", modeCBC, 32, crypto.SHA256)),
	old(ecdsa(0xc009, "ECDHE-ECDSA-AES128-SHA", modeCBC, 16, crypto.SHA256)),
	old(rsaE(0xc013, "ECDHE-RSA-AES128-SHA", modeCBC, 16, crypto.SHA256)),
	rsaK(0x009d, "AES256-GCM-SHA384", modeGCM, 32, crypto.SHA384),
	rsaK(0xc0a1, "AES256-CCM8", modeCCM8, 32, crypto.SHA256),
	rsaK(0xc09d, "AES256-CCM", modeCCM, 32, crypto.SHA256),
	rsaK(0xc051, "ARIA256-GCM-SHA384", modeARIA, 32, crypto.SHA384),
	rsaK(0x009c, "AES128-GCM-SHA256", modeGCM, 16, crypto.SHA256),
	rsaK(0xc0a0, "AES128-CCM8", modeCCM8, 16, crypto.SHA256),
	rsaK(0xc09c, "AES128-CCM", modeCCM, 16, crypto.SHA256),
	rsaK(0xc050, "ARIA128-GCM-SHA256", modeARIA, 16, crypto.SHA256),
	cbc(rsaK(0x003d, "AES256-SHA256", modeCBC, 32, crypto.SHA256), crypto.SHA256),
	rsaK(0x00c0, "CAMELLIA256-SHA256", modeCamellia, 32, crypto.SHA256),
	cbc(rsaK(0x003c, "AES128-SHA256", modeCBC, 16, crypto.SHA256), crypto.SHA256),
	rsaK(0x00ba, "CAMELLIA128-SHA256", modeCamellia, 16, crypto.SHA256),
	old(rsaK(0x0035, "AES256-SHA", modeCBC, 32, crypto.SHA256)),
	old(rsaK(0x0084, "CAMELLIA256-SHA", modeCamellia, 32, crypto.SHA256)),
	old(rsaK(0x002f, "AES128-SHA", modeCBC, 16, crypto.SHA256)),
	old(rsaK(0x0041, "CAMELLIA128-SHA", modeCamellia, 16, crypto.SHA256)),
}

// suites13 are OpenSSL's of TLS 1.3 in its order (its default of
// -ciphersuites).
var suites13 = []suite{
	{id: 0x1302, name: "TLS_AES_256_GCM_SHA384", mode: modeGCM, key: 32, hash: crypto.SHA384},
	{id: 0x1303, name: "TLS_CHACHA20_POLY1305_SHA256", mode: modeChaCha, key: 32, hash: crypto.SHA256},
	{id: 0x1301, name: "TLS_AES_128_GCM_SHA256", mode: modeGCM, key: 16, hash: crypto.SHA256},
}

func ecdsa(id uint16, name string, m mode, key int, hash crypto.Hash) suite {
	return suite{id: id, name: name, ecdhe: true, mode: m, key: key, hash: hash, oldest: VersionTLS12}
}

func rsaE(id uint16, name string, m mode, key int, hash crypto.Hash) suite {
	s := ecdsa(id, name, m, key, hash)
	s.rsa = true
	return s
}

func rsaK(id uint16, name string, m mode, key int, hash crypto.Hash) suite {
	s := rsaE(id, name, m, key, hash)
	s.ecdhe = false
	return s
}

func cbc(s suite, mac crypto.Hash) suite {
	s.mac = mac
	return s
}

// old is a suite that TLS 1.0 has already.
func old(s suite) suite {
	s.mac, s.oldest = crypto.SHA1, VersionTLS10
	return s
}

// in102 tells whether OpenSSL 1.0.2 had the suite.
func (s *suite) in102() bool { return s.mode == modeGCM || s.mode == modeCBC }

// aead is the suite's cipher over a key.
func (s *suite) aead(key []byte) (cipher.AEAD, error) {
	if s.mode == modeChaCha {
		return chacha20poly1305.New(key)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	switch s.mode {
	case modeGCM:
		return cipher.NewGCM(block)
	case modeCCM:
		return newCCM(block, 16), nil
	case modeCCM8:
		return newCCM(block, 8), nil
	}
	return nil, fmt.Errorf("%s protects no record", s.name)
}

// salt is how many bytes of the nonce come out of the handshake: all of them in
// TLS 1.3 and for ChaCha20 (RFC 7905), four where the rest stands in each record
// (RFC 5288, RFC 6655).
func (s *suite) salt(version uint16) int {
	switch {
	case s.mode == modeCBC:
		return aes.BlockSize
	case version == VersionTLS13 || s.mode == modeChaCha:
		return 12
	}
	return 4
}

func (s *suite) macSize() int {
	if s.mode != modeCBC {
		return 0
	}
	return s.mac.Size()
}

func (s *suite) sum(parts ...[]byte) []byte { return sum(s.hash, parts...) }

func sum(h crypto.Hash, parts ...[]byte) []byte {
	digest := h.New()
	for _, part := range parts {
		digest.Write(part)
	}
	return digest.Sum(nil)
}

func mac(h crypto.Hash, key []byte, parts ...[]byte) []byte {
	m := hmac.New(h.New, key)
	for _, part := range parts {
		m.Write(part)
	}
	return m.Sum(nil)
}
