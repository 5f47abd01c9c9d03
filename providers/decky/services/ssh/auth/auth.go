// Package auth is the login of RFC 4252 as OpenSSH's server conducts it: the
// service request, the order of methods, what each of them answers, what counts
// as a failure and when it is one too many. Who may log in is the Policy's
// business; package auth reads and checks what the client sends.
package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
)

// Conn carries packets of a client that is not logged in.
type Conn interface {
	ReadPacket() ([]byte, error)
	WritePacket(payload []byte) error
	SessionID() []byte
	// Unimplemented answers the packet that was read last.
	Unimplemented() error
	// Disconnect sends SSH_MSG_DISCONNECT; the caller ends the connection.
	Disconnect(reason uint32, text string) error
}

// Policy decides on logins. Every method keeps its record before it returns,
// and an error ends the connection.
type Policy interface {
	// Password tells whether a password is the user's.
	Password(ctx context.Context, who Claim, password string) (bool, error)
	// Key tells whether the user may log in with a key.
	Key(ctx context.Context, who Claim, key Key, proof Proof) (bool, error)
	// Known tells whether there is such an account.
	Known(user string) bool
	// Left notes a client that named a user and tried nothing.
	Left(user, method string) error
}

// Claim is who a client says it is.
type Claim struct {
	User, Method string
	// Valid is false where nothing can make the claim good: there is no such
	// account, or the client asked for another service than ssh-connection.
	Valid bool
}

// Options are what a build of the server does.
type Options struct {
	// Methods are what a failure lists, in order; "none" is not among them.
	Methods []string
	// Hostbound: publickey-hostbound-v00@openssh.com is a method, for the
	// host key that HostKey has in wire form.
	Hostbound bool
	HostKey   []byte
	// Algorithms are the signature algorithms that keys may use.
	Algorithms []string
	// MaxTries failures end the connection with the text TooMany.
	MaxTries int
	TooMany  string
	// Silent: the server ends without a word, the last failure comes before
	// its end, and "none" is never a failure, as Dropbear has it.
	Silent bool
	// Banner is shown before the first answer.
	Banner string
	// Prompt is what keyboard-interactive asks; empty where no device does.
	Prompt string
	// LeastDelay is how long a request of user takes at least, doubled until
	// it is over what has passed; zero where a build has no such thing.
	LeastDelay func(user string) time.Duration
	// DelayNone: the request for "none" is delayed as others are.
	DelayNone bool
	// Now and Sleep are time.Now and a sleep that ends with the context.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration)
}

// Login is who logged in and how.
type Login struct {
	User, Method string
	// Queries is how often the key was offered before it signed.
	Queries int
}

// ErrRefused ends a connection without a login.
var ErrRefused = errors.New("no login")

const (
	protocolError = 2 // SSH_DISCONNECT_PROTOCOL_ERROR
	maxRequests   = 1024
)

// session is one login.
type session struct {
	conn    Conn
	policy  Policy
	options Options

	user, service, style string
	known                bool
	ready                bool // the service was accepted
	attempts, failures   int
	noNone               bool
	tried                bool // something that the policy recorded
	asked                bool // a keyboard-interactive question is open
	queries              map[string]int
}

// Serve conducts the login. An error is why there was none: ErrRefused where
// sshd ended it, else the connection's.
func Serve(ctx context.Context, conn Conn, policy Policy, options Options) (*Login, error) {
	s := &session{conn: conn, policy: policy, options: options, queries: map[string]int{}}
	for {
		login, err := s.next(ctx)
		if err != nil {
			if s.attempts > 0 && !s.tried {
				err = errors.Join(err, policy.Left(s.user, "none"))
			}
			return nil, err
		}
		if login != nil {
			return login, nil
		}
	}
}

// maxReason is how many bytes of a reason sshd has room for.
const maxReason = 1023

func (s *session) disconnect(text string) error {
	if text = text[:min(len(text), maxReason)]; s.options.Silent {
		return fmt.Errorf("%w: %s", ErrRefused, text)
	}
	if err := s.conn.Disconnect(protocolError, text); err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", ErrRefused, text)
}

// broken ends the connection without a word.
func broken(what string) error { return fmt.Errorf("%w: malformed %s", ErrRefused, what) }

func (s *session) next(ctx context.Context) (*Login, error) {
	payload, err := s.conn.ReadPacket()
	if err != nil {
		return nil, err
	}
	if len(payload) == 0 {
		return nil, s.conn.Unimplemented()
	}
	r := wire.NewReader(payload[1:])
	switch {
	case payload[0] == wire.ServiceRequest:
		return nil, s.start(r)
	case payload[0] == wire.UserauthRequest && s.ready:
		return s.request(ctx, r)
	case payload[0] == wire.UserauthInfoReply && s.asked:
		return s.answered(ctx, r)
	}
	return nil, s.conn.Unimplemented()
}

// start answers a service request (RFC 4253 section 10).
func (s *session) start(r *wire.Reader) error {
	service := r.Text()
	if !r.Ended() {
		return broken("service request")
	}
	if service != "ssh-userauth" {
		return s.disconnect("bad service request " + service)
	}
	s.ready = true
	return s.conn.WritePacket(wire.Message(wire.ServiceAccept, service))
}

// request answers SSH_MSG_USERAUTH_REQUEST.
func (s *session) request(ctx context.Context, r *wire.Reader) (*Login, error) {
	began := s.options.Now()
	user, service, method := r.Text(), r.Text(), r.Text()
	if r.Bad() {
		return nil, broken("request")
	}
	user, style, _ := strings.Cut(user, ":")
	if s.attempts >= maxRequests {
		return nil, s.disconnect(s.options.TooMany)
	}
	if s.attempts++; s.attempts == 1 {
		if s.options.Silent && service != "ssh-connection" {
			return nil, broken("service")
		}
		s.user, s.service, s.style = user, service, style
		s.known = service == "ssh-connection" && s.policy.Known(user)
		if err := s.banner(); err != nil {
			return nil, err
		}
	} else if user != s.user || service != s.service {
		return nil, s.disconnect(fmt.Sprintf("Change of username or service not allowed: (%s,%s) -> (%s,%s)", s.user, s.service, user, service))
	}
	s.asked = false
	v, err := s.try(ctx, method, r)
	if err != nil {
		return nil, err
	}
	if v != accepted && (method != "none" || s.options.DelayNone) {
		s.leastDelay(ctx, began)
	}
	return s.conclude(v, method)
}

// banner sends the text before the login (RFC 4252 section 5.4).
func (s *session) banner() error {
	if s.options.Banner == "" {
		return nil
	}
	text := s.options.Banner
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return s.conn.WritePacket(wire.Message(wire.UserauthBanner, text, ""))
}

// verdict is what came of a request.
type verdict int

const (
	refused   verdict = iota
	harmless          // refused, and not the client's failure
	postponed         // an answer was sent already
	accepted
)

func (s *session) try(ctx context.Context, method string, r *wire.Reader) (verdict, error) {
	if s.failures >= s.options.MaxTries {
		return refused, nil
	}
	offered := slices.Contains(s.options.Methods, method)
	switch {
	case method == "none" && !s.noNone:
		s.noNone = true
		if !r.Ended() {
			return refused, broken("none")
		}
		return refused, nil
	case method == "password" && offered:
		return s.password(ctx, r)
	case method == "publickey" && offered:
		return s.publicKey(ctx, r, method)
	case method == hostbound && s.options.Hostbound && slices.Contains(s.options.Methods, "publickey"):
		return s.publicKey(ctx, r, method)
	case method == "keyboard-interactive" && offered:
		return s.keyboard(r)
	case strings.HasPrefix(method, "gssapi-") && offered:
		return harmless, nil // no ticket of theirs is known here
	}
	return refused, nil
}

// password is RFC 4252 section 8. A change of the password is refused unread.
func (s *session) password(ctx context.Context, r *wire.Reader) (verdict, error) {
	change, password := r.Bool(), r.Text()
	if change {
		r.Text()
	}
	if !r.Ended() {
		return refused, broken("password")
	}
	if change {
		return refused, nil
	}
	return s.check(ctx, "password", password)
}

func (s *session) check(ctx context.Context, method, password string) (verdict, error) {
	s.tried = true
	ok, err := s.policy.Password(ctx, Claim{s.user, method, s.known}, password)
	if ok && s.known && err == nil {
		return accepted, nil
	}
	return refused, err
}

// keyboard asks for the password (RFC 4256 section 3.2).
func (s *session) keyboard(r *wire.Reader) (verdict, error) {
	r.Text() // language
	r.Text() // submethods
	if !r.Ended() {
		return refused, broken("keyboard-interactive")
	}
	if s.options.Prompt == "" {
		return refused, nil
	}
	s.asked = true
	p := wire.AppendUint32(wire.Message(wire.UserauthInfoRequest, "", "", ""), 1)
	return postponed, s.conn.WritePacket(wire.AppendBool(wire.AppendString(p, s.options.Prompt), false))
}

// answered takes the answer (RFC 4256 section 3.4).
func (s *session) answered(ctx context.Context, r *wire.Reader) (*Login, error) {
	s.asked = false
	n := r.Uint32()
	if n > 100 {
		return nil, broken("answer")
	}
	var answers []string
	for range n {
		answers = append(answers, r.Text())
	}
	if !r.Ended() {
		return nil, broken("answer")
	}
	if len(answers) != 1 {
		return s.conclude(refused, "keyboard-interactive")
	}
	v, err := s.check(ctx, "keyboard-interactive", answers[0])
	if err != nil {
		return nil, err
	}
	return s.conclude(v, "keyboard-interactive")
}

// leastDelay waits until a request took its least time.
func (s *session) leastDelay(ctx context.Context, began time.Time) {
	if s.options.LeastDelay == nil {
		return
	}
	passed, least := s.options.Now().Sub(began), s.options.LeastDelay(s.user)
	for least > 0 && least < passed {
		least *= 2
	}
	s.options.Sleep(ctx, least-passed)
}

// conclude answers a request.
func (s *session) conclude(v verdict, method string) (*Login, error) {
	switch v {
	case postponed:
		return nil, nil
	case accepted:
		if err := s.conn.WritePacket([]byte{wire.UserauthSuccess}); err != nil {
			return nil, err
		}
		return &Login{User: s.user, Method: method, Queries: s.queries[s.user]}, nil
	case refused:
		if method != "none" || s.attempts > 1 && !s.options.Silent {
			s.failures++
		}
	}
	last := s.failures >= s.options.MaxTries
	if last && !s.options.Silent {
		return nil, s.disconnect(s.options.TooMany)
	}
	p := wire.Message(wire.UserauthFailure, strings.Join(s.options.Methods, ","))
	if err := s.conn.WritePacket(wire.AppendBool(p, false)); err != nil || !last {
		return nil, err
	}
	return nil, s.disconnect("too many failures")
}
