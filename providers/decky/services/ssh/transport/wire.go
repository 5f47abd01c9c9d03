package transport

import (
	"encoding/binary"
	"errors"
	"math/big"
)

// Message numbers (RFC 4253 section 12, RFC 4419, RFC 8308).
const (
	msgDisconnect    = 1
	msgIgnore        = 2
	msgUnimplemented = 3
	msgDebug         = 4
	msgServiceReq    = 5
	msgExtInfo       = 7
	msgKexInit       = 20
	msgNewKeys       = 21
	msgKexECDHInit   = 30
	msgKexECDHReply  = 31
	msgGexGroup      = 31
	msgGexInit       = 32
	msgGexReply      = 33
	msgGexRequest    = 34
	msgTransportMax  = 49
	msgLocalMin      = 192 // private extensions (RFC 4250 section 4.1.2)
	msgPing          = 192 // ping@openssh.com
	msgPong          = 193
)

var errShort = errors.New("message is cut short")

// scanner reads the data types of RFC 4251 section 5 from a message; the first
// that is not there makes err.
type scanner struct {
	b   []byte
	err error
}

func (s *scanner) bytes(n int) []byte {
	if s.err != nil || n > len(s.b) {
		s.err = errShort
		return nil
	}
	b := s.b[:n:n]
	s.b = s.b[n:]
	return b
}

func (s *scanner) byte() byte {
	if b := s.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (s *scanner) uint32() uint32 {
	if b := s.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (s *scanner) string() []byte {
	n := s.uint32()
	if s.err != nil || uint64(n) > uint64(len(s.b)) {
		s.err = errShort
		return nil
	}
	return s.bytes(int(n))
}

// mpint reads a number as magnitude takes it.
func (s *scanner) mpint() *big.Int {
	b := s.string()
	if s.err != nil {
		return nil
	}
	var n *big.Int
	n, s.err = magnitude(b)
	return n
}

// magnitude is a number that is not negative, of at most 16384 bits as OpenSSH
// takes them.
func magnitude(b []byte) (*big.Int, error) {
	if len(b) > 0 && b[0]&0x80 != 0 || len(b) > maxMPInt+1 || len(b) == maxMPInt+1 && b[0] != 0 {
		return nil, errors.New("number is negative or too large")
	}
	return new(big.Int).SetBytes(b), nil
}

const maxMPInt = 16384 / 8

// end reports an error where something is left.
func (s *scanner) end() error {
	if s.err == nil && len(s.b) > 0 {
		return errors.New("message has bytes after its end")
	}
	return s.err
}

func appendString[T ~string | ~[]byte](b []byte, s T) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// appendMPInt writes a number that is not negative (RFC 4251 section 5).
func appendMPInt(b []byte, magnitude []byte) []byte {
	for len(magnitude) > 0 && magnitude[0] == 0 {
		magnitude = magnitude[1:]
	}
	if len(magnitude) == 0 || magnitude[0] < 0x80 {
		return appendString(b, magnitude)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(magnitude)+1))
	return append(append(b, 0), magnitude...)
}
