package sftp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/services/ssh/sftp"
	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

var clock = time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)

func now() time.Time { return clock }

// extensions are those of OpenSSH 9.2.
var extensions = [][2]string{
	{"posix-rename@openssh.com", "1"}, {"statvfs@openssh.com", "2"}, {"fstatvfs@openssh.com", "2"}, {"hardlink@openssh.com", "1"}, {"fsync@openssh.com", "1"}, {"lsetstat@openssh.com", "1"},
	{"limits@openssh.com", "1"}, {"expand-path@openssh.com", "1"}, {"copy-data", "1"}, {"home-directory", "1"}, {"users-groups-by-id@openssh.com", "1"},
}

// far is one session's far end: its file system and what it recorded.
type far struct {
	options sftp.Options
	did     []string
	moved   []string
}

func newFar(uid int) *far {
	fs := vfs.New(1<<20, now)
	fs.AddDir("/root", 0o700, 0, 0, clock, false)
	fs.AddDir("/tmp", 0o1777, 0, 0, clock, false)
	fs.AddDir("/etc", 0o755, 0, 0, clock, false)
	fs.AddFile("/etc/passwd", []byte("root:x:0:0\n"), 0o644, 0, 0, clock.Add(-24*time.Hour))
	fs.AddFile("/etc/shadow", []byte("secret\n"), 0o640, 0, 42, clock.AddDate(-1, 0, 0))
	fs.AddDevice("/dev/null", vfs.TypeChar|0o666, 0, 0, 1, 3, clock)
	fs.AddDevice("/dev/zero", vfs.TypeChar|0o666, 0, 0, 1, 5, clock)
	fs.AddLink("/link", "etc", clock)
	fs.AddLink("/loop", "/loop", clock)
	f := &far{}
	f.options = sftp.Options{
		View: fs.As(uid, uid), Home: "/root", Users: []sftp.Account{{"root", "/root", 0}, {"eve", "/home/eve", 1000}}, Groups: []sftp.Account{{"root", "", 0}, {"shadow", "", 42}},
		Extensions: extensions, Disk: func() (uint64, uint64) { return 1000, 500 }, Now: now,
		Did: func(o sftp.Operation) error {
			f.did = append(f.did, strings.TrimSpace(fmt.Sprintf("%s %s %d %s", o.Name, o.Path, o.Status, o.Target)))
			return nil
		},
		Moved: func(t sftp.Transfer) error {
			f.moved = append(f.moved, fmt.Sprintf("%v %s %q", t.Upload, t.Path, t.Data[:min(len(t.Data), 40)]))
			return nil
		},
	}
	return f
}

// Arguments of messages.
type (
	u32   uint32
	u64   uint64
	attrs []any // flags and what they announce
)

// message is a request with an id.
func message(kind byte, id uint32, args ...any) []byte {
	p := wire.AppendUint32([]byte{kind}, id)
	return frame(appendArgs(p, args))
}

func appendArgs(p []byte, args []any) []byte {
	for _, a := range args {
		switch a := a.(type) {
		case string:
			p = wire.AppendString(p, a)
		case []byte:
			p = wire.AppendString(p, a)
		case u32:
			p = wire.AppendUint32(p, uint32(a))
		case u64:
			p = wire.AppendUint64(p, uint64(a))
		case attrs:
			p = appendArgs(p, a)
		}
	}
	return p
}

func frame(p []byte) []byte { return wire.AppendString(nil, p) }

var hello = frame([]byte{1, 0, 0, 0, 3})

// handle is the n-th handle.
func handle(n byte) string { return "\x00\x00\x00" + string(rune(n)) }

// answers splits a stream into messages, in words.
func answers(b []byte) (out []string) {
	for len(b) >= 4 {
		n := binary.BigEndian.Uint32(b)
		out = append(out, words(b[4:4+n]))
		b = b[4+n:]
	}
	return out
}

func words(p []byte) string {
	r := wire.NewReader(p)
	kind := r.Byte()
	switch kind {
	case 2:
		return fmt.Sprintf("version %d", r.Uint32())
	case 101:
		r.Uint32()
		return fmt.Sprintf("status %d %s", r.Uint32(), r.Text())
	case 102:
		r.Uint32()
		return fmt.Sprintf("handle %x", r.Bytes())
	case 103:
		r.Uint32()
		return fmt.Sprintf("data %q", r.Bytes())
	case 104:
		r.Uint32()
		var names []string
		for range r.Uint32() {
			name, long := r.Text(), r.Text()
			names = append(names, name+"|"+long+"|"+attributes(r))
		}
		return "names " + strings.Join(names, ", ")
	case 105:
		r.Uint32()
		return "attrs " + attributes(r)
	}
	return fmt.Sprintf("%d %x", kind, r.Rest()[4:])
}

func attributes(r *wire.Reader) string {
	if r.Uint32() == 0 {
		return ""
	}
	size, uid, gid, perm, _, mtime := r.Uint64(), r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32()
	return fmt.Sprintf("%d %d:%d %o %d", size, uid, gid, perm, int64(mtime)-clock.Unix())
}

// talk sends requests and returns the answers after the version, and the exit
// status.
func (f *far) talk(requests ...[]byte) ([]string, int) {
	var out bytes.Buffer
	status, err := sftp.Serve(struct {
		io.Reader
		io.Writer
	}{bytes.NewReader(bytes.Join(append([][]byte{hello}, requests...), nil)), &out}, f.options)
	if err != nil {
		return []string{err.Error()}, status
	}
	return answers(out.Bytes())[1:], status
}

func TestVersionAnnouncesTheExtensions(t *testing.T) {
	var out bytes.Buffer
	if status, err := sftp.Serve(struct {
		io.Reader
		io.Writer
	}{bytes.NewReader(hello), &out}, newFar(0).options); status != 0 || err != nil {
		t.Fatal(status, err)
	}
	want := wire.AppendUint32([]byte{2}, 3)
	for _, e := range extensions {
		want = wire.AppendString(wire.AppendString(want, e[0]), e[1])
	}
	if !bytes.Equal(out.Bytes(), frame(want)) {
		t.Errorf("%q", out.Bytes())
	}
}

func TestAnswers(t *testing.T) {
	open := func(name string, flags uint32) []byte { return message(3, 1, name, u32(flags), u32(0)) }
	for name, c := range map[string]struct {
		requests [][]byte
		want     []string
	}{
		"write and read": {[][]byte{open("f", 0x1a), message(6, 2, handle(0), u64(0), "hello"), message(4, 3, handle(0)), open("/root/f", 1), message(5, 4, handle(0), u64(1), u32(100)), message(5, 4, handle(0), u64(5), u32(100)), message(8, 5, handle(0)), message(4, 6, handle(0))},
			[]string{"handle 00000000", "status 0 Success", "status 0 Success", "handle 00000000", `data "ello"`, "status 1 End of file", "attrs 5 0:0 100644 0", "status 0 Success"}},
		"missing":         {[][]byte{open("nosuch", 1), open("/etc/passwd/x", 1), open("", 1), open("/loop", 1)}, []string{"status 2 No such file", "status 2 No such file", "status 2 No such file", "status 2 No such file"}},
		"exclusive":       {[][]byte{open("/etc/passwd", 0x2a)}, []string{"status 4 Failure"}},
		"directory":       {[][]byte{open("/etc", 2), open("/etc", 1), message(5, 2, handle(0), u64(0), u32(9))}, []string{"status 4 Failure", "handle 00000000", "status 4 Failure"}},
		"bad handle":      {[][]byte{message(4, 1, handle(7)), message(5, 1, "x", u64(0), u32(1)), message(6, 1, handle(1), u64(0), "x"), message(8, 1, handle(3)), message(12, 1, handle(0))}, []string{"status 2 No such file", "status 4 Failure", "status 4 Failure", "status 4 Failure", "status 4 Failure"}},
		"stat":            {[][]byte{message(17, 1, "/link"), message(7, 1, "/link"), message(17, 1, "/no")}, []string{"attrs 4096 0:0 40755 0", "attrs 3 0:0 120777 0", "status 2 No such file"}},
		"realpath":        {[][]byte{message(16, 1, "."), message(16, 1, ""), message(16, 1, "/link/../link/passwd"), message(16, 1, "new"), message(16, 1, "new/x"), message(16, 1, "/loop"), message(16, 1, "/../.."), message(16, 1, "/etc/passwd/")}, []string{"names /root|/root|", "names /root|/root|", "names /etc/passwd|/etc/passwd|", "names /root/new|/root/new|", "status 2 No such file", "status 2 No such file", "names /|/|", "names /etc/passwd|/etc/passwd|"}},
		"links":           {[][]byte{message(20, 1, "target", "l"), message(19, 1, "l"), message(19, 1, "/etc/passwd"), message(20, 1, "x", "l"), message(13, 1, "l")}, []string{"status 0 Success", "names target|target|", "status 5 Bad message", "status 4 Failure", "status 0 Success"}},
		"directories":     {[][]byte{message(14, 1, "d", u32(4), u32(0o755)), message(14, 1, "d", u32(0)), message(13, 1, "d"), message(15, 1, "d"), message(15, 1, "d"), message(15, 1, "/etc/passwd"), message(15, 1, "/etc")}, []string{"status 0 Success", "status 4 Failure", "status 4 Failure", "status 0 Success", "status 2 No such file", "status 2 No such file", "status 4 Failure"}},
		"rename":          {[][]byte{open("a", 0xa), open("b", 0xa), message(18, 1, "a", "b"), message(18, 1, "a", "c"), message(18, 1, "no", "x"), message(200, 1, "posix-rename@openssh.com", "c", "b"), message(17, 1, "c")}, []string{"handle 00000000", "handle 00000001", "status 4 Failure", "status 0 Success", "status 2 No such file", "status 0 Success", "status 2 No such file"}},
		"setstat":         {[][]byte{open("a", 0xa), message(6, 1, handle(0), u64(0), "123456"), message(9, 1, "a", attrs{u32(1 | 4 | 8), u64(3), u32(0o4711), u32(0), u32(uint32(clock.Unix()) + 5)}), message(17, 1, "a"), message(10, 1, handle(0), attrs{u32(1), u64(5)}), message(8, 1, handle(0)), message(9, 1, "no", u32(4), u32(0)), message(200, 1, "lsetstat@openssh.com", "a", u32(1), u64(1))}, []string{"handle 00000000", "status 0 Success", "status 0 Success", "attrs 3 0:0 104711 5", "status 0 Success", "attrs 5 0:0 104711 0", "status 2 No such file", "status 5 Bad message"}},
		"append":          {[][]byte{open("a", 0xe), message(6, 1, handle(0), u64(100), "x"), message(6, 1, handle(0), u64(0), "y"), message(17, 1, "a")}, []string{"handle 00000000", "status 0 Success", "status 0 Success", "attrs 2 0:0 100644 0"}},
		"extensions":      {[][]byte{message(200, 1, "nosuch@x"), message(200, 1, "fsync@openssh.com", handle(1)), message(200, 1, "expand-path@openssh.com", "~/x"), message(200, 1, "expand-path@openssh.com", "~eve"), message(200, 1, "expand-path@openssh.com", "~nobody/x"), message(200, 1, "home-directory", "eve"), message(200, 1, "home-directory", "no"), message(200, 1, "hardlink@openssh.com", "/etc/passwd", "p")}, []string{"status 8 Operation unsupported", "status 2 No such file", "names /root/x|/root/x|", "status 2 No such file", "status 2 no such user", "names /root|/root|", "status 4 Failure", "status 0 Success"}},
		"limits":          {[][]byte{message(200, 1, "limits@openssh.com")}, []string{"201 0000000000040000000000000003fc00000000000003fc0000000000000003fb"}},
		"names":           {[][]byte{message(200, 1, "users-groups-by-id@openssh.com", "\x00\x00\x03\xe8\x00\x00\x00\x09", "\x00\x00\x00\x2a")}, []string{"201 0000000b000000036576650000000000000" + "00a00000006736861646f77"}},
		"copy":            {[][]byte{open("/etc/passwd", 1), open("c", 0xa), message(200, 1, "copy-data", handle(0), u64(5), u64(0), handle(1), u64(0)), message(17, 1, "c"), message(200, 1, "copy-data", handle(0), u64(0), u64(1), handle(0), u64(0)), open("/dev/zero", 1), message(200, 1, "copy-data", handle(2), u64(0), u64(0), handle(1), u64(0))}, []string{"handle 00000000", "handle 00000001", "status 0 Success", "attrs 6 0:0 100644 0", "status 4 Failure", "handle 00000002", "status 4 Failure"}},
		"full":            {[][]byte{open("a", 0xa), message(6, 1, handle(0), u64(2<<20), "x"), message(6, 1, handle(0), u64(1<<62), "x"), message(6, 1, handle(0), u64(1<<63), "x"), message(5, 1, handle(0), u64(1<<63), u32(1))}, []string{"handle 00000000", "status 4 Failure", "status 4 Failure", "status 5 Bad message", "status 5 Bad message"}},
		"unknown message": {[][]byte{message(99, 1), message(17, 1, "/etc/passwd")}, []string{"attrs 11 0:0 100644 -86400"}},
		"empty read":      {[][]byte{open("/etc/passwd", 1), message(5, 1, handle(0), u64(0), u32(0))}, []string{"handle 00000000", `data ""`}},
		"dev null":        {[][]byte{open("/dev/null", 3), message(6, 1, handle(0), u64(0), "x"), message(5, 1, handle(0), u64(0), u32(9))}, []string{"handle 00000000", "status 0 Success", "status 1 End of file"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, status := newFar(0).talk(c.requests...)
			if diff := cmp.Diff(c.want, got); diff != "" || status != 0 {
				t.Errorf("exit %d %s", status, diff)
			}
		})
	}
}

func TestPermissions(t *testing.T) {
	got, _ := newFar(1000).talk(
		message(3, 1, "/etc/shadow", u32(1), u32(0)), message(3, 1, "/etc/passwd", u32(2), u32(0)), message(11, 1, "/root"), message(13, 1, "/etc/passwd"), message(9, 1, "/etc/passwd", u32(4), u32(0)), message(3, 1, "/tmp/x", u32(0xa), u32(0)),
	)
	const denied = "status 3 Permission denied"
	if diff := cmp.Diff([]string{denied, denied, denied, denied, denied, "handle 00000000"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestListing(t *testing.T) {
	f := newFar(0)
	for i := range 150 {
		f.options.View.FS.AddFile(fmt.Sprintf("/d/%03d", i), nil, 0o644, 0, 0, clock)
	}
	got, _ := f.talk(message(11, 1, "/etc"), message(12, 2, handle(0)), message(12, 2, handle(0)), message(11, 1, "/d"), message(12, 1, handle(1)), message(12, 1, handle(1)), message(12, 1, handle(1)), message(11, 1, "/etc/passwd"))
	for _, want := range []string{
		".|drwxr-xr-x    2 root     root         4096 Mar  4 05:06 .|4096 0:0 40755 0", "passwd|-rw-r--r--    1 root     root           11 Mar  3 05:06 passwd|", "shadow|-rw-r-----    1 root     shadow          7 Mar  4  2025 shadow|", "..|drwxr-xr-x ",
	} {
		if !strings.Contains(got[1], want) {
			t.Errorf("no %q in %q", want, got[1])
		}
	}
	if n, m := strings.Count(got[4], "|-rw"), strings.Count(got[5], "|-rw"); got[2] != "status 1 End of file" || n+m != 150 || strings.Count(got[4], "|d")+n != 100 || got[6] != got[2] || got[7] != "status 2 No such file" {
		t.Errorf("%d and %d entries, %q %q", n, m, got[2], got[6:])
	}
}

func TestEndsOfTheSession(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		want int
	}{
		"eof":             {hello, 0},
		"no version":      {message(17, 1, "/"), 255},
		"too long":        {[]byte{0, 4, 0, 1}, 11},
		"cut":             {append(bytes.Clone(hello), frame([]byte{3, 0, 0, 0, 1, 0, 0, 0, 9})...), 255},
		"empty":           {append(bytes.Clone(hello), 0, 0, 0, 0), 255},
		"half a message":  {append(bytes.Clone(hello), 0, 0, 0, 9, 3), 0},
		"extended, early": {message(200, 1, "limits@openssh.com"), 255},
	} {
		if got, err := sftp.Serve(struct {
			io.Reader
			io.Writer
		}{bytes.NewReader(c.in), io.Discard}, newFar(0).options); got != c.want || err != nil {
			t.Errorf("%s: exit %d %v", name, got, err)
		}
	}
}

func TestWhatMovesIsOnRecord(t *testing.T) {
	f := newFar(0)
	if _, status := f.talk(message(3, 1, "up", u32(0x1a), u32(0)), message(6, 1, handle(0), u64(3), "abc"), message(6, 1, handle(0), u64(0), "123"), message(4, 1, handle(0)),
		message(3, 1, "/etc/passwd", u32(1), u32(0)), message(5, 1, handle(0), u64(0), u32(4)), message(3, 1, "open", u32(0xa), u32(0)), message(6, 1, handle(1), u64(0), "left"), message(13, 1, "up"), message(11, 1, "/etc")); status != 0 {
		t.Fatal(status)
	}
	if diff := cmp.Diff([]string{`true /root/up "123abc"`, `false /etc/passwd "root:x:0:0\n"`, `true /root/open "left"`}, f.moved); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"remove /root/up 0", "opendir /etc 0"}, f.did); diff != "" {
		t.Error(diff)
	}
	f.options.Did = func(sftp.Operation) error { return errors.New("full") }
	if got, status := f.talk(message(13, 1, "x")); status != 255 || got[0] != "full" {
		t.Errorf("without a record: %d %v", status, got)
	}
}

func TestHandlesAreBounded(t *testing.T) {
	var requests [][]byte
	for range 1020 {
		requests = append(requests, message(3, 1, "/etc/passwd", u32(1), u32(0)))
	}
	got, _ := newFar(0).talk(requests...)
	if got[1018] != "handle 000003fa" || got[1019] != "status 4 Failure" {
		t.Errorf("%s, %s", got[1018], got[1019])
	}
}

func FuzzServe(f *testing.F) {
	f.Add(message(3, 1, "f", u32(0x1a), u32(0)))
	f.Add(message(200, 1, "copy-data", handle(0), u64(5), u64(0), handle(1), u64(0)))
	f.Add(message(12, 1, handle(0)))
	f.Fuzz(func(t *testing.T, data []byte) {
		far := newFar(0)
		open := append(message(3, 1, "/etc/passwd", u32(3), u32(0)), message(11, 1, "/etc")...)
		if _, err := sftp.Serve(struct {
			io.Reader
			io.Writer
		}{bytes.NewReader(append(append(bytes.Clone(hello), open...), data...)), io.Discard}, far.options); err != nil {
			t.Fatal(err)
		}
		if used := far.options.View.FS.Used(); used > 1<<20 {
			t.Fatalf("%d bytes are held", used)
		}
	})
}
