package cast_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/providers/decky/cast"
)

// clock goes on by half a second a look.
func clock() func() time.Time {
	at := time.Unix(1_700_000_000, 0)
	return func() time.Time {
		at = at.Add(500 * time.Millisecond)
		return at
	}
}

func all(t *testing.T, data []byte) []cast.Event {
	t.Helper()
	r, err := cast.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var events []cast.Event
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return events
		}
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
}

func TestARecordingIsAnAsciicast(t *testing.T) {
	r := cast.NewRecorder(cast.Header{Width: 100, Height: 30, Title: "x", Env: map[string]string{"TERM": "xterm"}}, clock(), nil)
	r.Output([]byte("login: caf\xc3"))
	r.Output([]byte("\xa9 \xff\x00\x1b[1m\n"))
	r.Input([]byte("ls\r"))
	r.Resize(120, 40)
	r.Resize(0, 0)
	data, truncated := r.Close()
	want := `{"version":2,"width":100,"height":30,"timestamp":1700000000,"title":"x","env":{"TERM":"xterm"}}
[0.500000, "o", "login: caf"]
[1.000000, "o", "é ` + "\ufffd" + `\u0000\u001b[1m\n"]
[1.500000, "i", "ls\r"]
[2.000000, "r", "120x40"]
`
	if diff := cmp.Diff(want, string(data)); diff != "" || truncated {
		t.Errorf("truncated %v:\n%s", truncated, diff)
	}
	if again, _ := r.Close(); again != nil {
		t.Errorf("closed twice: %q", again)
	}
	r.Output([]byte("late"))
	if events := all(t, data); len(events) != 4 || events[3].Data != "120x40" || events[1].After != time.Second {
		t.Errorf("read back %+v", events)
	}
}

func TestARecordingIsBounded(t *testing.T) {
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	r := cast.NewRecorder(cast.Header{}, clock(), nil)
	for range 12 {
		r.Output(chunk)
	}
	data, truncated := r.Close()
	if !truncated || len(data) > cast.MaxBytes || len(data) < cast.MaxBytes/2 {
		t.Errorf("%d bytes, truncated %v", len(data), truncated)
	}
	all(t, data)
	var budget cast.Budget
	var held []*cast.Recorder
	for range 6 {
		one := cast.NewRecorder(cast.Header{}, clock(), &budget)
		for range 9 {
			one.Output(chunk)
		}
		held = append(held, one)
	}
	total := 0
	for _, one := range held {
		data, _ := one.Close()
		total += len(data)
	}
	if total > cast.MaxBudget || total < cast.MaxBudget/2 {
		t.Errorf("six recordings hold %d bytes", total)
	}
	last := cast.NewRecorder(cast.Header{}, clock(), &budget)
	last.Output(chunk)
	if data, truncated := last.Close(); truncated || len(data) < len(chunk) {
		t.Error("what was kept is still on the budget")
	}
}

func TestNilRecordsNothing(t *testing.T) {
	var r *cast.Recorder
	r.Output([]byte("x"))
	r.Resize(1, 1)
	if data, truncated := r.Close(); data != nil || truncated {
		t.Error("a recording of nothing")
	}
}

func TestWhatIsNoRecordingIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "no header": "[0.1, \"o\", \"x\"]\n", "version": `{"version":1,"width":1,"height":1}`,
		"two members": "{\"version\":2}\n[1, \"o\"]", "time": "{\"version\":2}\n[-1, \"o\", \"\"]", "far": "{\"version\":2}\n[1e12, \"o\", \"\"]",
		"type": "{\"version\":2}\n[0, 3, \"\"]", "text": "{\"version\":2}\nhello",
	} {
		r, err := cast.NewReader(strings.NewReader(text))
		for err == nil {
			_, err = r.Next()
		}
		if errors.Is(err, io.EOF) {
			t.Errorf("%s is taken for a recording", name)
		}
	}
}

func TestPlayingKeepsTimeWithinBounds(t *testing.T) {
	text := "{\"version\":2}\n[1, \"o\", \"a\"]\n[1.5, \"i\", \"secret\"]\n[100, \"o\", \"b\"]\n[99, \"o\", \"c\"]\n"
	r, err := cast.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	var waits []time.Duration
	err = cast.Play(t.Context(), r, &out, cast.Playing{Speed: 2, Idle: 4 * time.Second, Wait: func(_ context.Context, d time.Duration) error {
		waits = append(waits, d)
		return nil
	}})
	if err != nil || out.String() != "abc" {
		t.Errorf("played %q, %v", out.String(), err)
	}
	if diff := cmp.Diff([]time.Duration{500 * time.Millisecond, 250 * time.Millisecond, 2 * time.Second, 0}, waits); diff != "" {
		t.Error(diff)
	}
}

func TestSanitizerLetsColoursThroughAndNothingThatHarms(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"text":           {"a\r\n\tb\b", "a\r\n\tb\b"},
		"colours":        {"\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"},
		"cursor":         {"\x1b[2A\x1b[K\x1b[H\x1b[2J", "\x1b[2A\x1b[K\x1b[H\x1b[2J"},
		"title":          {"a\x1b]0;owned\ab", "ab"},
		"clipboard":      {"a\x1b]52;c;cm0gLXJm\x1b\\b", "ab"},
		"link":           {"\x1b]8;;http://x\x1b\\t\x1b]8;;\x1b\\", "t"},
		"question":       {"\x1b[6n\x1b[c\x1b[>0qx\x1b[21t", "x"},
		"modes":          {"\x1b[?1049h\x1b[?2004hx\x1b[20h", "x"},
		"DECRQSS":        {"\x1bP$q\"p\x1b\\x", "x"},
		"reset":          {"\x1bcx\x1b7y\x1b8\x1b>", "xy"},
		"font":           {"\x1b(0x\x1b#8y", "xy"},
		"bell":           {"a\a\ab", "ab"},
		"C1":             {"\u009b6nx\u009d0;t\u009cy\u0085", "xy<U+0085>"},
		"right to left":  {"a\u202eb\u2066c\u200f", "a<U+202E>b<U+2066>c<U+200F>"},
		"control":        {"\x01\x7f", "<U+0001><U+007F>"},
		"private":        {"\x1b[<1mx\x1b[1$p", "x"},
		"control inside": {"\x1b[1\x1b]0;t\amx", "mx"},
		"repeat":         {"a\x1b[99999999b", "a"},
		"unfinished":     {"x\x1b]0;never", "x"},
	} {
		var s cast.Sanitizer
		if got := s.Text(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		var cut cast.Sanitizer
		got := ""
		for _, r := range c.in {
			got += cut.Text(string(r))
		}
		if got != c.want {
			t.Errorf("%s, a character at a time: %q, want %q", name, got, c.want)
		}
	}
}

// harmless is what may follow ESC [ in what a Sanitizer lets through.
func harmless(t *rapid.T, out string) {
	for i, r := range out {
		if r == 0x1b {
			rest := out[i+1:]
			if !strings.HasPrefix(rest, "[") {
				t.Fatalf("ESC and %q", rest[:min(4, len(rest))])
			}
			end := strings.IndexFunc(rest[1:], func(r rune) bool { return (r < '0' || r > '9') && r != ';' })
			if end < 0 || !strings.ContainsRune("ABCDGHJKfm", rune(rest[1+end])) {
				t.Fatalf("a sequence %q", rest)
			}
		} else if r < 0x20 && !strings.ContainsRune("\n\r\t\b", r) || r >= 0x7f && r < 0xa0 {
			t.Fatalf("control character %U in %q", r, out)
		}
	}
}

func TestNothingElseIsLetThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringOf(rapid.SampledFrom([]rune("\x1b\x1b[]P_^X()0159;?<$ :mnhcABHJKq\a\\\u009b\u009d\u0085\u202ex\n\r\x01"))).Draw(t, "in")
		var s cast.Sanitizer
		harmless(t, s.Text(in)+s.End())
	})
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("{\"version\":2,\"width\":80,\"height\":24}\n[0.5, \"o\", \"a\\u001b[1m\"]\n"))
	f.Add([]byte("{\"version\":2}\n[1, \"r\", \"1x1\"]\n\n[0, \"m\", \"\"]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := cast.NewReader(bytes.NewReader(data))
		if err != nil {
			return
		}
		var out bytes.Buffer
		err = cast.Play(t.Context(), r, &out, cast.Playing{Wait: func(context.Context, time.Duration) error { return nil }})
		if err == nil && bytes.ContainsAny(out.Bytes(), "\a\x00\x9b\x9d") && !json.Valid(data) {
			for _, r := range out.String() {
				if r == '\a' || r == 0x9b || r == 0x9d {
					t.Fatalf("let through %U", r)
				}
			}
		}
	})
}
