package forward

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/decnet/decnet/schema/event"
)

// Bounds of one SMTP session.
const (
	maxCommands = 1000
	maxMail     = 256 << 10 // kept of one message
)

// mailName is the name in the greeting.
func (p *Peer) mailName() string {
	if net.ParseIP(p.target.Host) == nil {
		return clean(p.target.Host)
	}
	return fmt.Sprintf("mail%d.%s", 1+p.s.number("mail/"+p.target.Host, 4), "mailrelay.net")
}

// mail is the state of one SMTP session (RFC 5321).
type mail struct {
	p         *Peer
	out       io.Writer
	in        *bufio.Reader
	encrypted bool
	helo      bool
	from      bool
	to        int
	queued    int
}

// smtp takes mail; the greeting is out already. plain is where STARTTLS begins.
func (p *Peer) smtp(l *line, out io.Writer, encrypted bool) error {
	m := &mail{p: p, out: out, in: l.in, encrypted: encrypted}
	return m.serve(l)
}

func (m *mail) serve(l *line) error {
	for range maxCommands {
		text, _, err := readLine(m.in, 0)
		if err != nil {
			return err
		}
		verb, rest, _ := strings.Cut(text, " ")
		verb = strings.ToUpper(verb)
		if err := m.keep(verb, text, nil); err != nil {
			return err
		}
		switch verb {
		case "STARTTLS":
			if m.encrypted {
				err = m.say("503 5.5.1 Error: TLS already active")
				break
			}
			if err := m.say("220 2.0.0 Ready to start TLS"); err != nil {
				return err
			}
			return m.p.secured(l, func(c *tls.Conn) error {
				inner := &mail{p: m.p, out: c, in: bufio.NewReaderSize(c, 4<<10), encrypted: true}
				return inner.serve(l)
			})
		case "QUIT":
			return m.say("221 2.0.0 Bye")
		case "AUTH":
			err = m.auth(rest)
		case "DATA":
			err = m.data()
		default:
			err = m.say(m.answer(verb, rest))
		}
		if err != nil {
			return err
		}
	}
	return m.say("421 4.7.0 " + m.p.mailName() + " Error: too many errors")
}

func (m *mail) say(text string) error {
	_, err := io.WriteString(m.out, text+"\r\n")
	return err
}

// keep records a command, or a message.
func (m *mail) keep(verb, text string, body []byte) error {
	return m.p.record(&event.Request{
		Protocol: "SMTP", Method: event.Text(verb).Clip(64), Target: event.Text(text).Clip(4096), Path: m.p.name(), Host: event.Text(m.p.target.Host).Clip(1024), Body: event.Text(body).Clip(maxBody), BodySize: int64(len(body)),
	})
}

// answer is the reply to a command without more to come.
func (m *mail) answer(verb, rest string) string {
	switch verb {
	case "EHLO", "HELO":
		if rest == "" {
			return "501 Syntax: " + verb + " hostname"
		}
		m.helo, m.from, m.to = true, false, 0
		if verb == "HELO" {
			return "250 " + m.p.mailName()
		}
		lines := []string{m.p.mailName(), "PIPELINING", "SIZE 52428800", "ETRN", "STARTTLS", "AUTH PLAIN LOGIN", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "CHUNKING"}
		if m.encrypted {
			lines = append(lines[:4], lines[5:]...)
		}
		return "250-" + strings.Join(lines[:len(lines)-1], "\r\n250-") + "\r\n250 " + lines[len(lines)-1]
	case "MAIL":
		switch {
		case !m.helo:
			return "503 5.5.1 Error: send HELO/EHLO first"
		case m.from:
			return "503 5.5.1 Error: nested MAIL command"
		case !strings.HasPrefix(strings.ToUpper(rest), "FROM:"):
			return "501 5.5.4 Syntax: MAIL FROM:<address>"
		}
		m.from = true
		return "250 2.1.0 Ok"
	case "RCPT":
		switch {
		case !m.from:
			return "503 5.5.1 Error: need MAIL command"
		case !strings.HasPrefix(strings.ToUpper(rest), "TO:"):
			return "501 5.5.4 Syntax: RCPT TO:<address>"
		}
		m.to++
		return "250 2.1.5 Ok"
	case "RSET":
		m.from, m.to = false, 0
		return "250 2.0.0 Ok"
	case "NOOP":
		return "250 2.0.0 Ok"
	case "VRFY":
		return "252 2.0.0 " + clean(rest)
	case "GET", "POST", "CONNECT":
		return "221 2.7.0 Error: I can break rules, too. Goodbye."
	}
	return "500 5.5.2 Error: command not recognized"
}

// auth takes credentials (RFC 4954) and refuses them.
func (m *mail) auth(rest string) error {
	method, initial, _ := strings.Cut(rest, " ")
	method = strings.ToUpper(method)
	ask := func(prompt string) (string, error) {
		if err := m.say("334 " + prompt); err != nil {
			return "", err
		}
		text, _, err := readLine(m.in, 0)
		return text, err
	}
	decode := func(text string) string {
		b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil {
			return text
		}
		return string(b)
	}
	var user, password string
	var err error
	switch method {
	case "LOGIN":
		if initial == "" {
			if initial, err = ask("VXNlcm5hbWU6"); err != nil {
				return err
			}
		}
		user = decode(initial)
		if password, err = ask("UGFzc3dvcmQ6"); err != nil {
			return err
		}
		password = decode(password)
	case "PLAIN":
		if initial == "" {
			if initial, err = ask(""); err != nil {
				return err
			}
		}
		if f := strings.SplitN(decode(initial), "\x00", 3); len(f) == 3 {
			user, password = f[1], f[2]
		}
	default:
		return m.say("535 5.7.8 Error: authentication failed: Invalid authentication mechanism")
	}
	if err := m.p.record(&event.AuthAttempt{Method: "smtp-" + strings.ToLower(method), Username: event.Text(user).Clip(1024), Secret: event.Text(password).Clip(4096), SecretKind: "plaintext"}); err != nil {
		return err
	}
	return m.say("535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6")
}

// data takes a message up to its point.
func (m *mail) data() error {
	if m.to == 0 {
		return m.say("503 5.5.1 Error: need RCPT command")
	}
	if err := m.say("354 End data with <CR><LF>.<CR><LF>"); err != nil {
		return err
	}
	var body []byte
	for {
		text, _, err := readLine(m.in, 0)
		if err != nil {
			return err
		}
		if text == "." {
			break
		}
		if len(body)+len(text) < maxMail {
			body = append(append(body, text...), "\r\n"...)
		}
	}
	m.from, m.to = false, 0
	m.queued++
	if err := m.keep("message", "", body); err != nil {
		return err
	}
	id := strings.ToUpper(hex.EncodeToString(m.p.s.Derive(fmt.Sprintf("forward/queue/%s/%d/%d", m.p.target.Host, m.p.s.Now().UnixNano(), m.queued))[:5]))
	return m.say("250 2.0.0 Ok: queued as " + id)
}
