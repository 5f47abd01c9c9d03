package sink

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema/event"
)

// Of RFC 5424: facility local0, the private SD-ID, and the caps of its fields.
const (
	facility    = 16
	sdID        = "decnet@55555"
	timeFormat  = "2006-01-02T15:04:05.000000Z07:00"
	maxHostname = 255
	maxAppName  = 48
	maxProcID   = 128
	maxMsgID    = 32

	// maxValue and maxLine bound what an attacker can put on one line.
	maxValue = 2 << 10
	maxLine  = 8 << 10
)

// Severities of RFC 5424.
const (
	warning = 4
	notice  = 5
	info    = 6
)

// param is one SD-PARAM; its value is given raw.
type param struct{ name, value string }

// FormatEvent writes an event as one RFC 5424 message without a line feed.
// hostname is the decky's; the decky's address stands in where there is none.
func FormatEvent(e *intel.Event, hostname string) string {
	params := []param{
		{"id", e.ID}, {"seq", strconv.FormatInt(e.Seq, 10)}, {"decky", e.Decky}, {"service", e.Service}, {"session", e.Session},
	}
	params = append(params, endpoint("src", e.Source)...)
	params = append(params, endpoint("dst", e.Destination)...)
	if e.Flags != 0 {
		params = append(params, param{"flags", strings.Join(e.Flags.Names(), ",")})
	}
	severity, body := fields(e.Body)
	return message(severity, e.Time, hostname, e.Decky, e.Service, string(e.Kind()), append(params, body...))
}

// FormatTag writes a tag as one RFC 5424 message without a line feed.
func FormatTag(t *intel.Tag, hostname string) string {
	return message(warning, t.Time, hostname, t.Decky, t.Service, "ttp.tag", []param{
		{"event", t.Event}, {"seq", strconv.FormatInt(t.Seq, 10)}, {"technique", t.Technique}, {"attack_version", t.AttackVersion},
		{"tactics", strings.Join(t.Tactics, ",")}, {"rule", t.Rule}, {"key", t.Key}, {"count", strconv.FormatInt(t.Count, 10)},
		{"decky", t.Decky}, {"service", t.Service}, {"session", t.Session}, {"src", t.Source},
	})
}

func endpoint(name string, e event.Endpoint) []param {
	if e.IP == (netip.Addr{}) {
		return nil
	}
	return []param{{name, e.IP.String()}, {name + "_port", strconv.Itoa(int(e.Port))}}
}

// fields are the parameters of a body. Every kind has its own.
func fields(body event.Body) (severity int, params []param) {
	switch b := body.(type) {
	case *event.ConnectionOpened:
		return info, []param{{"transport", b.Transport}}
	case *event.ConnectionClosed:
		return info, []param{{"duration_ms", number(b.DurationMS)}, {"bytes_in", number(b.BytesIn)}, {"bytes_out", number(b.BytesOut)},
			{"reason", b.Reason}, {"detail", b.Detail}}
	case *event.AuthAttempt:
		return notice, []param{{"principal", string(b.Username)}, {"secret_kind", b.SecretKind},
			{"secret_printable", printable(string(b.Secret))}, {"secret_b64", base64.StdEncoding.EncodeToString([]byte(b.Secret.Clip(maxValue / 2)))},
			{"method", b.Method}, {"success", strconv.FormatBool(b.Success)}, {"client", string(b.Client)}}
	case *event.Command:
		return notice, []param{{"command", string(b.Line)}, {"mode", b.Mode}, {"cwd", b.Cwd}, {"user", b.User}, {"status", strconv.Itoa(b.Status)},
			{"known", strconv.FormatBool(b.Known)}}
	case *event.Request:
		return info, []param{{"method", string(b.Method)}, {"target", string(b.Target)}, {"protocol", b.Protocol}, {"host", string(b.Host)},
			{"user_agent", string(b.UserAgent)}, {"status", strconv.Itoa(b.Status)}, {"body_size", number(b.BodySize)}}
	case *event.Query:
		return info, []param{{"verb", b.Verb}, {"statement", string(b.Statement)}, {"target", string(b.Target)}, {"error", strconv.FormatBool(b.Error)}}
	case *event.Transfer:
		return notice, []param{{"direction", b.Direction}, {"name", string(b.Name)}, {"size", number(b.Size)}, {"sha256", b.SHA256}}
	case *event.Fingerprint:
		return info, []param{{"method", b.Method}, {"value", b.Value}}
	case *event.Scan:
		return info, []param{{"technique", b.Technique}, {"data", string(b.Data)}}
	case *event.Canary:
		return warning, []param{{"token", b.Token}, {"type", b.Type}, {"data", string(b.Data)}}
	case *event.Drift:
		return warning, []param{{"address", b.Address}, {"reason", b.Reason}, {"changes", strings.Join(b.Changes, ", ")}, {"action", b.Action}}
	case *event.System:
		return notice, []param{{"name", b.Name}, {"detail", string(b.Detail)}, {"count", number(b.Count)}}
	}
	return info, nil
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// message writes HEADER and STRUCTURED-DATA (RFC 5424 section 6); all that is
// said stands in parameters, so there is no MSG.
func message(severity int, at time.Time, hostname, decky, service, msgID string, params []param) string {
	if hostname == "" {
		hostname = decky
	}
	if service == "" {
		service = "decnet"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<%d>1 %s %s %s %s %s [%s", facility*8+severity, at.UTC().Format(timeFormat), name(hostname, maxHostname),
		name(service, maxAppName), name("", maxProcID), name(msgID, maxMsgID), sdID)
	for _, p := range params {
		if p.value == "" {
			continue
		}
		value := escape(p.value, maxValue)
		if b.Len()+len(p.name)+len(value)+5 > maxLine {
			b.WriteString(` truncated="true"`)
			break
		}
		b.WriteString(" " + p.name + `="` + value + `"`)
	}
	b.WriteByte(']')
	return b.String()
}

// name makes a header field: printable US-ASCII without spaces, "-" for
// nothing (RFC 5424 section 6.2).
func name(s string, limit int) string {
	var b strings.Builder
	for i := 0; i < len(s) && b.Len() < limit; i++ {
		if c := s[i]; c > ' ' && c < 0x7f {
			b.WriteByte(c)
		} else {
			b.WriteByte('?')
		}
	}
	if b.Len() == 0 {
		return "-"
	}
	return b.String()
}

// escape makes a PARAM-VALUE of bytes that an attacker chose: valid UTF-8 with
// ", \ and ] escaped (RFC 5424 section 6.3.3). Bytes that are no UTF-8 and
// control characters, line feeds first of all, become \xNN: the backslash of
// such a sequence is itself escaped on the wire, and so is one that the
// attacker sent, doubled, so that the two cannot be confused. What is over
// limit bytes is cut, which three dots say.
func escape(s string, limit int) string {
	const dots = "..."
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		var piece string
		switch {
		case r == utf8.RuneError && size <= 1, hidden(r):
			for _, c := range []byte(s[i : i+size]) {
				piece += fmt.Sprintf(`\\x%02x`, c)
			}
		case r == '\\':
			piece = `\\\\`
		case r == '"' || r == ']':
			piece = `\` + string(r)
		default:
			piece = s[i : i+size]
		}
		if b.Len()+len(piece) > limit-len(dots) && (i+size < len(s) || b.Len()+len(piece) > limit) {
			b.WriteString(dots)
			break
		}
		b.WriteString(piece)
		i += size
	}
	return b.String()
}

// hidden are the characters that a terminal or a line-based reader acts upon:
// controls, line and paragraph separators, and the marks that turn the
// direction of writing.
func hidden(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r < 0xa0:
		return true
	case r == 0x2028, r == 0x2029, r == 0xfeff, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	}
	return false
}

// printable replaces what is no printable ASCII by dots, as a reader's aid
// beside the exact base64.
func printable(s string) string {
	s = s[:min(len(s), maxValue/2)]
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, s)
}
