package delivery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
	"github.com/decnet/decnet/schema/rfc5424"
)

// maxDatagram is the longest message that a syslog receiver of datagrams must
// not cut (RFC 5426 section 3.2 says SHOULD for 2048; relays take 8192).
const maxDatagram = 8 << 10

// syslog sends messages to a receiver on this machine.
type syslog struct {
	sink             schema.Sink
	options          Options
	network, address string
}

func newSyslog(s schema.Sink, o Options) (*syslog, error) {
	u, err := url.Parse(s.Address)
	if err != nil {
		return nil, fmt.Errorf("sink %s: address: %w", s.Name, err)
	}
	t := &syslog{sink: s, options: o, network: u.Scheme}
	if u.Scheme == "unix" {
		if t.address = u.Path; u.Host != "" || !filepath.IsAbs(u.Path) {
			return nil, fmt.Errorf("sink %s: address %q: want unix:///absolute/path", s.Name, s.Address)
		}
		return t, nil
	}
	host := u.Hostname()
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.Unmap().IsLoopback() {
		return nil, fmt.Errorf("sink %s: plain syslog is sent to this machine only; let a relay on it carry it on over TLS", s.Name)
	}
	t.address = net.JoinHostPort(ip.Unmap().String(), u.Port())
	return t, nil
}

// severities of RFC 5424 section 6.2.1.
var severities = map[notification.Severity]rfc5424.Severity{
	notification.Info: rfc5424.Notice, notification.Warning: rfc5424.Warning, notification.Error: rfc5424.Error,
}

// message is the notification: its parameters beside its title as MSG.
func (t *syslog) message(n notification.Notification) string {
	severity, ok := severities[n.Severity]
	if !ok {
		severity = rfc5424.Notice
	}
	params := []rfc5424.Param{{Name: "id", Value: n.ID}, {Name: "title", Value: n.Title}, {Name: "body", Value: n.Body}, {Name: "key", Value: n.Key}}
	for _, f := range facts(n) {
		params = append(params, rfc5424.Param{Name: f[0], Value: f[1]})
	}
	return rfc5424.Message(rfc5424.Header{
		Severity: severity, Time: n.Time, Hostname: t.options.Hostname, App: "decnet", ID: string(n.Kind),
	}, params)
}

// Deliver implements Target.
func (t *syslog) Deliver(ctx context.Context, n notification.Notification) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, t.options.Timeout)
	defer cancel()
	conn, err := t.dial(ctx)
	if err != nil {
		return "", retryable("connect to syslog at %s: %w", t.address, err)
	}
	defer conn.Close() //nolint:errcheck // after the write
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", retryable("send to syslog at %s: %w", t.address, err)
		}
	}
	text := t.message(n)
	data := []byte(text)
	switch conn.RemoteAddr().Network() {
	case "tcp", "unix": // octet counting, RFC 6587 section 3.4.1
		data = []byte(strconv.Itoa(len(text)) + " " + text)
	default:
		data = data[:min(len(data), maxDatagram)]
	}
	if _, err := conn.Write(data); err != nil {
		return "", retryable("send to syslog at %s: %w", t.address, err)
	}
	return fmt.Sprintf("sent %d bytes over %s; syslog answers nothing", len(data), conn.RemoteAddr().Network()), nil
}

// dial connects; a UNIX socket is one for datagrams, as /dev/log is, or for a
// stream.
func (t *syslog) dial(ctx context.Context) (net.Conn, error) {
	networks := []string{t.network}
	if t.network == "unix" {
		networks = []string{"unixgram", "unix"}
	}
	var dialer net.Dialer
	var errs []error
	for _, network := range networks {
		conn, err := dialer.DialContext(ctx, network, t.address)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
