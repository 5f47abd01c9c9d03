package tlsface

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
)

// retryRandom marks a HelloRetryRequest (RFC 8446 section 4.1.3).
var retryRandom, _ = hex.DecodeString("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")

// allGroups are the groups that OpenSSL 3.0 names to a client that it would have
// preferred to use another one: groups, then the finite fields.
var allGroups = slices.Concat(groups, []uint16{256, 257, 258, 259, 260})

// serve13 is the handshake of TLS 1.3 (RFC 8446 section 2).
type serve13 struct {
	*negotiation
	suite    *suite
	schedule schedule
	share    share
	psk      []byte
	identity int
	retried  bool
}

func (n *negotiation) serve13() error {
	s := &serve13{negotiation: n}
	h := n.hello
	var ok bool
	if s.suite, ok = n.server.suite(VersionTLS13, h); !ok {
		return alertHandshake
	}
	s.Conn.suite, s.state.Cipher, s.schedule.hash = s.suite, s.suite.id, s.suite.hash
	if err := s.agree(); err != nil {
		return err
	}
	if err := s.resumed(); err != nil {
		return err
	}
	var how scheme
	if s.psk == nil {
		if !s.hello.has(extSignatures) {
			return alertMissing
		}
		if how, ok = n.server.scheme(VersionTLS13, s.hello); !ok {
			return alertHandshake
		}
	}
	client, server, err := s.greet()
	if err != nil {
		return err
	}
	if err := s.authenticate(how); err != nil {
		return err
	}
	return s.finish(client, server)
}

// agree finds the client's key to use, and asks for another one where it has to.
func (s *serve13) agree() error {
	h := s.hello
	if !h.has(extGroups) || !h.has(extKeyShare) {
		return alertMissing
	}
	if s.picked(h) {
		return nil
	}
	for _, g := range groups {
		if slices.Contains(h.Groups, g) {
			return s.retry(g)
		}
	}
	return alertHandshake
}

// picked takes the first key of the client's whose group both sides have.
func (s *serve13) picked(h *Hello) bool {
	for _, one := range h.shares {
		if slices.Contains(groups, one.group) && slices.Contains(h.Groups, one.group) {
			s.share = one
			return true
		}
	}
	return false
}

// retry asks for a key of a group (RFC 8446 section 4.1.4).
func (s *serve13) retry(group uint16) error {
	digest := s.suite.sum(s.said)
	s.said = append([]byte{typeMessageHash, 0, 0, byte(len(digest))}, digest...)
	var e extensions
	e.add(extVersions, []byte{3, 4})
	e.add(extKeyShare, binary.BigEndian.AppendUint16(nil, group))
	if err := s.say(typeServerHello, s.serverHello(retryRandom, s.hello.session, s.suite.id, e)); err != nil {
		return err
	}
	if err := s.put(recordChange, []byte{1}); err != nil {
		return err
	}
	if err := s.flush(); err != nil {
		return err
	}
	message, err := s.message()
	if err != nil {
		return err
	}
	if message[0] != typeClientHello {
		return alertUnexpected
	}
	h, err := ParseHello(message)
	if err != nil {
		return err
	}
	if !slices.Contains(h.Ciphers, s.suite.id) || len(h.shares) != 1 || h.shares[0].group != group || !slices.Contains(h.Versions, VersionTLS13) || !slices.Equal(h.session, s.hello.session) {
		return alertParameter
	}
	// The binders of the second hello are over what stands before them.
	s.share, s.hello, s.retried = h.shares[0], h, true
	s.said = append(s.said, message...)
	return nil
}

// resumed looks for a session among the client's tickets. A binder that is wrong
// ends the handshake.
func (s *serve13) resumed() error {
	h := s.hello
	if h.has(extPSK) && !h.has(extPSKModes) {
		return alertMissing
	}
	if !slices.Contains(h.pskModes, 1) || s.server.config.Forget {
		s.schedule.begin(nil)
		return s.schedule.err
	}
	for i, identity := range h.identities {
		old, ok := s.server.sessions.find(identity)
		if !ok || old.version != VersionTLS13 || old.name != h.ServerName || !sameHash(old.suite, s.suite) {
			continue
		}
		s.schedule.begin(old.secret)
		key := s.schedule.derive("res binder", nil)
		whole := s.said
		before := whole[:len(whole)-h.bindersSize()]
		if want := s.schedule.finished(key, s.suite.sum(before)); subtle.ConstantTimeCompare(want, h.binders[i]) != 1 {
			return alertParameter
		}
		s.psk, s.identity, s.state.Resumed = old.secret, i, true
		return s.schedule.err
	}
	s.schedule.begin(nil)
	return s.schedule.err
}

// bindersSize is how many bytes the list of binders takes at the message's end.
func (h *Hello) bindersSize() int {
	size := 2
	for _, one := range h.binders {
		size += 1 + len(one)
	}
	return size
}

func sameHash(id uint16, u *suite) bool {
	for _, one := range suites13 {
		if one.id == id {
			return one.hash == u.hash
		}
	}
	return false
}

// greet says ServerHello and EncryptedExtensions, and returns the secrets of the
// rest of the handshake.
func (s *serve13) greet() (client, server []byte, err error) {
	own, public, err := agree(s.share.group)
	if err != nil {
		return nil, nil, err
	}
	secret, err := own.shared(s.share.key)
	if err != nil {
		return nil, nil, alertParameter
	}
	var e extensions
	e.add(extVersions, []byte{3, 4})
	e.add(extKeyShare, vector16(binary.BigEndian.AppendUint16(nil, s.share.group), public))
	if s.psk != nil {
		e.add(extPSK, binary.BigEndian.AppendUint16(nil, uint16(s.identity)))
	}
	if err := s.say(typeServerHello, s.serverHello(s.random, s.hello.session, s.suite.id, e)); err != nil {
		return nil, nil, err
	}
	if !s.retried {
		if err := s.put(recordChange, []byte{1}); err != nil {
			return nil, nil, err
		}
	}
	s.schedule.next(secret)
	client, server = s.schedule.derive("c hs traffic", s.said), s.schedule.derive("s hs traffic", s.said)
	in, err := s.schedule.traffic(s.suite, client)
	if err != nil {
		return nil, nil, err
	}
	out, err := s.schedule.traffic(s.suite, server)
	if err != nil {
		return nil, nil, err
	}
	if len(s.messages) > 0 {
		return nil, nil, alertUnexpected
	}
	s.in, s.out = *in, *out
	return client, server, s.say(typeEncryptedParts, vector16(nil, s.encrypted()))
}

// encrypted are the extensions that are not needed for the keys.
func (s *serve13) encrypted() extensions {
	var e extensions
	if s.server.named(s.hello) {
		e.add(extServerName, nil)
	}
	if s.share.group != groups[0] {
		var list []byte
		for _, g := range allGroups {
			list = binary.BigEndian.AppendUint16(list, g)
		}
		e.add(extGroups, vector16(nil, list))
	}
	if s.state.Protocol != "" {
		e.add(extALPN, protocol(s.state.Protocol))
	}
	return e
}

// authenticate says Certificate and CertificateVerify where no session is
// resumed.
func (s *serve13) authenticate(how scheme) error {
	if s.psk != nil {
		return nil
	}
	if err := s.say(typeCertificate, append([]byte{0}, s.certificates()...)); err != nil {
		return err
	}
	var content []byte
	for range 64 {
		content = append(content, ' ')
	}
	content = append(content, "TLS 1.3, server CertificateVerify\x00"...)
	signature, err := how.sign(s.server.config.Key, append(content, s.suite.sum(s.said)...))
	if err != nil {
		return err
	}
	return s.say(typeCertificateVerify, vector16(binary.BigEndian.AppendUint16(nil, how.id), signature))
}

// finish says Finished, takes the client's, and gives out tickets.
func (s *serve13) finish(client, server []byte) error {
	if err := s.say(typeFinished, s.schedule.finished(server, s.suite.sum(s.said))); err != nil {
		return err
	}
	s.schedule.next(nil)
	outSecret, inSecret := s.schedule.derive("s ap traffic", s.said), s.schedule.derive("c ap traffic", s.said)
	if err := s.flush(); err != nil {
		return err
	}
	want := s.schedule.finished(client, s.suite.sum(s.said))
	_, body, err := s.expect(typeFinished)
	if err != nil {
		return err
	}
	switch {
	case len(body) != len(want):
		return alertDecode
	case subtle.ConstantTimeCompare(body, want) != 1:
		return alertDecrypt
	case len(s.messages) > 0:
		return alertUnexpected
	}
	in, err := s.schedule.traffic(s.suite, inSecret)
	if err != nil {
		return err
	}
	out, err := s.schedule.traffic(s.suite, outSecret)
	if err != nil {
		return err
	}
	s.in, s.out = *in, *out
	return s.tickets()
}

// tickets gives the client two sessions to come back with, one where it did.
func (s *serve13) tickets() error {
	if s.server.config.Forget {
		return nil
	}
	master := s.schedule.derive("res master", s.said)
	count := 2
	if s.state.Resumed {
		count = 1
	}
	for i := range count {
		nonce := binary.BigEndian.AppendUint64(nil, uint64(i))
		secret := s.schedule.expand(master, "resumption", nonce, s.suite.hash.Size())
		sealed, err := s.server.sessions.ticket(session{version: VersionTLS13, suite: s.suite.id, made: s.server.config.Now(), secret: secret, name: s.hello.ServerName})
		if err != nil {
			return err
		}
		body := binary.BigEndian.AppendUint32(nil, uint32(s.server.config.Lifetime.Seconds()))
		var salt [4]byte
		if _, err := rand.Read(salt[:]); err != nil {
			return fmt.Errorf("draw a salt: %w", err)
		}
		body = vector16(vector8(append(body, salt[:]...), nonce), sealed)
		if err := s.say(typeNewSessionTicket, append(body, 0, 0)); err != nil {
			return err
		}
	}
	return s.flush()
}
