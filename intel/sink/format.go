package sink

import (
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/rfc5424"
)

// Severities of RFC 5424.
const (
	warning = rfc5424.Warning
	notice  = rfc5424.Notice
	info    = rfc5424.Info
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
func fields(body event.Body) (severity rfc5424.Severity, params []param) {
	switch b := body.(type) {
	case *event.ConnectionOpened:
		return info, []param{{"transport", b.Transport}}
	case *event.ConnectionClosed:
		return info, []param{{"duration_ms", number(b.DurationMS)}, {"bytes_in", number(b.BytesIn)}, {"bytes_out", number(b.BytesOut)},
			{"reason", b.Reason}, {"detail", b.Detail}}
	case *event.AuthAttempt:
		return notice, []param{{"principal", string(b.Username)}, {"secret_kind", b.SecretKind},
			{"secret_printable", printable(string(b.Secret))}, {"secret_b64", base64.StdEncoding.EncodeToString([]byte(b.Secret.Clip(rfc5424.MaxValue / 2)))},
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

func message(severity rfc5424.Severity, at time.Time, hostname, decky, service, msgID string, params []param) string {
	if hostname == "" {
		hostname = decky
	}
	if service == "" {
		service = "decnet"
	}
	all := make([]rfc5424.Param, len(params))
	for i, p := range params {
		all[i] = rfc5424.Param{Name: p.name, Value: p.value}
	}
	return rfc5424.Message(rfc5424.Header{Severity: severity, Time: at, Hostname: hostname, App: service, ID: msgID}, all)
}

// printable replaces what is no printable ASCII by dots, as a reader's aid
// beside the exact base64.
func printable(s string) string {
	s = s[:min(len(s), rfc5424.MaxValue/2)]
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, s)
}
