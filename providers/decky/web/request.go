package web

import (
	"net/netip"
	"strings"

	"github.com/decnet/decnet/schema/event"
)

// HTTP versions: major*1000+minor.
const (
	Version09 = 9
	Version10 = 1000
	Version11 = 1001
)

// Refusal is an error of reading a request that the client is told with a
// status.
type Refusal int

// Error implements error.
func (r Refusal) Error() string { return "request refused" }

// Request is one request as far as it was understood. Version is what an
// answer to a request that names none has to assume.
type Request struct {
	Method, Target    string
	Path, Query, Host string
	Version           int
	Headers           []event.Header // every one, in the order and case sent
	Fields            map[string]string
	Length            int64 // of the body, -1 where none is announced
	Chunked           bool
	// Note is what the face has to remember between reading and answering.
	Note string
}

// Field is the value of a header that the product accepted, name in lower
// case.
func (r *Request) Field(name string) string { return r.Fields[name] }

// Has tells whether the product accepted a header of that name.
func (r *Request) Has(name string) bool { _, ok := r.Fields[name]; return ok }

// Protocol is the version as a record names it.
func (r *Request) Protocol() string {
	switch {
	case r.Version < Version10:
		return "HTTP/0.9"
	case r.Version == Version10:
		return "HTTP/1.0"
	default:
		return "HTTP/1.1"
	}
}

// HostOnly is host without its port, and that port where there is one.
func HostOnly(host string) (name, port string) {
	end := strings.LastIndexByte(host, ']')
	if i := strings.LastIndexByte(host, ':'); i > end {
		return host[:i], host[i+1:]
	}
	return host, ""
}

// AddrOf is the address in host:port form; zero where it is none.
func AddrOf(s string) netip.AddrPort {
	ap, _ := netip.ParseAddrPort(s) // a pipe in a test has none
	return ap
}

// Letter, Digit and Hex read the classes of characters of RFC 9110; Hex is -1
// for what is no hexadecimal digit.
func Letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// Digit tells whether c is a decimal digit.
func Digit(c byte) bool { return c >= '0' && c <= '9' }

// Hex is the value of a hexadecimal digit, -1 for other bytes.
func Hex(c byte) int {
	switch {
	case Digit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// Token tells whether c may stand in a token (RFC 9110 section 5.6.2).
func Token(c byte) bool {
	return Letter(c) || Digit(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
