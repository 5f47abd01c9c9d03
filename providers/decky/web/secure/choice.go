package secure

import (
	"crypto/tls"
	"slices"
	"sync"
	_ "unsafe" // for linkname
)

// ciphers are OpenSSL's for an ECDSA key in its own order, as far as crypto/tls
// has them (openssl ciphers -s -tls1_2 DEFAULT).
var ciphers = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
}

// Alerts (RFC 8446 section 6).
const (
	alertUnexpected = 10
	alertOverflow   = 22
	alertHandshake  = 40
	alertVersion    = 70
	alertInternal   = 80
)

// choose is the configuration for one client: crypto/tls orders ciphers its own
// way, so that it is offered the one alone that the product would take. alert is
// what the product sends instead where it refuses.
func (s *Server) choose(h *Hello) (config *tls.Config, alert byte) {
	versions := without(h.Versions)
	if len(versions) == 0 {
		versions = []uint16{h.Version}
	}
	highest := uint16(0)
	for _, v := range versions {
		if v <= s.config.MaxVersion {
			highest = max(highest, v)
		}
	}
	if highest < s.config.MinVersion && slices.Max(versions) < s.config.MinVersion {
		// OpenSSL 3 takes the version and then finds no signature that its
		// security level allows.
		if s.openssl && highest >= tls.VersionTLS10 && s.config.MinVersion == tls.VersionTLS12 {
			return nil, alertInternal
		}
		if h.Version <= 0x0300 { // SSL 3.0
			return nil, alertHandshake
		}
		return nil, alertVersion
	}
	if highest != tls.VersionTLS12 {
		return s.config, 0
	}
	// The key's own curve has to be one of the client's.
	if s.openssl && len(h.Groups) > 0 && !slices.Contains(h.Groups, uint16(tls.CurveP256)) {
		return nil, alertHandshake
	}
	for _, c := range ciphers {
		if slices.Contains(h.Ciphers, c) {
			config = s.config.Clone()
			config.CipherSuites = []uint16{c}
			return config, 0
		}
	}
	return s.config, 0
}

// suites13 and suites13NoAES are the order in which crypto/tls takes the ciphers
// of TLS 1.3; there is no other way to say that OpenSSL prefers AES-256.
//
//go:linkname suites13 crypto/tls.defaultCipherSuitesTLS13
var suites13 []uint16

//go:linkname suites13NoAES crypto/tls.defaultCipherSuitesTLS13NoAES
var suites13NoAES []uint16

// preferOpenSSL orders the ciphers of TLS 1.3 as OpenSSL does, once for this
// process, before its first handshake: every server in it passes for OpenSSL's
// (Schannel's profile ends at TLS 1.2).
var preferOpenSSL = sync.OnceFunc(func() {
	order := []uint16{tls.TLS_AES_256_GCM_SHA384, tls.TLS_CHACHA20_POLY1305_SHA256, tls.TLS_AES_128_GCM_SHA256}
	suites13, suites13NoAES = order, order
})
