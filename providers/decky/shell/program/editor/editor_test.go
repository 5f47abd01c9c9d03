package editor_test

import (
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

func host(distro string) *machine.Machine {
	h := servicetest.Host()
	if distro != "" {
		h.Distro = distro
	}
	return machine.New(h, []string{"admin"}, time.Now)
}

func content(t *testing.T, m *machine.Machine, path string) string {
	t.Helper()
	data, err := m.FS.As(0, 0).ReadFile(path)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return string(data)
}

// vi writes what is typed, whatever the commands.
func TestVi(t *testing.T) {
	for _, x := range []struct{ name, distro, before, keys, after string }{
		{"insert", "", "", "ihello\x1b:wq\r", "hello\n"},
		{"open lines", "", "a\nb\n", "onew\x1bOup\x1b:x\r", "a\nup\nnew\nb\n"},
		{"delete and put", "", "1\n2\n3\n", "ddp:wq\r", "2\n1\n3\n"},
		{"counts", "", "1\n2\n3\n4\n", "2dd:wq\r", "3\n4\n"},
		{"words", "", "one two three\n", "wdwZZ", "one three\n"},
		{"change a word", "", "one two\n", "cwsix\x1bZZ", "six two\n"},
		{"line ends", "", "ab cd\n", "$xA!\x1b0xZZ", "b c!\n"},
		{"undo", "", "abc\n", "xxu:wq\r", "bc\n"},
		{"join", "", "a\n  b\n", "J:wq\r", "a b\n"},
		{"search", "", "a\nfoo\nb\n", "/foo\rx:wq\r", "a\noo\nb\n"},
		{"substitute", "", "aa\nba\n", ":%s/a/x/g\r:wq\r", "xx\nbx\n"},
		{"range", "", "1\n2\n3\n", ":2,3d\r:wq\r", "1\n"},
		{"last line", "", "1\n2\n", "Goend\x1b:wq\r", "1\n2\nend\n"},
		{"yank", "", "1\n2\n", "yyGp:wq\r", "1\n2\n1\n"},
		{"quit without writing", "", "a\n", "x:q!\r", "a\n"},
		{"refused to quit", "", "a\n", "x:q\r:wq\r", "\n"},
		{"backspace", "", "", "iab\x7fc\x1b:wq\r", "ac\n"},
		{"arrows of Vi's mode", "", "a\n", "ix\x1bOAy\x1b:wq\r", "Ay\nxa\n"},
		{"arrows of busybox", "alpine", "a\nb\n", "ix\x1b[B\x1b[Dy\x1b:wq\r", "xa\nyb\n"},
		{"UTF-8", "", "", "iäö\x1b:wq\r", "äö\n"},
		{"replace", "", "abc\n", "rxRyz\x1b:wq\r", "yzc\n"},
		{"shell", "", "a\n", ":!echo z >> /tmp/o\r\r:q\r", "a\n"},
	} {
		m := host(x.distro)
		if x.before != "" {
			if err := m.FS.As(0, 0).WriteFile("/tmp/f", []byte(x.before), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		shown := programtest.Type(t, m, "root", "vi /tmp/f; echo status=$?", x.keys, "status=0")
		if got := content(t, m, "/tmp/f"); got != x.after {
			t.Errorf("%s: %q, want %q; shown %q", x.name, got, x.after, shown)
		}
		if x.name == "shell" && content(t, m, "/tmp/o") != "z\n" {
			t.Error("no command was run")
		}
	}
}

// The screen is that of vim.tiny.
func TestViScreen(t *testing.T) {
	m := host("")
	if err := m.FS.As(0, 0).WriteFile("/tmp/f", []byte("one\ntwo\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	programtest.Type(t, m, "root", "vi /tmp/f", "", `"/tmp/f" 2 lines, 8 bytes`, ":foo\r", "E492: Not an editor command: foo", "x:q\r", "E37: No write since last change (add ! to override)", ":w\r", `"/tmp/f" 2 lines, 7 bytes written`, ":set nu\r", "      1 ne", ":w /nodir/x\r", `"/nodir/x" E212: Can't open file for writing`, "/zzz\r", "E486: Pattern not found: zzz", ":q\r", "\x1b[?1049l")
	programtest.Type(t, m, "root", "vi", "", "VIM - Vi IMproved", "", "Running in Vi compatible mode", ":w\r", "E32: No file name", ":q\r", "\x1b[?1049l")
	programtest.Type(t, m, "admin", "vi /etc/passwd", "", `"/etc/passwd" [readonly] `, "x:w\r", "E45: 'readonly' option is set (add ! to override)", ":q!\r", "\x1b[?1049l")
	programtest.Type(t, host("rocky9"), "root", "vi /tmp/new", "", `"/tmp/new" [New]`, "i", "-- INSERT --", "x\x1b:wq\r", `"/tmp/new" [New] 1L, 2B written`)
	programtest.Type(t, host("alpine"), "root", "vi /tmp/new", "", "- /tmp/new 1/1 100%", "ix", "I /tmp/new [modified] 1/1 100%", "\x1b:q!\r")
}

// Without a terminal vi warns, takes its keys from the input and gives up.
func TestViBlind(t *testing.T) {
	h := programtest.New(t, "root")
	stdout, stderr, status := h.Run(t, "vi /tmp/f", "ihello\x1b:wq\r")
	if status != 0 || !strings.HasPrefix(stderr, "Vim: Warning: Output is not to a terminal\nVim: Warning: Input is not from a terminal\n") || !strings.Contains(stdout, `"/tmp/f" [New File]`) {
		t.Errorf("%d %q %q", status, stdout, stderr)
	}
	if got := content(t, h.Machine, "/tmp/f"); got != "hello\n" {
		t.Errorf("%q", got)
	}
	if _, stderr, status := h.Run(t, "vi /tmp/g", ""); status != 1 || !strings.HasSuffix(stderr, "Vim: Error reading input, exiting...\nVim: Finished.\n") {
		t.Errorf("%d %q", status, stderr)
	}
	if _, stderr, status := h.Run(t, "vi --zilch", ""); status != 1 || !strings.Contains(stderr, "Unknown option argument: \"--zilch\"\nMore info with: \"vim -h\"\n") {
		t.Errorf("%d %q", status, stderr)
	}
	if _, stderr, status := h.Run(t, "nano /tmp/f", ""); status != 1 || stderr != "Standard input is not a terminal\n" {
		t.Errorf("%d %q", status, stderr)
	}
}

func TestNano(t *testing.T) {
	m := host("")
	programtest.Type(t, m, "root", "nano /tmp/f; echo status=$?", "", "GNU nano 7.2", "", "[ New File ]", "hello\rworld", "world", "\x18", "Save modified buffer? ", "y", "File Name to Write: /tmp/f", "\r", "status=0")
	if got := content(t, m, "/tmp/f"); got != "hello\nworld\n" {
		t.Errorf("%q", got)
	}
	programtest.Type(t, m, "root", "nano /tmp/f; echo status=$?", "", "[ Read 2 lines ]", "\x0b", "world", "\x17wor\r", "[ This is the only occurrence ]", "\x0f\r", "[ Wrote 1 line ]", "\x18", "status=0")
	if got := content(t, m, "/tmp/f"); got != "world\n" {
		t.Errorf("%q", got)
	}
	programtest.Type(t, m, "root", "nano /tmp/f; echo status=$?", "junk\x18n", "status=0")
	if got := content(t, m, "/tmp/f"); got != "world\n" {
		t.Errorf("%q", got)
	}
}

// Whatever is typed, vi and nano stay within their bounds and end.
func FuzzKeys(f *testing.F) {
	f.Add("ihello\x1b:wq\r", false)
	f.Add("3ddp:%s/a/b/g\ru.ZZ", false)
	f.Add("dw2yyP:1,$d\r:999999999999,3y\r", false)
	f.Add("\x17a\r\x0b\x15\x18y\r", true)
	f.Fuzz(func(t *testing.T, keys string, nano bool) {
		if strings.Contains(keys, "!") { // commands of the shell are fuzzed elsewhere
			return
		}
		m := host("")
		if err := m.FS.As(0, 0).WriteFile("/tmp/f", []byte("one two\n\tthree\n\nend"), 0o644); err != nil {
			t.Fatal(err)
		}
		line := "vi /tmp/f"
		if nano {
			line = "nano /tmp/f"
		}
		programtest.Type(t, m, "admin", line, keys)
	})
}
