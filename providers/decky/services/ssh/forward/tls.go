package forward

import (
	"bufio"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/schema/event"
)

// tls answers a ClientHello, and HTTP or SMTP inside.
func (p *Peer) tls(l *line) error {
	return p.secured(l, func(c *tls.Conn) error {
		in := bufio.NewReaderSize(c, 4<<10)
		if p.target.Port == 465 {
			m := &mail{p: p, out: c, in: in, encrypted: true}
			if err := m.say("220 " + p.mailName() + " ESMTP Postfix"); err != nil {
				return err
			}
			return m.serve(l)
		}
		return p.http(c, in, "https")
	})
}

// secured runs inner over TLS as a server with a leaf for the name that the
// client asks for.
func (p *Peer) secured(l *line, inner func(*tls.Conn) error) error {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, SessionTicketsDisabled: true,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			var versions []string
			for _, v := range hello.SupportedVersions {
				versions = append(versions, strings.TrimPrefix(tls.VersionName(v), "TLS "))
			}
			return nil, p.record(&event.Request{
				Protocol: "TLS", Method: "ClientHello", Target: p.name(), Host: event.Text(hello.ServerName).Clip(1024),
				Headers: []event.Header{{Name: "versions", Value: event.Text(strings.Join(versions, ","))}, {Name: "alpn", Value: event.Text(strings.Join(hello.SupportedProtos, ",")).Clip(1024)}, {Name: "ciphers", Value: event.Text(strconv.Itoa(len(hello.CipherSuites)))}},
			})
		},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return p.s.certificate(cmp.Or(hello.ServerName, p.target.Host))
		},
	}
	c := tls.Server(conn{l}, config)
	if err := c.Handshake(); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	err := inner(c)
	if closed := c.CloseWrite(); err == nil {
		err = closed
	}
	return err
}

// conn is a line as crypto/tls wants it; its timer takes the place of
// deadlines.
type conn struct{ *line }

func (c conn) Close() error                     { c.CloseRead(); return c.CloseWrite() }
func (c conn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c conn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c conn) SetDeadline(time.Time) error      { return nil }
func (c conn) SetReadDeadline(time.Time) error  { return nil }
func (c conn) SetWriteDeadline(time.Time) error { return nil }

// leaf is a certificate that was made.
type leaf struct{ certificate *tls.Certificate }

// maxLeaves bounds the certificates that are kept.
const maxLeaves = 128

// certificate is the leaf of a name: three months long, as public ones are.
func (s *Simulator) certificate(name string) (*tls.Certificate, error) {
	name = clean(name[:min(len(name), 253)])
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.leaves[name]; l != nil && s.Now().Before(l.certificate.Leaf.NotAfter) {
		return l.certificate, nil
	}
	key, err := s.key("leaf/" + name)
	if err != nil {
		return nil, err
	}
	issuer, err := s.key("issuer")
	if err != nil {
		return nil, err
	}
	begin := s.Now().Add(-time.Duration(3+s.number("begin/"+name, 55)) * 24 * time.Hour).Truncate(time.Second)
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(append([]byte{3}, s.Derive("forward/serial/" + name)[:17]...)), Subject: pkix.Name{CommonName: name[:min(len(name), 64)]},
		NotBefore: begin, NotAfter: begin.Add(90*24*time.Hour - time.Second), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	parent := &x509.Certificate{Subject: pkix.Name{Country: []string{"US"}, Organization: []string{"Let's Encrypt"}, CommonName: "E6"}, SubjectKeyId: s.Derive("forward/issuer/id")[:20]}
	der, err := x509.CreateCertificate(nil, template, parent, key.Public(), issuer)
	if err != nil {
		return nil, fmt.Errorf("make leaf of %q: %w", name, err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read leaf of %q: %w", name, err)
	}
	if s.leaves == nil || len(s.leaves) >= maxLeaves {
		s.leaves = map[string]*leaf{}
	}
	made := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed}
	s.leaves[name] = &leaf{made}
	return made, nil
}

func (s *Simulator) key(label string) (*ecdsa.PrivateKey, error) {
	var err error
	for try := range 16 { // a scalar is out of range once in 2^32 tries
		var key *ecdsa.PrivateKey
		if key, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), s.Derive(fmt.Sprintf("forward/key/%s/%d", label, try))); err == nil {
			return key, nil
		}
	}
	return nil, fmt.Errorf("derive key: %w", err)
}
