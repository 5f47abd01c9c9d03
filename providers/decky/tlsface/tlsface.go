// Package tlsface is the server side of TLS 1.0 to 1.3 as OpenSSL speaks it, so
// that what scanners compare (JARM, JA3S, the lists that nmap and testssl print)
// is the product's: the order of ciphers and of extensions, the groups, tickets
// and session identifiers, the alert for each mistake. crypto/tls has an order of
// its own that no option changes.
//
// It owns handshake, records and resumption; keys and ciphers come from the
// standard library, x/crypto and circl. It refuses to be a client, to ask for
// certificates and to renegotiate. ARIA and Camellia are chosen as OpenSSL would
// choose them, but end with the client's Finished: clients that offer nothing
// else do so to count.
package tlsface

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// Build is the library that a product was built with.
type Build int

// Builds.
const (
	OpenSSL3   Build = iota // 1.1.1 and 3
	OpenSSL102              // 1.0.2, which ends at TLS 1.2
	Schannel                // of Windows, not verified: it greets as OpenSSL does
)

// Config is what a product's TLS is.
type Config struct {
	Build Build
	// Chain is the certificate and what signed it, DER; Key the certificate's.
	Chain [][]byte
	Key   crypto.Signer
	// Min and Max are versions, VersionTLS10 to VersionTLS13.
	Min, Max uint16
	// Protocols of ALPN in the server's order. Without one in common the
	// handshake goes on as if there was no ALPN, unless Strict.
	Protocols []string
	Strict    bool
	// Ciphers are the numbers of TLS 1.2's suites in the server's order; nil is
	// OpenSSL's HIGH.
	Ciphers []uint16
	// ServerOrder prefers the server's order of ciphers, groups and signatures
	// to the client's (SSL_OP_CIPHER_SERVER_PREFERENCE).
	ServerOrder bool
	// Weak takes SHA-1 in signatures, as OpenSSL did before its security level 2.
	Weak bool
	// Named tells for which names of a client's the server says that it knew
	// them; nil for all.
	Named func(name string) bool
	// Tickets has sessions kept by the client (RFC 5077); without them the server
	// keeps them itself, unless Forget.
	Tickets bool
	Forget  bool
	// Lifetime of sessions; 0 is five minutes.
	Lifetime time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Server answers TLS handshakes. It is safe for concurrent use.
type Server struct {
	config   Config
	rsa      bool
	curve    uint16 // of the key
	suites   []suite
	groups   []uint16
	sessions *sessions
}

// New is a server; it draws the key of its tickets.
func New(c Config) (*Server, error) {
	if len(c.Chain) == 0 || c.Key == nil {
		return nil, errors.New("no certificate")
	}
	if c.Min == 0 || c.Min > c.Max || c.Max > VersionTLS13 {
		return nil, fmt.Errorf("versions %#04x to %#04x of TLS", c.Min, c.Max)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Lifetime == 0 {
		c.Lifetime = 5 * time.Minute
	}
	s := &Server{config: c, curve: curveOf(c.Key), groups: groups}
	if c.Build == OpenSSL102 {
		s.config.Max, s.config.Weak, s.groups = min(c.Max, VersionTLS12), true, groups102
	}
	_, s.rsa = c.Key.Public().(*rsa.PublicKey)
	for _, one := range suites12 {
		if one.rsa == s.rsa && (c.Ciphers == nil || slices.Contains(c.Ciphers, one.id)) && (c.Build != OpenSSL102 || one.in102()) {
			s.suites = append(s.suites, one)
		}
	}
	if c.Build == OpenSSL102 { // by strength first
		slices.SortStableFunc(s.suites, func(a, b suite) int { return b.key - a.key })
	}
	if c.Ciphers != nil {
		slices.SortStableFunc(s.suites, func(a, b suite) int { return slices.Index(c.Ciphers, a.id) - slices.Index(c.Ciphers, b.id) })
	}
	var err error
	if s.sessions, err = newSessions(rand.Reader, c); err != nil {
		return nil, err
	}
	return s, nil
}

// Has tells whether the server takes a cipher suite in a version.
func (s *Server) Has(id, version uint16) bool {
	own := s.suites
	if version == VersionTLS13 {
		own = suites13
	}
	i := slices.IndexFunc(own, func(one suite) bool { return one.id == id })
	return i >= 0 && version >= own[i].oldest && version >= s.config.Min && version <= s.config.Max
}

// Protects tells whether a suite of TLS 1.2 by OpenSSL's name can carry data, with
// an RSA key or with another.
func Protects(name string, rsa bool) bool {
	i := slices.IndexFunc(suites12, func(one suite) bool { return one.name == name })
	return i >= 0 && suites12[i].rsa == rsa && suites12[i].mode < modeARIA
}

// Accept carries out a handshake on conn, which the caller closes. Its deadlines
// and ctx bound it. An error of type Alert was sent; a PeerAlert came.
func (s *Server) Accept(ctx context.Context, conn net.Conn) (*Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // the next read fails where this does
	defer stop()
	c := &Conn{Conn: conn, server: s, version: VersionTLS10}
	if err := c.handshake(); err != nil {
		var own Alert
		if errors.As(err, &own) {
			err = errors.Join(err, c.alert(2, own))
		}
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return c, nil
}

// version is what is spoken with a client.
func (s *Server) version(h *Hello) (uint16, error) {
	offered := h.Version
	if h.has(extVersions) && s.config.Max == VersionTLS13 {
		offered = 0
		for _, v := range h.Versions {
			if v >= s.config.Min && v <= s.config.Max {
				offered = max(offered, v)
			}
		}
	}
	if offered = min(offered, s.config.Max, VersionTLS13); !h.has(extVersions) {
		offered = min(offered, VersionTLS12)
	}
	if offered < s.config.Min {
		return 0, s.tooOld(h, offered)
	}
	return offered, nil
}

// tooOld is the alert for a client that speaks nothing above a version.
func (s *Server) tooOld(h *Hello, offered uint16) Alert {
	if offered == 0 {
		for _, v := range Known(h.Versions) {
			if v <= s.config.Max {
				offered = max(offered, v)
			}
		}
	}
	switch {
	// OpenSSL 3 takes the version and then finds no signature that its security
	// level allows.
	case s.config.Build == OpenSSL3 && offered >= VersionTLS10 && s.config.Min == VersionTLS12:
		return alertInternal
	case h.Version <= VersionSSL30:
		return alertHandshake
	}
	return alertVersion
}

// protocol chooses one of ALPN's.
func (s *Server) protocol(h *Hello) (string, error) {
	for _, own := range s.config.Protocols {
		if slices.Contains(h.ALPN, own) {
			return own, nil
		}
	}
	if s.config.Strict && len(h.ALPN) > 0 && len(s.config.Protocols) > 0 {
		return "", alertProtocol
	}
	return "", nil
}

// named tells whether the name is acknowledged.
func (s *Server) named(h *Hello) bool {
	return h.ServerName != "" && (s.config.Named == nil || s.config.Named(h.ServerName))
}

// group chooses one that both sides have; nought where there is none. A client
// that names no groups has all of them for OpenSSL 1.0.2 (tls1_shared_curve) and
// none for its successors (tls1_shared_group).
func (s *Server) group(h *Hello) uint16 {
	if !h.has(extGroups) {
		if s.config.Build == OpenSSL102 {
			return groupP256
		}
		return 0
	}
	first, second := s.groups, h.Groups
	if !s.config.ServerOrder {
		first, second = second, first
	}
	for _, g := range first {
		if slices.Contains(second, g) {
			return g
		}
	}
	return 0
}

// suite chooses a cipher suite.
func (s *Server) suite(version uint16, h *Hello) (*suite, bool) {
	own := s.suites
	if version == VersionTLS13 {
		own = suites13
	}
	var best *suite
	at := len(h.Ciphers)
	for i := range own {
		one := &own[i]
		place := slices.Index(h.Ciphers, one.id)
		if place < 0 || version < one.oldest || version < VersionTLS13 && one.ecdhe && !s.elliptic(h) {
			continue
		}
		if s.config.ServerOrder {
			return one, true
		}
		if place < at {
			best, at = one, place
		}
	}
	return best, best != nil
}

// elliptic tells whether a key can be agreed on over curves, the certificate's
// among them.
func (s *Server) elliptic(h *Hello) bool {
	if s.group(h) == 0 {
		return false
	}
	return s.curve == 0 || !h.has(extGroups) || slices.Contains(h.Groups, s.curve)
}
