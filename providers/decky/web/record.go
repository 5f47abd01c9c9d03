package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/decnet/decnet/schema/event"
)

// Caps of a record.
const (
	maxTarget  = 16 << 10
	maxHeaders = 200
)

// malformed is the record of bytes that are no request.
func (s *session) malformed(r *Request, status int) event.Body {
	raw := s.in.Raw()
	if len(raw) > 0 && raw[0] < 0x20 && raw[0] != '\r' && raw[0] != '\n' {
		data := append(bytes.Clone(raw), s.in.Rest()...)
		return &event.Scan{Technique: "foreign-protocol", Data: event.Text(data).Clip(event.MaxText)}
	}
	body := s.request(r, status)
	body.Malformed = true
	if r.Target == "" {
		line, _, _ := strings.Cut(string(raw), "\n")
		body.Target = event.Text(line).Clip(maxTarget)
	}
	return body
}

func (s *session) request(r *Request, status int) *event.Request {
	return &event.Request{
		Protocol: r.Protocol(), Method: event.Text(r.Method).Clip(256), Target: event.Text(r.Target).Clip(maxTarget), Path: event.Text(r.Path).Clip(maxTarget),
		Host: event.Text(r.Host).Clip(1024), UserAgent: event.Text(r.Field("user-agent")).Clip(4096),
		Headers: r.Headers[:min(len(r.Headers), maxHeaders)], Status: status,
	}
}

// record puts a request, its body and the logins in it on record.
func (s *session) record(x *Exchange, status int) error {
	body := s.request(x.Request, status)
	b := x.Body
	body.BodySize, body.Body = max(x.Request.Length, b.read), event.Text(b.kept[:min(len(b.kept), maxInline)])
	if err := s.conn.Record(body); err != nil {
		return err
	}
	if b.read > maxInline {
		if err := s.conn.Record(s.capture(x.Request.Path, b)); err != nil {
			return err
		}
	}
	logins := false
	for _, note := range x.notes {
		_, login := note.(*event.AuthAttempt)
		logins = logins || login
		if err := s.conn.Record(note); err != nil {
			return err
		}
	}
	if logins {
		return nil
	}
	for _, attempt := range credentials(x.Request, b.kept) {
		if err := s.conn.Record(attempt); err != nil {
			return err
		}
	}
	return nil
}

// capture keeps a body that is too large to stand beside its request.
func (s *session) capture(name string, b *Body) *event.Transfer {
	whole := int64(len(b.kept)) == b.read
	t := &event.Transfer{Direction: "upload", Name: event.Text(name).Clip(maxTarget), Size: b.read, SHA256: b.digest()}
	t.Stored = whole && s.keep(t.SHA256, b.kept)
	return t
}

// upload keeps one file of a form.
func (s *session) upload(name string, data []byte) *event.Transfer {
	sum := sha256.Sum256(data)
	t := &event.Transfer{Direction: "upload", Name: event.Text(name).Clip(maxTarget), Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
	t.Stored = s.keep(t.SHA256, data)
	return t
}

// keep stores an artifact under its digest; what does not fit the decky's quota
// is recorded as not stored.
func (s *session) keep(digest string, data []byte) bool {
	store := s.server.Env.Store
	return store != nil && store.Save("artifact-"+digest, data) == nil
}
