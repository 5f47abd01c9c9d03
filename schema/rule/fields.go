package rule

import (
	"net/netip"

	"github.com/decnet/decnet/schema/event"
)

// The bodies, under short names for the table.
type (
	opened      = *event.ConnectionOpened
	closed      = *event.ConnectionClosed
	auth        = *event.AuthAttempt
	command     = *event.Command
	request     = *event.Request
	query       = *event.Query
	transfer    = *event.Transfer
	fingerprint = *event.Fingerprint
	scan        = *event.Scan
	canary      = *event.Canary
	drift       = *event.Drift
	system      = *event.System
)

// fields is the event schema as rules see it.
var fields = []*field{
	define("kind", "What happened: one of the kinds.", of(func(e *event.Event) string { return string(e.Kind()) })),
	define("source", "The attacking IP.", of(func(e *event.Event) string { return ip(e.Source) })),
	define("source_port", "The attacking port.", numberOf(func(e *event.Event) uint16 { return e.Source.Port })),
	define("destination", "The decky's IP.", of(func(e *event.Event) string { return ip(e.Destination) })),
	define("destination_port", "The port that was reached.", numberOf(func(e *event.Event) uint16 { return e.Destination.Port })),
	define("decky", "The decky's address.", of(func(e *event.Event) string { return e.Decky })),
	define("service", "The service's name within the decky.", of(func(e *event.Event) string { return e.Service })),
	define("session", "The session, one per connection.", of(func(e *event.Event) string { return e.Session })),

	define("transport", "tcp or udp.", in(func(b opened) string { return b.Transport })),
	define("duration_ms", "How long the connection stood, in milliseconds.", countIn(func(b closed) int64 { return b.DurationMS })),
	define("bytes_in", "Bytes that the client sent.", countIn(func(b closed) int64 { return b.BytesIn })),
	define("bytes_out", "Bytes that the client was sent.", countIn(func(b closed) int64 { return b.BytesOut })),
	define("reason", "Why a connection closed, or why a decky drifted.",
		in(func(b closed) string { return b.Reason }), in(func(b drift) string { return b.Reason })),
	define("detail", "More about a close or a system event.",
		in(func(b closed) string { return b.Detail }), in(func(b system) event.Text { return b.Detail })),

	define("method", "The way to log in, the request's method, or the fingerprint's.",
		in(func(b auth) string { return b.Method }), in(func(b request) event.Text { return b.Method }),
		in(func(b fingerprint) string { return b.Method })),
	define("username", "The name that tried to log in.", in(func(b auth) event.Text { return b.Username })),
	define("password", "The secret that was tried.", in(func(b auth) event.Text { return b.Secret })),
	define("secret_kind", "What the secret is: plaintext, publickey, ...", in(func(b auth) string { return b.SecretKind })),
	define("success", "Whether the login succeeded.", testIn(func(b auth) bool { return b.Success })),
	define("client", "The client's version string.", in(func(b auth) event.Text { return b.Client })),

	define("command", "The command line.", in(func(b command) event.Text { return b.Line })),
	define("mode", "exec or shell.", in(func(b command) string { return b.Mode })),
	define("cwd", "The directory that the command ran in.", in(func(b command) string { return b.Cwd })),
	define("user", "The user that the command ran as.", in(func(b command) string { return b.User })),
	define("known", "Whether the decoy had such a command.", testIn(func(b command) bool { return b.Known })),
	define("output", "What the command answered.", in(func(b command) event.Text { return b.Output })),
	define("status", "The exit status, or the response's status.",
		countIn(func(b command) int { return b.Status }), countIn(func(b request) int { return b.Status })),

	define("protocol", "The request's protocol: HTTP/1.1.", in(func(b request) string { return b.Protocol })),
	define("target", "The request's target, or the peer that a query names.",
		in(func(b request) event.Text { return b.Target }), in(func(b query) event.Text { return b.Target })),
	define("path", "The request's path.", in(func(b request) event.Text { return b.Path })),
	define("host", "The request's host.", in(func(b request) event.Text { return b.Host })),
	define("user_agent", "The request's user agent.", in(func(b request) event.Text { return b.UserAgent })),
	define("body", "The request's body.", in(func(b request) event.Text { return b.Body })),
	define("malformed", "Whether the request broke the protocol.", testIn(func(b request) bool { return b.Malformed })),
	define("size", "Bytes of the request's body or of the file.",
		countIn(func(b request) int64 { return b.BodySize }), countIn(func(b transfer) int64 { return b.Size })),

	define("verb", "The statement's first word in upper case.", in(func(b query) string { return b.Verb })),
	define("statement", "The whole statement.", in(func(b query) event.Text { return b.Statement })),
	define("reply", "What the statement answered.", in(func(b query) event.Text { return b.Reply })),
	define("error", "Whether the statement failed.", testIn(func(b query) bool { return b.Error })),

	define("direction", "upload or download.", in(func(b transfer) string { return b.Direction })),
	define("name", "The file's name, or what a system event is about.",
		in(func(b transfer) event.Text { return b.Name }), in(func(b system) string { return b.Name })),
	define("sha256", "The file's digest.", in(func(b transfer) string { return b.SHA256 })),
	define("stored", "Whether the file was kept.", testIn(func(b transfer) bool { return b.Stored })),

	define("fingerprint", "The fingerprint's value.", in(func(b fingerprint) string { return b.Value })),
	define("scan", "How it was scanned: connect, probe, foreign-protocol.", in(func(b scan) string { return b.Technique })),
	define("data", "The bytes of a scan or of a canary's use.",
		in(func(b scan) event.Text { return b.Data }), in(func(b canary) event.Text { return b.Data })),
	define("token", "The canary's token.", in(func(b canary) string { return b.Token })),
	define("type", "The canary's type.", in(func(b canary) string { return b.Type })),
	define("address", "The instance that drifted.", in(func(b drift) string { return b.Address })),
	define("action", "What was done about the drift.", in(func(b drift) string { return b.Action })),
	define("count", "How many of a system event.", countIn(func(b system) int64 { return b.Count })),
}

// ip is an endpoint's address, empty where there is none.
func ip(e event.Endpoint) string {
	if e.IP == (netip.Addr{}) {
		return ""
	}
	return e.IP.String()
}

// byName finds fields.
var byName = func() map[string]*field {
	m := make(map[string]*field, len(fields))
	for _, f := range fields {
		m[f.name] = f
	}
	return m
}()

// fieldNames lists all fields.
func fieldNames() []string {
	names := make([]string, 0, len(fields))
	for _, f := range fields {
		names = append(names, f.name)
	}
	return names
}
