package sink_test

import (
	"encoding/base64"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/rfc5424"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/sink"
	"github.com/decnet/decnet/schema/event"
)

var update = flag.Bool("update", false, "rewrite golden files")

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

func stored(body event.Body) *intel.Event {
	return &intel.Event{Seq: 7, Event: &event.Event{
		ID: "01JNQ8Z0000000000000000000", Time: noon, Decky: "decky.web[0]", Service: "ssh", Session: "s1",
		Source:      event.EndpointOf(netip.MustParseAddrPort("198.51.100.7:4242")),
		Destination: event.EndpointOf(netip.MustParseAddrPort("192.0.2.10:22")), Body: body,
	}}
}

var bodies = []event.Body{
	&event.ConnectionOpened{Transport: "tcp"},
	&event.ConnectionClosed{DurationMS: 12, BytesIn: 3, BytesOut: 4, Reason: event.CloseClient},
	&event.AuthAttempt{Method: "password", Username: "root", Secret: "a\xff\x00b\"]\\", SecretKind: "plaintext", Success: true, Client: "SSH-2.0-x\r\ny"},
	&event.Command{Line: "echo 'a]b\"c\\d'\n<30>1 forged", Mode: "exec", Known: true},
	&event.Request{Protocol: "HTTP/1.1", Method: "GET", Target: "/\xfe?q=\u202egnp", Host: "h", UserAgent: "curl/8", Status: 200},
	&event.Query{Verb: "SLAVEOF", Statement: "SLAVEOF a 1", Target: "a:1"},
	&event.Transfer{Direction: "upload", Name: "../x", Size: 1, SHA256: "00"},
	&event.Fingerprint{Method: "hassh", Value: "00"},
	&event.Scan{Technique: "probe", Data: "\x00\x01"},
	&event.Canary{Token: "t", Type: "dns"},
	&event.Drift{Address: "decky.a", Reason: "gone", Changes: []string{"a", "b"}, Action: "heal"},
	&event.System{Name: "overflow", Count: 3},
}

func TestMessagesAreGolden(t *testing.T) {
	var lines []string
	for _, body := range bodies {
		lines = append(lines, sink.FormatEvent(stored(body), "FILES01"))
	}
	flagged := stored(bodies[0])
	flagged.Flags, flagged.Service, flagged.Session = intel.FlagForeign|intel.FlagTime, "", ""
	lines = append(lines, sink.FormatEvent(flagged, ""), sink.FormatTag(&intel.Tag{
		Event: "01JNQ8Z0000000000000000000", Seq: 7, Technique: "T1110.003", Tactics: []string{"credential-access"}, Rule: "password_spray",
		AttackVersion: "19.1", Key: "198.51.100.7\x00root", Count: 8, Time: noon, Decky: "decky.web[0]", Service: "ssh", Session: "s1", Source: "198.51.100.7",
	}, "FILES01"))
	got := strings.Join(lines, "\n") + "\n"
	golden := filepath.Join("testdata", "messages.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// parse reads a message with a parser that is not ours.
func parse(t testing.TB, line string) *rfc5424.SyslogMessage {
	t.Helper()
	var m syslog.Message
	m, err := rfc5424.NewParser().Parse([]byte(line))
	if err != nil {
		t.Fatalf("refused by the parser: %v\n%q", err, line)
	}
	out, ok := m.(*rfc5424.SyslogMessage)
	if !ok || !out.Valid() {
		t.Fatalf("invalid message %q", line)
	}
	return out
}

func params(t testing.TB, m *rfc5424.SyslogMessage) map[string]string {
	t.Helper()
	if m.StructuredData == nil || len(*m.StructuredData) != 1 {
		t.Fatalf("structured data %v, want one element", m.StructuredData)
	}
	p, ok := (*m.StructuredData)["decnet@55555"]
	if !ok {
		t.Fatalf("no element decnet@55555 in %v", *m.StructuredData)
	}
	return p
}

// unescape undoes what the format adds below RFC 5424's own escaping.
func unescape(t testing.TB, s string) string {
	t.Helper()
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		switch {
		case i+1 < len(s) && s[i+1] == '\\':
			b.WriteByte('\\')
			i++
		case i+3 < len(s) && s[i+1] == 'x':
			const digits = "0123456789abcdef"
			b.WriteByte(byte(strings.IndexByte(digits, s[i+2])<<4 | strings.IndexByte(digits, s[i+3])))
			i += 3
		default:
			t.Fatalf("a lone backslash in %q", s)
		}
	}
	return b.String()
}

func TestAnotherParserReadsWhatWasMeant(t *testing.T) {
	for _, body := range bodies {
		m := parse(t, sink.FormatEvent(stored(body), "FILES01"))
		if *m.Facility != 16 || *m.Hostname != "FILES01" || *m.Appname != "ssh" || *m.MsgID != string(body.Kind()) || !m.Timestamp.Equal(noon) {
			t.Errorf("%s: header %v", body.Kind(), m)
		}
		p := params(t, m)
		if p["decky"] != "decky.web[0]" || p["src"] != "198.51.100.7" || p["src_port"] != "4242" || p["dst_port"] != "22" || p["seq"] != "7" {
			t.Errorf("%s: parameters %v", body.Kind(), p)
		}
	}
}

func TestBytesOfAttackersComeBackExactly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(rt, "bytes")
		line := sink.FormatEvent(stored(&event.AuthAttempt{Username: event.Text(raw), Secret: event.Text(raw), SecretKind: "plaintext"}), "h")
		checkLine(t, line)
		p := params(t, parse(t, line))
		if got := unescape(t, p["principal"]); got != string(raw) {
			rt.Fatalf("principal = %q, want %q", got, raw)
		}
		if secret, err := base64.StdEncoding.DecodeString(p["secret_b64"]); err != nil || string(secret) != string(raw) {
			rt.Fatalf("secret = %q, %v, want %q", secret, err, raw)
		}
	})
}

// checkLine wants one line that no reader of lines or terminal can be fooled
// with.
func checkLine(t testing.TB, line string) {
	t.Helper()
	if !utf8.ValidString(line) {
		t.Fatalf("not UTF-8: %q", line)
	}
	if len(line) > 8<<10+32 {
		t.Fatalf("%d bytes", len(line))
	}
	for _, r := range line {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0x202e {
			t.Fatalf("character %U in %q", r, line)
		}
	}
}

func TestHugeFieldsAreCutNotDropped(t *testing.T) {
	for _, fillWith := range []string{"a", "\\", "\"", "\n", "é", "\xff"} {
		huge := event.Text(strings.Repeat(fillWith, 60_000))
		line := sink.FormatEvent(stored(&event.Request{Method: huge, Target: huge, Host: huge, UserAgent: huge, Protocol: string(huge)}), strings.Repeat("h", 400))
		checkLine(t, line)
		m := parse(t, line)
		p := params(t, m)
		if !strings.HasSuffix(p["method"], "...") || p["truncated"] != "true" || len(*m.Hostname) != 255 {
			t.Errorf("%q: method ends %q, truncated %q, hostname of %d", fillWith, p["method"][max(0, len(p["method"])-5):], p["truncated"], len(*m.Hostname))
		}
	}
}

func TestHostileNamesStayWithinTheHeader(t *testing.T) {
	e := stored(&event.System{Name: "x"})
	e.Service, e.Decky = "a b\n<1>1 [x]\xff", "d\"]"
	m := parse(t, sink.FormatEvent(e, "host name\n"))
	if *m.Hostname != "host?name?" || strings.ContainsAny(*m.Appname, " \n") || params(t, m)["decky"] != `d"]` {
		t.Errorf("header %q %q, decky %q", *m.Hostname, *m.Appname, params(t, m)["decky"])
	}
}

func FuzzFormat(f *testing.F) {
	f.Add("host", "ssh", "a\"]\\\n\xff", "x")
	f.Add("", "", "", "\u2028\u202e\x1b[2J")
	f.Add("é", "]", strings.Repeat("\\", 3000), strings.Repeat("\"", 3000))
	f.Fuzz(func(t *testing.T, hostname, service, a, b string) {
		for _, body := range []event.Body{
			&event.AuthAttempt{Username: event.Text(a), Secret: event.Text(b), SecretKind: b, Client: event.Text(a), Method: a},
			&event.Command{Line: event.Text(a), Cwd: b, User: a}, &event.Scan{Technique: a, Data: event.Text(b)},
			&event.Request{Method: event.Text(a), Target: event.Text(b), Protocol: a}, &event.Query{Verb: a, Statement: event.Text(b)},
		} {
			e := stored(body)
			e.Service, e.Session, e.Decky = service, a, b
			line := sink.FormatEvent(e, hostname)
			checkLine(t, line)
			parse(t, line)
		}
		tag := sink.FormatTag(&intel.Tag{Key: a, Rule: b, Technique: service, Time: noon, Decky: a}, hostname)
		checkLine(t, tag)
		parse(t, tag)
	})
}
