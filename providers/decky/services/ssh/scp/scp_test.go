package scp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/services/ssh/scp"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

var clock = time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)

// far is the file system of the far end and what it recorded.
type far struct {
	view  vfs.View
	moved []string
	fails error
}

func newFar(uid int) *far {
	fs := vfs.New(1<<20, func() time.Time { return clock })
	fs.AddDir("/root", 0o755, 0, 0, clock, false)
	fs.AddDir("/tmp", 0o1777, 0, 0, clock, false)
	fs.AddDir("/d/e", 0o755, 0, 0, clock, false)
	fs.AddFile("/d/x.txt", []byte("xx"), 0o644, 0, 0, clock)
	fs.AddFile("/d/y.txt", []byte("yyy"), 0o755, 0, 0, clock)
	fs.AddFile("/d/e/z", []byte("z"), 0o600, 0, 0, clock)
	return &far{view: fs.As(uid, uid)}
}

// run runs a command line against what the client says, all at once.
func (f *far) run(t *testing.T, line, input string) (string, int) {
	t.Helper()
	command, ok := scp.Parse(line)
	if !ok {
		t.Fatalf("%q is not scp's", line)
	}
	var out bytes.Buffer
	status := scp.Run(struct {
		io.Reader
		io.Writer
	}{strings.NewReader(input), &out}, command, scp.Options{View: f.view, Home: "/root", Moved: func(m scp.Transfer) error {
		f.moved = append(f.moved, fmt.Sprintf("%v %s %d %.8s %v", m.Upload, m.Path, m.Size, m.SHA256, m.Data != nil))
		return f.fails
	}})
	return out.String(), status
}

func TestParse(t *testing.T) {
	for line, want := range map[string]*scp.Command{
		"scp -t /tmp":                {Sink: true, Paths: []string{"/tmp"}},
		"scp -r -p -d -t -- '/a b'":  {Sink: true, Recursive: true, Preserve: true, Directory: true, Paths: []string{"/a b"}},
		"/usr/bin/scp -vf ~/x *.txt": {Paths: []string{"~/x", "*.txt"}},
		`scp -t "a b" `:              {Sink: true, Paths: []string{"a b"}},
		`scp -t a\ b`:                {Sink: true, Paths: []string{"a b"}},
		"scp -t a b":                 nil, "scp -t": nil, "scp -f -t x": nil, "scp x y": nil, "scp -t x; id": nil, "scp -t $(id)": nil, "scp -t `id`": nil, `scp -t "$x"`: nil, "scp -Z -t x": nil, "scpx -t x": nil, "scp -t 'x": nil, "scp -t x | cat": nil, "scp -t x > y": nil, "": nil,
	} {
		got, ok := scp.Parse(line)
		if ok != (want != nil) {
			t.Errorf("%q: %v", line, ok)
			continue
		}
		if ok {
			if diff := cmp.Diff(*want, got); diff != "" {
				t.Errorf("%q: %s", line, diff)
			}
		}
	}
}

func TestSink(t *testing.T) {
	const ok = "\x00"
	for name, c := range map[string]struct {
		line, in, want string
		status         int
		moved          []string
		path, content  string
	}{
		"file":              {"scp -t /tmp", "C0755 5 f\nhello\x00", ok + ok + ok, 0, []string{"true /tmp/f 5 2cf24dba true"}, "/tmp/f", "hello"},
		"new name":          {"scp -t /tmp/g", "C0644 2 f\nhi\x00", ok + ok + ok, 0, []string{"true /tmp/g 2 8f434346 true"}, "/tmp/g", "hi"},
		"home":              {"scp -t .", "C0644 2 f\nhi\x00", ok + ok + ok, 0, []string{"true /root/./f 2 8f434346 true"}, "/root/f", "hi"},
		"empty":             {"scp -t /tmp", "C0644 0 f\n\x00", ok + ok + ok, 0, []string{"true /tmp/f 0 e3b0c442 true"}, "/tmp/f", ""},
		"times":             {"scp -p -t /tmp", "T1000000000 0 1000000000 0\nC0644 1 f\nx\x00", ok + ok + ok + ok, 0, []string{"true /tmp/f 1 2d711642 true"}, "/tmp/f", "x"},
		"tree":              {"scp -r -t /tmp", "D0755 0 n\nC0644 1 f\nx\x00E\n", ok + ok + ok + ok + ok, 0, []string{"true /tmp/n/f 1 2d711642 true"}, "/tmp/n/f", "x"},
		"tree without -r":   {"scp -t /tmp", "D0755 0 n\n", ok + "\x01scp: protocol error: received directory without -r\n", 1, nil, "", ""},
		"no directory":      {"scp -d -t /d/x.txt", "", "\x01scp: /d/x.txt: Not a directory\n", 1, nil, "", ""},
		"missing directory": {"scp -t /no/f", "C0644 1 f\nx\x00", ok + "\x01scp: /no/f: No such file or directory\n", 1, nil, "", ""},
		"bad mode":          {"scp -t /tmp", "C9999 1 f\n", ok + "\x01scp: protocol error: bad mode\n", 1, nil, "", ""},
		"no size":           {"scp -t /tmp", "C0644  f\n", ok + "\x01scp: protocol error: size not present\n", 1, nil, "", ""},
		"bad size":          {"scp -t /tmp", "C0644 1x f\n", ok + "\x01scp: protocol error: size not delimited\n", 1, nil, "", ""},
		"path":              {"scp -t /tmp", "C0644 1 ../f\n", ok + "\x01scp: error: unexpected filename: ../f\n", 1, nil, "", ""},
		"line feed":         {"scp -t /tmp", "\n", ok + "\x01scp: protocol error: unexpected <newline>\n", 1, nil, "", ""},
		"what":              {"scp -t /tmp", "what\n", ok + "\x01scp: what\n", 1, nil, "", ""},
		"their error":       {"scp -t /tmp", "\x01scp: nosuch: No such file or directory\n", ok, 1, nil, "", ""},
		"cut off":           {"scp -t /tmp", "C0644 9 f\nhalf", ok + ok, 1, []string{"true /tmp/f 4 a11ae064 true"}, "/tmp/f", "half"},
		"nothing":           {"scp -t /tmp", "", ok, 0, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFar(0)
			got, status := f.run(t, c.line, c.in)
			if diff := cmp.Diff(c.want, got); diff != "" || status != c.status {
				t.Errorf("status %d %s", status, diff)
			}
			if diff := cmp.Diff(c.moved, f.moved); diff != "" {
				t.Error(diff)
			}
			if c.path != "" {
				if data, err := f.view.ReadFile(c.path); err != nil || string(data) != c.content {
					t.Errorf("%q %v", data, err)
				}
			}
		})
	}
}

func TestSinkRespectsModesAndTimes(t *testing.T) {
	f := newFar(0)
	f.run(t, "scp -t /tmp", "C0777 1 a\nx\x00")
	f.run(t, "scp -p -t /tmp", "T1000000000 0 1000000000 0\nC0777 1 b\nx\x00")
	a, _ := f.view.Stat("/tmp/a")
	b, _ := f.view.Stat("/tmp/b")
	if a.Mode&0o7777 != 0o755 || b.Mode&0o7777 != 0o777 || b.MTime.Unix() != 1_000_000_000 {
		t.Errorf("%o, %o %v", a.Mode, b.Mode, b.MTime)
	}
	eve := newFar(1000)
	if got, status := eve.run(t, "scp -t /root", "C0644 1 f\nx\x00"); status != 1 || !strings.Contains(got, "/root/f: Permission denied") {
		t.Errorf("%d %q", status, got)
	}
}

func TestTooLongIsReadAndRefused(t *testing.T) {
	f := newFar(0)
	got, status := f.run(t, "scp -t /tmp", fmt.Sprintf("C0644 %d f\n%s\x00C0644 1 g\nx\x00", 2<<20, strings.Repeat("a", 2<<20)))
	if got != "\x00\x00\x01scp: /tmp/f: No space left on device\n\x00" && !strings.HasPrefix(got, "\x00\x00\x01scp: /tmp/f: No space left on device\n") || status != 1 {
		t.Errorf("%d %q", status, got)
	}
	if len(f.moved) == 0 || !strings.HasPrefix(f.moved[0], "true /tmp/f 2097152 ") || !strings.HasSuffix(f.moved[0], " false") {
		t.Errorf("%q", f.moved)
	}
}

func TestSource(t *testing.T) {
	const ok = "\x00"
	for name, c := range map[string]struct {
		line, in, want string
		status         int
	}{
		"file":         {"scp -f /d/x.txt", ok + ok + ok, "C0644 2 x.txt\nxx\x00", 0},
		"times":        {"scp -p -f /d/y.txt", ok + ok + ok + ok, "T1772600767 0 1772600767 0\nC0755 3 y.txt\nyyy\x00", 0},
		"pattern":      {"scp -f '/d/*.txt'", ok + ok + ok + ok + ok, "C0644 2 x.txt\nxx\x00C0755 3 y.txt\nyyy\x00", 0},
		"tree":         {"scp -r -f /d/e", strings.Repeat(ok, 5), "D0755 0 e\nC0600 1 z\nz\x00E\n", 0},
		"missing":      {"scp -f /no", ok, "\x01scp: /no: No such file or directory\n", 1},
		"directory":    {"scp -f /d", ok, "\x01scp: /d: not a regular file\n", 1},
		"they refuse":  {"scp -f /d/x.txt", ok + "\x01no room\n", "C0644 2 x.txt\n", 1},
		"they go away": {"scp -f /d/x.txt", "", "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFar(0)
			got, status := f.run(t, c.line, c.in)
			if diff := cmp.Diff(c.want, got); diff != "" || status != c.status {
				t.Errorf("status %d %s", status, diff)
			}
		})
	}
}

func TestNothingMovesWithoutARecord(t *testing.T) {
	f := newFar(0)
	f.fails = errors.New("full")
	if got, status := f.run(t, "scp -f /d/x.txt", "\x00\x00\x00"); status != 1 || strings.Contains(got, "xx") {
		t.Errorf("%d %q", status, got)
	}
}

func FuzzRun(f *testing.F) {
	f.Add("scp -r -p -t /tmp", []byte("T1 0 1 0\nD0755 0 n\nC0644 1 f\nx\x00E\n"))
	f.Add("scp -r -f /d", []byte("\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, line string, input []byte) {
		command, ok := scp.Parse(line)
		if !ok {
			return
		}
		far := newFar(0)
		scp.Run(struct {
			io.Reader
			io.Writer
		}{bytes.NewReader(input), io.Discard}, command, scp.Options{View: far.view, Home: "/root", Moved: func(scp.Transfer) error { return nil }})
		if used := far.view.FS.Used(); used > 1<<20 {
			t.Fatalf("%d bytes are held", used)
		}
	})
}
