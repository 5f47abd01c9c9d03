package redis

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func parser(src io.Reader, locked bool) *reader {
	return newReader(src, func() error { return nil }, func() bool { return locked }, &budget{})
}

func all(r *reader) (commands []string, err error) {
	for {
		args, err := r.next()
		if err != nil {
			return commands, err
		}
		commands = append(commands, fmt.Sprintf("%q", args))
	}
}

func TestParserSpeaksAsRedis(t *testing.T) {
	for input, want := range map[string]struct {
		commands string
		err      string
	}{
		"PING\r\nECHO a\n":                           {`["PING"] ["ECHO" "a"]`, "EOF"},
		"\r\n  \r\n*0\r\n*-5\r\nx\r\n":               {`["x"]`, "EOF"},
		`a "b\x41\n\"c" 'd\'e' ""` + "\n":            {`["a" "bA\n\"c" "d'e" ""]`, "EOF"},
		"\"abc\r\n":                                  {"", "Protocol error: unbalanced quotes in request"},
		"'a'b\r\n":                                   {"", "Protocol error: unbalanced quotes in request"},
		"*1\r\n$4\r\nPINGxx*1\r\n$1\r\na\r\n":        {`["PING"] ["a"]`, "EOF"},
		"*x\r\n":                                     {"", "Protocol error: invalid multibulk length"},
		"*2147483648\r\n":                            {"", "Protocol error: invalid multibulk length"},
		"*+1\r\n":                                    {"", "Protocol error: invalid multibulk length"},
		"*1\r\n+PING\r\n":                            {"", "Protocol error: expected '$', got '+'"},
		"*1\r\n$-1\r\n":                              {"", "Protocol error: invalid bulk length"},
		"*1\r\n$536870913\r\n":                       {"", "Protocol error: invalid bulk length"},
		"*1\r\n\r\n":                                 {"", "Protocol error: expected '$', got ' '"},
		strings.Repeat("a", maxInline+1):             {"", "Protocol error: too big inline request"},
		"*" + strings.Repeat("1", maxInline+1):       {"", "Protocol error: too big mbulk count string"},
		"*1\r\n$" + strings.Repeat("1", maxInline+1): {"", "Protocol error: too big bulk count string"},
		"\x00\r\nPING\r\n":                           {"", "EOF"},
		"*1\r\n$3\r\nab":                             {"", "EOF"},
	} {
		for _, src := range []io.Reader{strings.NewReader(input), iotest.OneByteReader(strings.NewReader(input))} {
			commands, err := all(parser(src, false))
			if got := strings.Join(commands, " "); got != want.commands || err.Error() != want.err {
				t.Errorf("%.40q: %s, %v; want %s, %s", input, got, err, want.commands, want.err)
			}
		}
	}
}

func TestParserTakesBackWhatIsSent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.SliceOfN(rapid.SliceOfN(rapid.StringN(0, -1, 50), 1, 6), 1, 6).Draw(t, "commands")
		out := &reply{proto: 2}
		var want []string
		for _, words := range sent {
			out.bulks(words)
			args := make([][]byte, len(words))
			for i, w := range words {
				args[i] = []byte(w)
			}
			want = append(want, fmt.Sprintf("%q", args))
		}
		got, err := all(parser(iotest.HalfReader(bytes.NewReader(out.Bytes())), true))
		if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, io.EOF) {
			t.Fatalf("%v\n%s", err, diff)
		}
	})
}

// zeros is an endless client.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	n := int(min(int64(len(p)), z.left))
	clear(p[:n])
	z.left -= int64(n)
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestHugeArgumentsAreNotKept(t *testing.T) {
	src := io.MultiReader(strings.NewReader("*3\r\n$1\r\na\r\n$60000000\r\n"), &zeros{60_000_002}, strings.NewReader("$1\r\nb\r\nPING\r\n"))
	r := parser(src, false)
	args, err := r.next()
	if err != nil || len(args[1]) > maxKept || cap(r.buf) > 2*maxInline {
		t.Fatalf("%d arguments, %v, buffer of %d", len(args), err, cap(r.buf))
	}
	if args, err = r.next(); err != nil || string(args[0]) != "PING" {
		t.Errorf("the next command is %q, %v", args, err)
	}
	many := parser(io.MultiReader(strings.NewReader("*1000000\r\n"), strings.NewReader(strings.Repeat("$0\r\n\r\n", 1_000_000)), strings.NewReader("PING\r\n")), false)
	if args, err = many.next(); err != nil || len(args) > maxKept/keptPerArgument+2 {
		t.Errorf("%d arguments kept, %v", len(args), err)
	}
	if args, err = many.next(); err != nil || string(args[0]) != "PING" {
		t.Errorf("the next command is %q, %v", args, err)
	}
}

func TestClientsShareABudget(t *testing.T) {
	var held budget
	var readers []*reader
	big := 0
	for range 20 {
		r := newReader(strings.NewReader("*2\r\n$1\r\na\r\n$3000000\r\n"+strings.Repeat("x", 3_000_000)+"\r\n"), func() error { return nil }, func() bool { return false }, &held)
		args, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		if len(args[1]) > 0 {
			big++
		}
		readers = append(readers, r)
	}
	if big != maxHeld/3_000_000 || held.used.Load() > maxHeld {
		t.Errorf("%d arguments of 3 MB kept, %d bytes held", big, held.used.Load())
	}
	for _, r := range readers {
		r.release()
	}
	if n := held.used.Load(); n != 0 {
		t.Errorf("%d bytes held by nobody", n)
	}
}

func TestGlob(t *testing.T) {
	for pattern, names := range map[string][2]string{
		"*": {"", "-"}, "a*c": {"abbc", "abb"}, "h?llo": {"hello", "hllo"}, "h[ae]llo": {"hallo", "hillo"}, "h[^e]llo": {"hallo", "hello"},
		"h[a-c]": {"hb", "hd"}, `a\*`: {"a*", "ab"}, "[": {"-", ""}, "a[b": {"ab", "ac"}, "**a": {"xa", "x"},
	} {
		if names[0] != "-" && !match(pattern, names[0]) || names[1] != "-" && match(pattern, names[1]) {
			t.Errorf("%q: %q %v, %q %v", pattern, names[0], match(pattern, names[0]), names[1], match(pattern, names[1]))
		}
	}
	match(strings.Repeat("*a", 50), strings.Repeat("a", 5000)+"b") // ends
}

func TestTable(t *testing.T) {
	all := commands()
	if len(all) != 240 || all["get"].arity != 2 || !all["set"].has("denyoom") || all["config"].subcommands["get"].name != "config|get" {
		t.Fatalf("%d commands", len(all))
	}
	for name := range implemented() {
		main, sub, nested := strings.Cut(name, "|")
		if c := all[main]; c == nil || nested && c.subcommands[sub] == nil {
			t.Errorf("%s stands in no table", name)
		}
	}
	if len(parameters()) < 150 {
		t.Errorf("%d parameters", len(parameters()))
	}
}

func FuzzReader(f *testing.F) {
	for _, seed := range []string{"PING\r\n", "*1\r\n$4\r\nPING\r\n", "a \"b\\x41\" 'c'\r\n", "*-1\r\n", "*2\r\n$1\r\na\r\n$0\r\n\r\n", "\x00\n", "*1\r\n$99999999999999999999\r\n"} {
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, locked bool) {
		whole, err1 := all(parser(bytes.NewReader(data), locked))
		r := parser(iotest.OneByteReader(bytes.NewReader(data)), locked)
		drip, err2 := all(r)
		if cap(r.buf) > 2*maxInline+32<<10 {
			t.Fatalf("a buffer of %d bytes", cap(r.buf))
		}
		// A NUL ends a line for the parser, so that chunks matter behind one.
		if bytes.IndexByte(data, 0) < 0 && (cmp.Diff(whole, drip) != "" || err1.Error() != err2.Error()) {
			t.Fatalf("chunks change the parse: %v %v, %v %v", whole, err1, drip, err2)
		}
	})
}
