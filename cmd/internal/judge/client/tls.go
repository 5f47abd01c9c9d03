package client

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/decnet/decnet/cmd/internal/judge/probe"
	"github.com/decnet/decnet/cmd/internal/judge/transcript"
)

// tickets keeps the last TLS session of a probe.
type tickets struct{ cache tls.ClientSessionCache }

// handshake speaks TLS on the connection and writes down what was negotiated,
// or the alert that came.
func (s *session) handshake(ctx context.Context, step probe.TLS) {
	if s.cache == nil {
		s.cache = tls.NewLRUClientSessionCache(4)
	}
	config := &tls.Config{
		ServerName: probe.Expand(step.ServerName, s.values), NextProtos: step.ALPN, MinVersion: tls.VersionTLS10,
		InsecureSkipVerify: true, // the peer is a server of the lab's, and its certificate is what is compared
		ClientSessionCache: s.cache,
	}
	if !step.Resume {
		config.ClientSessionCache = recorder{s.cache}
	}
	if v := probe.Versions[step.Min]; v != 0 {
		config.MinVersion = v
	}
	if v := probe.Versions[step.Max]; v != 0 {
		config.MaxVersion = v
	}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		for _, name := range step.Ciphers {
			if suite.Name == name {
				config.CipherSuites = append(config.CipherSuites, suite.ID)
			}
		}
	}
	for _, curve := range step.Curves {
		config.CurvePreferences = append(config.CurvePreferences, tls.CurveID(curve))
	}
	s.log.Add(transcript.Entry{Kind: transcript.Sent, Data: fmt.Appendf(nil, "TLS handshake for %q", config.ServerName)})
	s.act = time.Now()
	conn := tls.Client(s.conn, config)
	handshaking, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	err := conn.HandshakeContext(handshaking)
	took := time.Since(s.act)
	if err != nil {
		s.log.Add(transcript.Entry{Kind: transcript.Fact, Data: []byte("tls-failed " + reason(err)), After: took})
		s.end(cutShort(err))
		return
	}
	state := conn.ConnectionState()
	s.log.Add(transcript.Entry{Kind: transcript.Fact, Data: []byte(describe(state)), After: took})
	s.conn, s.act = conn, time.Now()
}

// cutShort is the end of a connection whose handshake failed: an alert of the
// server's counts as its FIN, for crypto/tls closes with it.
func cutShort(err error) error {
	var op *net.OpError
	switch {
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return os.ErrDeadlineExceeded
	case errors.As(err, &op) && op.Op == "remote error", errors.Is(err, io.EOF):
		return io.EOF
	}
	return io.EOF
}

// reason is why a handshake failed, without addresses.
func reason(err error) string {
	var op *net.OpError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record):
		return fmt.Sprintf("no TLS record: %s", transcript.Escape(record.RecordHeader[:], 0))
	case errors.As(err, &op):
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}

// describe is a negotiated session as fields of a packet TLS.
func describe(state tls.ConnectionState) string {
	var b strings.Builder
	fmt.Fprintf(&b, "TLS version=%s cipher=%s curve=%s alpn=%q resumed=%t", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), state.CurveID, state.NegotiatedProtocol, state.DidResume)
	for i, cert := range state.PeerCertificates {
		fmt.Fprintf(&b, " cert%d=%s", i, certificate(cert))
	}
	return b.String()
}

func certificate(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return fmt.Sprintf("{key=%s signature=%s subject=%q issuer=%q serial_bytes=%d names=%q days=%d sha256=%x}",
		c.PublicKeyAlgorithm, c.SignatureAlgorithm, c.Subject, c.Issuer, len(c.SerialNumber.Bytes()), c.DNSNames, int(c.NotAfter.Sub(c.NotBefore).Hours()/24), sum)
}

// recorder keeps new sessions and offers none.
type recorder struct{ tls.ClientSessionCache }

func (recorder) Get(string) (*tls.ClientSessionState, bool) { return nil, false }
