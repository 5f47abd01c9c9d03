package tlsface

import (
	"container/list"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"time"
)

// maxSessions is how many sessions a server keeps itself.
const maxSessions = 512

// session is what a resumption needs.
type session struct {
	version  uint16
	suite    uint16
	extended bool // RFC 7627
	made     time.Time
	secret   []byte // the master secret, or the pre-shared key of TLS 1.3
	name     string
}

// sessions seals what clients keep, and keeps what they do not.
type sessions struct {
	config Config
	aead   cipher.AEAD
	name   [16]byte // of the key, in the clear as in RFC 5077 section 4

	mu   sync.Mutex
	kept map[string]*list.Element
	age  *list.List // of *kept, oldest first
}

type kept struct {
	id string
	session
}

func newSessions(random io.Reader, c Config) (*sessions, error) {
	s := &sessions{config: c, kept: map[string]*list.Element{}, age: list.New()}
	key := make([]byte, 32)
	for _, secret := range [][]byte{key, s.name[:]} {
		if _, err := io.ReadFull(random, secret); err != nil {
			return nil, fmt.Errorf("draw the key of tickets: %w", err)
		}
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make the key of tickets: %w", err)
	}
	s.aead, err = cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make the key of tickets: %w", err)
	}
	return s, nil
}

// Sizes of OpenSSL's tickets in bytes, measured with OpenSSL 3.0 and no client
// certificate: a name of the key, a vector, the padded session in ASN.1, a MAC.
const (
	ticketSize   = 192
	ticketSize13 = 224
)

// ticket is what a client keeps: sealed, or a name under which it is kept here.
func (s *sessions) ticket(one session) ([]byte, error) {
	if !s.config.Tickets {
		id := make([]byte, 32)
		if _, err := rand.Read(id); err != nil {
			return nil, fmt.Errorf("draw the name of a session: %w", err)
		}
		s.keep(id, one)
		return id, nil
	}
	plain := binary.BigEndian.AppendUint16(nil, one.version)
	plain = binary.BigEndian.AppendUint16(plain, one.suite)
	plain = append(plain, map[bool]byte{true: 1}[one.extended])
	plain = binary.BigEndian.AppendUint64(plain, uint64(one.made.UnixMilli()))
	plain = append(plain, byte(len(one.secret)))
	plain = append(plain, one.secret...)
	plain = append(plain, byte(len(one.name)))
	plain = append(plain, one.name...)
	size := ticketSize
	if one.version == VersionTLS13 {
		size = ticketSize13
	}
	nonce := make([]byte, s.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	out := append(s.name[:len(s.name):len(s.name)], nonce...)
	if room := size - len(out) - s.aead.Overhead(); len(plain) < room {
		plain = append(plain, make([]byte, room-len(plain))...)
	} else { // a long name takes whole blocks more
		plain = append(plain, make([]byte, (16-(len(plain)-room)%16)%16)...)
	}
	return s.aead.Seal(out, nonce, plain, s.name[:]), nil
}

// find is the session of a ticket, as long as it lasts.
func (s *sessions) find(ticket []byte) (session, bool) {
	one, ok := s.look(ticket)
	age := s.config.Now().Sub(one.made)
	return one, ok && age >= 0 && age <= s.config.Lifetime
}

func (s *sessions) look(ticket []byte) (session, bool) {
	if !s.config.Tickets {
		return s.get(ticket)
	}
	nonce := s.aead.NonceSize()
	if len(ticket) < len(s.name)+nonce {
		return session{}, false
	}
	sealed := ticket[len(s.name):]
	plain, err := s.aead.Open(nil, sealed[:nonce], sealed[nonce:], ticket[:len(s.name)])
	if err != nil {
		return session{}, false
	}
	r := reader{plain, true}
	one := session{version: uint16(r.u16()), suite: uint16(r.u16()), extended: r.u8() == 1}
	if made := r.take(8); r.ok {
		one.made = time.UnixMilli(int64(binary.BigEndian.Uint64(made)))
	}
	one.secret = r.list8().data
	one.name = string(r.list8().data)
	return one, r.ok
}

// keep stores a session here; the oldest makes room.
func (s *sessions) keep(id []byte, one session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.age.Len() >= maxSessions {
		oldest := s.age.Remove(s.age.Front()).(*kept)
		delete(s.kept, oldest.id)
	}
	s.kept[string(id)] = s.age.PushBack(&kept{string(id), one})
}

func (s *sessions) get(id []byte) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	element, ok := s.kept[string(id)]
	if !ok {
		return session{}, false
	}
	return element.Value.(*kept).session, true
}
