package transcript_test

import (
	"strings"
	"testing"

	"github.com/decnet/decnet/cmd/internal/judge/transcript"
)

func entry(kind transcript.Kind, text string) transcript.Entry {
	return transcript.Entry{Kind: kind, Data: []byte(text)}
}

func TestClass(t *testing.T) {
	for want, entries := range map[string][]transcript.Entry{
		"fin":                        nil,
		"HTTP/1.1 404 fin":           {entry(transcript.Bytes, "HTTP/1.1 404 Not Found\r\n")},
		"identification KEXINIT fin": {entry(transcript.Bytes, "SSH-2.0-x\r\n"), entry(transcript.Packet, "KEXINIT cookie=00")},
		"text fin":                   {entry(transcript.Sent, "x"), entry(transcript.Bytes, "login: ")},
		"binary fin":                 {entry(transcript.Aside, "x"), entry(transcript.Bytes, "\xff\xfd\x18")},
	} {
		if got := (&transcript.Transcript{Entries: entries, End: transcript.FIN}).Class(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAddJoinsBytes(t *testing.T) {
	var log transcript.Transcript
	for _, e := range []transcript.Entry{entry(transcript.Bytes, "a"), entry(transcript.Bytes, "b"), entry(transcript.Sent, "x"), entry(transcript.Bytes, "c"), entry(transcript.Packet, "P"), entry(transcript.Packet, "P")} {
		log.Add(e)
	}
	var got []string
	for _, e := range log.Heard() {
		got = append(got, string(e.Data))
	}
	if strings.Join(got, "|") != "ab|c|P|P" {
		t.Errorf("%q", got)
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{"a\r\n\t\\": `a\r\n\t\\`, "\x00\x7f\xff": `\x00\x7f\xff`} {
		if got := transcript.Escape([]byte(in), 0); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := transcript.Escape([]byte("abcdef"), 4); got != "abcd ... 2 more bytes" {
		t.Error(got)
	}
}
