package ssh

import (
	"io"
	"net"
)

// transport turns an identified connection into a link whose user has logged
// in (RFC 4253, RFC 4252). Another implementation takes the place of the one
// over x/crypto/ssh later.
type transport interface {
	accept(peer *peer, policy policy) (link, error)
}

// peer is a client that has identified itself.
type peer struct {
	net.Conn        // what it sends after its identification
	version  string // its identification string
	banner   string // ours, sent already
}

// policy decides on logins. Every method keeps its record before it returns.
type policy interface {
	// password tells whether user may log in with it.
	password(user, password string) (bool, error)
	// offered tells whether user might log in with the key, whose wire form
	// is given; nothing is proved yet.
	offered(user string, key offeredKey) (bool, error)
	// proved notes a login with a key that offered accepted.
	proved(user string, key offeredKey) error
}

// offeredKey is a public key of a client.
type offeredKey struct {
	wire        string // RFC 4253 section 6.6
	kind        string
	fingerprint string // SHA256:...
}

// link is a logged-in connection (RFC 4254).
type link interface {
	user() string
	sessionID() []byte
	// channels yields what the client opens until it leaves.
	channels() <-chan opening
	// requests yields global requests.
	requests() <-chan request
	// announce sends a global request that wants no answer.
	announce(name string, payload []byte) error
	close() error
}

// opening is a channel that the client asks for.
type opening interface {
	kind() string
	extra() []byte
	// accept yields the channel and its requests; close the channel when done.
	accept() (channel, <-chan request, error)
	// reject refuses with a reason of RFC 4254 section 5.1.
	reject(reason uint32, message string) error
}

// channel is one open channel.
type channel interface {
	io.ReadWriteCloser
	stderr() io.Writer
	closeWrite() error
	send(name string, payload []byte) error
}

// request is a channel or global request.
type request interface {
	kind() string
	payload() []byte
	wantsReply() bool
	reply(ok bool, payload []byte) error
}

// Reasons of RFC 4254 section 5.1.
const (
	reasonProhibited    = 1
	reasonConnectFailed = 2
	reasonUnknownType   = 3
	reasonShortage      = 4
)
