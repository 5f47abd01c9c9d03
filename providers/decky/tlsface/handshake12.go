package tlsface

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"slices"
)

// finished12 is the size of a Finished message's data before TLS 1.3.
const finished12 = 12

// serve12 is the handshake of TLS 1.0 to 1.2 (RFC 5246 section 7.3).
type serve12 struct {
	*negotiation
	suite    *suite
	extended bool // RFC 7627
	etm      bool // RFC 7366
	session  []byte
	master   []byte
}

func (n *negotiation) serve12() error {
	h := n.hello
	s := &serve12{negotiation: n, extended: h.has(extMasterSecret) && n.server.config.Build != OpenSSL102}
	if old, ok := s.resumable(); ok {
		return s.resume(old)
	}
	var ok bool
	if s.suite, ok = n.server.suite(n.state.Version, h); !ok {
		return alertHandshake
	}
	scheme, ok := n.server.scheme(n.state.Version, h)
	if !ok && s.suite.ecdhe {
		return alertHandshake
	}
	if err := s.name(); err != nil {
		return err
	}
	if err := s.greet(s.tickets()); err != nil {
		return err
	}
	if err := s.say(typeCertificate, s.certificates()); err != nil {
		return err
	}
	own, err := s.offer(scheme)
	if err != nil {
		return err
	}
	if err := s.say(typeServerHelloDone, nil); err != nil {
		return err
	}
	if err := s.flush(); err != nil {
		return err
	}
	if err := s.receive(own); err != nil {
		return err
	}
	in, out, err := s.keys()
	if err != nil {
		return err
	}
	if err := s.heard(in); err != nil {
		return err
	}
	if s.tickets() {
		if err := s.ticket(); err != nil {
			return err
		}
	}
	return s.finish(out)
}

// tickets tells whether the client is given its session to keep.
func (s *serve12) tickets() bool { return s.server.config.Tickets && s.hello.has(extTicket) }

// name draws the session's identifier: none where the client gets a ticket.
func (s *serve12) name() error {
	if s.tickets() {
		return nil
	}
	s.session = make([]byte, 32)
	if _, err := rand.Read(s.session); err != nil {
		return fmt.Errorf("draw a session: %w", err)
	}
	return nil
}

// greet says ServerHello with its extensions in OpenSSL's order.
func (s *serve12) greet(ticket bool) error {
	h := s.hello
	s.Conn.suite, s.state.Cipher = s.suite, s.suite.id
	var e extensions
	s.known(&e)
	if h.has(extPoints) && (s.suite.ecdhe || !s.suite.rsa) {
		e.add(extPoints, vector8(nil, []byte{0, 1, 2}))
	}
	if ticket {
		e.add(extTicket, nil)
	}
	if s.state.Protocol != "" {
		e.add(extALPN, protocol(s.state.Protocol))
	}
	if s.etm = h.has(extEncryptThenMAC) && (s.suite.mode == modeCBC || s.suite.mode == modeCamellia) && s.server.config.Build != OpenSSL102; s.etm {
		e.add(extEncryptThenMAC, nil)
	}
	if s.extended {
		e.add(extMasterSecret, nil)
	}
	return s.say(typeServerHello, s.serverHello(s.random, s.session, s.suite.id, e))
}

// known are the first two extensions, whose order OpenSSL has changed.
func (s *serve12) known(e *extensions) {
	h := s.hello
	name := func() {
		if s.server.named(h) && !s.state.Resumed {
			e.add(extServerName, nil)
		}
	}
	if s.server.config.Build == OpenSSL102 {
		name()
	}
	if h.has(extRenegotiation) || slices.Contains(h.Ciphers, signalRenegotiation) {
		e.add(extRenegotiation, []byte{0})
	}
	if s.server.config.Build != OpenSSL102 {
		name()
	}
}

// offer says ServerKeyExchange (RFC 8422 section 5.4); nothing where the client
// encrypts its secret to the RSA key.
func (s *serve12) offer(how scheme) (*private, error) {
	if !s.suite.ecdhe {
		return nil, nil
	}
	group := s.server.group(s.hello)
	own, public, err := agree(group)
	if err != nil {
		return nil, err
	}
	parameters := vector8(binary.BigEndian.AppendUint16([]byte{3}, group), public) // 3: a named curve
	signature, err := how.sign(s.server.config.Key, slices.Concat(s.hello.random, s.random, parameters))
	if err != nil {
		return nil, err
	}
	body := parameters
	if s.state.Version == VersionTLS12 {
		body = binary.BigEndian.AppendUint16(body, how.id)
	}
	return own, s.say(typeServerKeyExchange, vector16(body, signature))
}

// receive takes ClientKeyExchange and makes the master secret of it.
func (s *serve12) receive(own *private) error {
	_, body, err := s.expect(typeClientKeyExchange)
	if err != nil {
		return err
	}
	r := reader{body, true}
	var secret []byte
	if own != nil {
		public := r.list8()
		if !r.whole() {
			return alertDecode
		}
		if secret, err = own.shared(public.data); err != nil {
			return alertParameter
		}
	} else {
		sealed := r.list16()
		if !r.whole() {
			return alertDecode
		}
		if secret, err = s.decrypt(sealed.data); err != nil {
			return err
		}
	}
	label, seed := "master secret", slices.Concat(s.hello.random, s.random)
	if s.extended {
		label, seed = "extended master secret", s.said.sum(s.state.Version, s.suite.hash)
	}
	s.master = prf(s.state.Version, s.suite.hash, secret, label, seed, 48)
	return nil
}

// decrypt opens the client's secret; a mistake shows only at Finished (RFC 5246
// section 7.4.7.1).
func (s *serve12) decrypt(sealed []byte) ([]byte, error) {
	key, ok := s.server.config.Key.(crypto.Decrypter)
	if !ok {
		return nil, alertInternal
	}
	//lint:ignore SA1019 TLS before 1.3 has no other way to encrypt to an RSA key
	plain, err := key.Decrypt(rand.Reader, sealed, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 48})
	if err != nil {
		return nil, alertDecrypt
	}
	want := []byte{byte(s.hello.Version >> 8), byte(s.hello.Version)}
	if subtle.ConstantTimeCompare(plain[:2], want) != 1 {
		if _, err := rand.Read(plain); err != nil {
			return nil, fmt.Errorf("draw a secret: %w", err)
		}
	}
	return plain, nil
}

func (s *serve12) keys() (in, out *half, err error) {
	if s.suite.mode == modeARIA || s.suite.mode == modeCamellia {
		return nil, nil, alertRecordMAC
	}
	return keys12(s.state.Version, s.suite, s.master, s.random, s.hello.random, s.etm)
}

// verify is the data of a Finished message now.
func (s *serve12) verify(label string) []byte {
	return prf(s.state.Version, s.suite.hash, s.master, label, s.said.sum(s.state.Version, s.suite.hash), finished12)
}

// heard takes the client's ChangeCipherSpec and Finished.
func (s *serve12) heard(in *half) error {
	if err := s.change(); err != nil {
		return err
	}
	s.in = *in
	want := s.verify("client finished")
	_, body, err := s.expect(typeFinished)
	if err != nil {
		return err
	}
	if len(body) != finished12 {
		return alertDecode
	}
	if subtle.ConstantTimeCompare(body, want) != 1 {
		return alertDecrypt
	}
	return nil
}

// finish says ChangeCipherSpec and Finished.
func (s *serve12) finish(out *half) error {
	if err := s.put(recordChange, []byte{1}); err != nil {
		return err
	}
	s.out = *out
	if err := s.say(typeFinished, s.verify("server finished")); err != nil {
		return err
	}
	if err := s.flush(); err != nil {
		return err
	}
	if len(s.session) > 0 && !s.state.Resumed && !s.server.config.Tickets && !s.server.config.Forget {
		s.server.sessions.keep(s.session, s.kept())
	}
	return nil
}

// kept is this session.
func (s *serve12) kept() session {
	return session{version: s.state.Version, suite: s.suite.id, extended: s.extended, made: s.server.config.Now(), secret: s.master, name: s.hello.ServerName}
}

// ticket gives the client its session (RFC 5077 section 3.3).
func (s *serve12) ticket() error {
	sealed, err := s.server.sessions.ticket(s.kept())
	if err != nil {
		return err
	}
	lifetime := uint32(s.server.config.Lifetime.Seconds())
	return s.say(typeNewSessionTicket, vector16(binary.BigEndian.AppendUint32(nil, lifetime), sealed))
}

// resumable is the session that the client comes back with.
func (s *serve12) resumable() (session, bool) {
	h := s.hello
	var old session
	var ok bool
	switch ticket := h.data[extTicket]; {
	case s.server.config.Forget:
	case s.server.config.Tickets && len(ticket) > 0:
		old, ok = s.server.sessions.find(ticket)
	case !s.server.config.Tickets && len(h.session) > 0:
		old, ok = s.server.sessions.find(h.session)
	}
	if !ok || old.version != s.state.Version || !slices.Contains(h.Ciphers, old.suite) || old.extended != s.extended || old.name != h.ServerName {
		return session{}, false
	}
	for i := range s.server.suites {
		if s.server.suites[i].id == old.suite {
			s.suite = &s.server.suites[i]
			return old, true
		}
	}
	return session{}, false
}

// resume is the short handshake (RFC 5246 section 7.3).
func (s *serve12) resume(old session) error {
	s.state.Resumed, s.master, s.session = true, old.secret, s.hello.session
	if err := s.greet(false); err != nil {
		return err
	}
	in, out, err := s.keys()
	if err != nil {
		return err
	}
	if err := s.finish(out); err != nil {
		return err
	}
	return s.heard(in)
}
