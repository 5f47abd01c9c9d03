package delivery

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
)

// Caps of mail.
const (
	maxSubject = 300     // bytes, before encoding
	maxDialog  = 1 << 20 // bytes that a server may say in one delivery
)

// email writes to people.
type email struct {
	sink    schema.Sink
	options Options
}

// Deliver implements Target. The Message-ID is made of the notification's, so
// that a mail that is sent twice can be told.
func (e *email) Deliver(ctx context.Context, n notification.Notification) (string, error) {
	message, err := e.message(n)
	if err != nil {
		return "", permanent("make mail: %w", err)
	}
	var secrets []string
	password := ""
	if e.sink.PasswordFile != "" {
		if password, err = e.options.secret(e.sink.PasswordFile); err != nil {
			return "", err
		}
		secrets = append(secrets, password)
	}
	ctx, cancel := context.WithTimeout(ctx, e.options.Timeout)
	defer cancel()
	var conn net.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close() // the library leaves it open where a dialogue fails; else it is closed
		}
	}()
	client, err := e.client(password, &conn)
	if err != nil {
		return "", err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return "", e.failure("connect", err, secrets, false)
	}
	defer client.Close() //nolint:errcheck // the server has the mail, or the error below says that it has not
	if err := client.Send(message); err != nil {
		return "", e.failure("send", err, secrets, true)
	}
	return "accepted for " + strings.Join(e.sink.To, ", "), nil
}

// failure is what went wrong; a mail that the server refuses for good is not
// sent again, a login that fails is: somebody may correct the password.
func (e *email) failure(what string, err error, secrets []string, refused bool) error {
	out := &Error{Err: errors.New(what + ": " + withheld(err, secrets).Error())}
	var sent *mail.SendError
	if refused && errors.As(err, &sent) {
		out.Permanent = sent.ErrorCode()/100 == 5
	}
	var said *textproto.Error
	if refused && errors.As(err, &said) && said.Code/100 == 5 {
		out.Permanent = true
	}
	if errors.Is(err, context.DeadlineExceeded) {
		out.Err = errors.New(what + ": no answer within " + e.options.Timeout.String())
	}
	return out
}

// message writes the mail. Whatever stands in its header is one line and is
// encoded (RFC 2047), so that a notification adds no header of its own.
func (e *email) message(n notification.Notification) (*mail.Msg, error) {
	m := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithEncoding(mail.EncodingQP))
	if err := m.From(e.sink.From); err != nil {
		return nil, err
	}
	if err := m.To(e.sink.To...); err != nil {
		return nil, err
	}
	m.Subject(line("["+string(n.Severity)+"] decnet: "+n.Title, maxSubject))
	m.SetDateWithValue(n.Time)
	m.SetMessageIDWithValue(token(n.ID) + "@" + token(e.options.Hostname))
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's holiday answers it
	m.SetGenHeader("X-Decnet-Kind", token(string(n.Kind)))
	var b strings.Builder
	b.WriteString(line(n.Title, maxTitle) + "\n\n")
	if n.Body != "" {
		b.WriteString(lines(n.Body, maxBody) + "\n\n")
	}
	for _, f := range facts(n) {
		b.WriteString(line(f[0], 100) + ": " + line(f[1], maxText) + "\n")
	}
	b.WriteString("kind: " + line(string(n.Kind), 100) + "\ntime: " + n.Time.UTC().Format("2006-01-02 15:04:05 MST") + "\n")
	m.SetBodyString(mail.TypeTextPlain, b.String())
	return m, nil
}

// token keeps of text what may stand in a Message-ID without quotes (RFC 5322
// section 3.2.3).
func token(text string) string {
	text = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_' {
			return r
		}
		return '-'
	}, cut(text, 200))
	if text = strings.Trim(text, "."); text == "" {
		return "none"
	}
	return text
}

// client makes the client of one delivery; conn is set to its connection.
func (e *email) client(password string, conn *net.Conn) (*mail.Client, error) {
	pool, err := e.options.authorities(e.sink.CAFile)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{ServerName: e.sink.Host, RootCAs: pool, MinVersion: tls.VersionTLS12}
	port := e.sink.Port
	options := []mail.Option{mail.WithTimeout(e.options.Timeout), mail.WithTLSConfig(config), mail.WithHELO(token(e.options.Hostname))}
	switch e.sink.TLS {
	case "tls":
		options, port = append(options, mail.WithSSL()), or(port, 465)
	case "none":
		options, port = append(options, mail.WithTLSPolicy(mail.NoTLS)), or(port, 25)
	default:
		options, port = append(options, mail.WithTLSPolicy(mail.TLSMandatory)), or(port, 587)
	}
	if e.sink.Username != "" {
		options = append(options, mail.WithUsername(e.sink.Username), mail.WithPassword(password),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthPlain, mail.SMTPAuthLogin))
	}
	options = append(options, mail.WithPort(port), mail.WithDialContextFunc(func(ctx context.Context, network, _ string) (net.Conn, error) {
		made, err := e.dial(ctx, network, net.JoinHostPort(e.sink.Host, strconv.Itoa(port)), config)
		*conn = made
		return made, err
	}))
	client, err := mail.NewClient(e.sink.Host, options...)
	if err != nil {
		return nil, permanent("make mail client: %w", withheld(err, []string{password}))
	}
	return client, nil
}

func or(n, fallback int) int {
	if n == 0 {
		return fallback
	}
	return n
}

// dial connects; what the server says is bounded.
func (e *email) dial(ctx context.Context, network, address string, config *tls.Config) (net.Conn, error) {
	dialer := net.Dialer{Timeout: e.options.Timeout}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	bounded := &boundedConn{Conn: conn, left: maxDialog}
	if e.sink.TLS != "tls" {
		return bounded, nil
	}
	secured := tls.Client(bounded, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secured, nil
}

// boundedConn fails where the other side says too much.
type boundedConn struct {
	net.Conn

	left int
}

func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errors.New("the server says more than is read")
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
