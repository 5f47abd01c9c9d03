package ssh

import (
	"bytes"
	"errors"
	"io"
	"net"

	"golang.org/x/crypto/ssh"
)

// goTransport is the transport over x/crypto/ssh, with the algorithms that it
// shares with OpenSSH 9.2 in OpenSSH's order.
type goTransport struct{ h *handler }

var (
	kexes = []string{
		ssh.KeyExchangeCurve25519, ssh.KeyExchangeECDHP256, ssh.KeyExchangeECDHP384, ssh.KeyExchangeECDHP521, ssh.KeyExchangeDHGEXSHA256,
		ssh.KeyExchangeDH16SHA512, ssh.KeyExchangeDH14SHA256,
	}
	ciphers = []string{ssh.CipherChaCha20Poly1305, ssh.CipherAES128CTR, ssh.CipherAES192CTR, ssh.CipherAES256CTR, ssh.CipherAES128GCM, ssh.CipherAES256GCM}
	macs    = []string{ssh.HMACSHA256ETM, ssh.HMACSHA512ETM, ssh.HMACSHA256, ssh.HMACSHA512, ssh.HMACSHA1}
	sigAlgs = []string{
		ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKECDSA256, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
	}
)

var errDenied = errors.New("permission denied")

// accept implements transport.
func (t *goTransport) accept(p *peer, policy policy) (link, error) {
	config := &ssh.ServerConfig{
		Config: ssh.Config{KeyExchanges: kexes, Ciphers: ciphers, MACs: macs}, PublicKeyAuthAlgorithms: sigAlgs, MaxAuthTries: t.h.config.MaxAuthTries, ServerVersion: p.banner,
	}
	var broken error // a record that could not be kept ends the connection
	verdict := func(ok bool, err error) (*ssh.Permissions, error) {
		if err != nil {
			broken = err
			_ = p.Close()
		}
		if err != nil || !ok {
			return nil, errDenied
		}
		return &ssh.Permissions{}, nil
	}
	config.PublicKeyCallback = func(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		return verdict(policy.offered(meta.User(), describe(key)))
	}
	config.VerifiedPublicKeyCallback = func(meta ssh.ConnMetadata, key ssh.PublicKey, _ *ssh.Permissions, _ string) (*ssh.Permissions, error) {
		return verdict(true, policy.proved(meta.User(), describe(key)))
	}
	config.PasswordCallback = func(meta ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
		return verdict(policy.password(meta.User(), string(password)))
	}
	if text := t.h.config.PreAuthBanner; text != "" {
		config.BannerCallback = func(ssh.ConnMetadata) string { return text }
	}
	for _, key := range t.h.keys.all() {
		config.AddHostKey(key)
	}
	conn, channels, requests, err := ssh.NewServerConn(&replayed{Conn: p.Conn, skip: len(p.banner) + 2, head: *bytes.NewReader([]byte(p.version + "\r\n"))}, config)
	if broken != nil {
		return nil, broken
	}
	var denied *ssh.ServerAuthError
	if errors.As(err, &denied) {
		return nil, io.EOF // a client that never logged in leaves as any other
	}
	if err != nil {
		return nil, err
	}
	return newGoLink(conn, channels, requests), nil
}

func describe(key ssh.PublicKey) offeredKey {
	return offeredKey{wire: string(key.Marshal()), kind: key.Type(), fingerprint: ssh.FingerprintSHA256(key)}
}

// replayed hands x/crypto/ssh the identification that was read already and
// keeps back the one it would send a second time.
type replayed struct {
	net.Conn
	head bytes.Reader
	skip int
}

// Read implements io.Reader.
func (r *replayed) Read(p []byte) (int, error) {
	if r.head.Len() > 0 {
		return r.head.Read(p)
	}
	return r.Conn.Read(p)
}

// Write implements io.Writer.
func (r *replayed) Write(p []byte) (int, error) {
	if r.skip == 0 {
		return r.Conn.Write(p)
	}
	n := min(r.skip, len(p))
	r.skip -= n
	if n == len(p) {
		return n, nil
	}
	m, err := r.Conn.Write(p[n:])
	return n + m, err
}

// goLink is a link over x/crypto/ssh.
type goLink struct {
	conn     *ssh.ServerConn
	opened   chan opening
	asked    chan request
	finished chan struct{}
}

func newGoLink(conn *ssh.ServerConn, channels <-chan ssh.NewChannel, requests <-chan *ssh.Request) *goLink {
	l := &goLink{conn: conn, opened: make(chan opening), asked: make(chan request), finished: make(chan struct{})}
	forward(channels, l.opened, l.finished, func(c ssh.NewChannel) opening { return goOpening{c, l.finished} })
	forward(requests, l.asked, l.finished, func(r *ssh.Request) request { return goRequest{r} })
	return l
}

// forward converts what one channel yields until it ends; after stop it only
// drains, so that its goroutine ends with the connection.
func forward[A, B any](from <-chan A, to chan<- B, stop <-chan struct{}, convert func(A) B) {
	go func() {
		defer close(to)
		for a := range from {
			select {
			case to <- convert(a):
			case <-stop:
			}
		}
	}()
}

func (l *goLink) user() string             { return l.conn.User() }
func (l *goLink) sessionID() []byte        { return l.conn.SessionID() }
func (l *goLink) channels() <-chan opening { return l.opened }
func (l *goLink) requests() <-chan request { return l.asked }
func (l *goLink) announce(name string, payload []byte) error {
	_, _, err := l.conn.SendRequest(name, false, payload)
	return err
}

func (l *goLink) close() error {
	close(l.finished)
	return l.conn.Close()
}

type goOpening struct {
	c    ssh.NewChannel
	stop <-chan struct{}
}

func (o goOpening) kind() string  { return o.c.ChannelType() }
func (o goOpening) extra() []byte { return o.c.ExtraData() }
func (o goOpening) accept() (channel, <-chan request, error) {
	c, requests, err := o.c.Accept()
	if err != nil {
		return nil, nil, err
	}
	out := make(chan request)
	forward(requests, out, o.stop, func(r *ssh.Request) request { return goRequest{r} })
	return goChannel{c}, out, nil
}

func (o goOpening) reject(reason uint32, message string) error {
	return o.c.Reject(ssh.RejectionReason(reason), message)
}

type goChannel struct{ ssh.Channel }

func (c goChannel) stderr() io.Writer { return c.Stderr() }
func (c goChannel) closeWrite() error { return c.CloseWrite() }
func (c goChannel) send(name string, payload []byte) error {
	_, err := c.SendRequest(name, false, payload)
	return err
}

type goRequest struct{ r *ssh.Request }

func (r goRequest) kind() string                        { return r.r.Type }
func (r goRequest) payload() []byte                     { return r.r.Payload }
func (r goRequest) wantsReply() bool                    { return r.r.WantReply }
func (r goRequest) reply(ok bool, payload []byte) error { return r.r.Reply(ok, payload) }
