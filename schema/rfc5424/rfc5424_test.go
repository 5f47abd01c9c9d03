package rfc5424_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	parser "github.com/leodido/go-syslog/v4/rfc5424"

	"github.com/decnet/decnet/schema/rfc5424"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestMessage(t *testing.T) {
	got := rfc5424.Message(rfc5424.Header{Severity: rfc5424.Warning, Time: noon, Hostname: "h o", ID: "drift"}, []rfc5424.Param{
		{Name: "a=b", Value: `c"d]e\f` + "\n\xff"}, {Name: "empty"}, {Name: "long", Value: strings.Repeat("é", 5000)},
	})
	if want := `<132>1 2026-03-01T12:00:00.000000Z h?o - - drift [decnet@55555 a?b="c\"d\]e\\\\f\\x0a\\xff" long="é`; !strings.HasPrefix(got, want) || !strings.HasSuffix(got, `..."]`) {
		t.Errorf("%.120s", got)
	}
}

// FuzzMessage has another parser read what is written.
func FuzzMessage(f *testing.F) {
	f.Add("host", "app", "id", "name", "value")
	f.Add("", "a b", "\n", "=]\"", "\u2028\u202e\x1b[2J\xff\\\"]")
	f.Fuzz(func(t *testing.T, host, app, id, name, value string) {
		line := rfc5424.Message(rfc5424.Header{Severity: rfc5424.Info, Time: noon, Hostname: host, App: app, ID: id},
			[]rfc5424.Param{{Name: name, Value: value}, {Name: "last", Value: value}})
		if !utf8.ValidString(line) || len(line) > rfc5424.MaxLine+32 || strings.ContainsAny(line, "\r\n\x1b\u2028\u202e") {
			t.Fatalf("%q", line)
		}
		message, err := parser.NewParser().Parse([]byte(line))
		if err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		if m := message.(*parser.SyslogMessage); m.StructuredData != nil && len(*m.StructuredData) != 1 {
			t.Fatalf("%d elements: %q", len(*m.StructuredData), line)
		}
	})
}
