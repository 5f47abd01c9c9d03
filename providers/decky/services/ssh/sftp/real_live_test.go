//go:build live

package sftp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/services/ssh/sftp"
)

// TestAgreesWithOpenSSH asks Debian's sftp-server the same in a folder of the
// test and compares the answers; times, and the sizes and links of directories,
// are masked.
func TestAgreesWithOpenSSH(t *testing.T) {
	const server = "/usr/lib/openssh/sftp-server"
	if _, err := os.Stat(server); err != nil {
		t.Fatal("no sftp-server on this machine: apt-get install openssh-sftp-server")
	}
	dir := t.TempDir()
	real := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.MkdirAll(real("d/below"), 0o755), os.WriteFile(real("file"), []byte("0123456789"), 0o644), os.Symlink("file", real("link")), os.Symlink("nowhere", real("dangling")), os.Symlink("loop", real("loop")), os.WriteFile(real("d/x"), nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	f := newFar(0)
	fs := f.options.View.FS
	fs.AddDir(dir, 0o755, 0, 0, clock, false)
	fs.AddDir(dir+"/d", 0o755, 0, 0, clock, false)
	fs.AddDir(dir+"/d/below", 0o755, 0, 0, clock, false)
	fs.AddFile(dir+"/file", []byte("0123456789"), 0o644, 0, 0, clock)
	fs.AddFile(dir+"/d/x", nil, 0o600, 0, 0, clock)
	fs.AddLink(dir+"/link", "file", clock)
	fs.AddLink(dir+"/dangling", "nowhere", clock)
	fs.AddLink(dir+"/loop", "loop", clock)
	f.options.Home = dir
	f.options.Users = []sftp.Account{{Name: "root", Home: "/root", ID: 0}}
	open := func(name string, flags uint32) []byte { return message(3, 1, name, u32(flags), u32(0)) }
	requests := [][]byte{
		open("file", 1), open("new", 0x1a), open("nosuch", 1), open("file", 0x2a), open("d", 1), open("d", 2), open("file/x", 1), open("loop", 1), open("dangling", 1), open("", 1), open(strings.Repeat("n", 256), 1), open("file", 0),
		message(5, 2, handle(0), u64(3), u32(4)), message(5, 2, handle(0), u64(10), u32(4)), message(5, 2, handle(0), u64(0), u32(0)), message(5, 2, handle(2), u64(0), u32(4)), message(5, 2, handle(1), u64(0), u32(4)), message(5, 2, handle(9), u64(0), u32(4)), message(5, 2, "x", u64(0), u32(4)), message(5, 2, handle(0), u64(1<<63), u32(4)), message(5, 2, handle(0), u64(1<<40), u32(4)),
		message(6, 2, handle(1), u64(2), "abc"), message(6, 2, handle(0), u64(0), "abc"), message(6, 2, handle(1), u64(0), ""), message(6, 2, handle(9), u64(0), "x"), message(6, 2, handle(1), u64(1<<63), "x"),
		message(8, 2, handle(0)), message(8, 2, handle(1)), message(8, 2, handle(9)), message(17, 2, "link"), message(7, 2, "link"), message(17, 2, "dangling"), message(7, 2, "dangling"), message(17, 2, "loop"), message(17, 2, "file/"), message(17, 2, ""),
		message(9, 2, "file", u32(4), u32(0o600)), message(9, 2, "file", u32(1), u64(4)), message(9, 2, "nosuch", u32(4), u32(0o600)), message(9, 2, "file", u32(8), u32(1000), u32(2000)), message(9, 2, "file", u32(2), u32(7), u32(8)), message(17, 2, "file"), message(9, 2, "d", u32(1), u64(4)), message(9, 2, "file", u32(1), u64(1<<63)), message(10, 2, handle(1), u32(1), u64(8)), message(17, 2, "new"),
		message(10, 2, handle(9), u32(4), u32(0o600)), message(9, 2, "new", u32(0)),
		message(11, 3, "d"), message(12, 3, handle(4)), message(12, 3, handle(4)), message(11, 3, "nosuch"), message(11, 3, "file"), message(12, 3, handle(0)), message(5, 3, handle(4), u64(0), u32(1)), message(4, 3, handle(4)), message(4, 3, handle(4)), message(12, 3, handle(4)),
		message(14, 4, "made", u32(0)), message(14, 4, "made", u32(0)), message(14, 4, "no/made", u32(0)), message(14, 4, "file/made", u32(0)), message(14, 4, "", u32(0)), message(17, 4, "made"), message(13, 4, "made"), message(15, 4, "file"), message(15, 4, "nosuch"), message(15, 4, "d"), message(15, 4, "made"), message(13, 4, "nosuch"), message(13, 4, ""), message(13, 4, "dangling"),
		message(16, 5, "."), message(16, 5, "link"), message(16, 5, "d/../link"), message(16, 5, "nosuch"), message(16, 5, "nosuch/x"), message(16, 5, "file/x"), message(16, 5, "loop"), message(16, 5, "/"), message(16, 5, "/.."), message(16, 5, "d/"), message(16, 5, "nosuch/"),
		message(18, 6, "new", "newer"), message(18, 6, "nosuch", "x"), message(18, 6, "newer", "file"), message(18, 6, "d", "e"), message(18, 6, "e", "file"), message(18, 6, "newer", "no/x"), message(18, 6, "link", "link2"), message(18, 6, "e", "e/inside"),
		message(19, 7, "link2"), message(19, 7, "file"), message(19, 7, "nosuch"), message(20, 7, "a", "l"), message(20, 7, "a", "l"), message(20, 7, "", "m"), message(20, 7, "a", "no/l"), message(7, 7, "l"),
		message(200, 8, "posix-rename@openssh.com", "newer", "file"), message(200, 8, "posix-rename@openssh.com", "file", "e"), message(200, 8, "posix-rename@openssh.com", "e", "file"), message(200, 8, "posix-rename@openssh.com", "no", "x"), message(200, 8, "hardlink@openssh.com", "file", "hard"), message(17, 8, "hard"), message(200, 8, "hardlink@openssh.com", "e", "x"), message(200, 8, "hardlink@openssh.com", "file", "hard"),
		message(200, 9, "fsync@openssh.com", handle(0)), message(200, 9, "fsync@openssh.com", handle(9)), message(200, 9, "lsetstat@openssh.com", "l", u32(8), u32(1), u32(2)), message(200, 9, "lsetstat@openssh.com", "l", u32(1), u64(2)), message(200, 9, "lsetstat@openssh.com", "l", u32(4), u32(0o600)), message(200, 9, "lsetstat@openssh.com", "file", u32(4), u32(0o640)), message(200, 9, "nosuch@x"), message(200, 9, "statvfs@openssh.com", "nosuch"), message(200, 9, "fstatvfs@openssh.com", handle(9)),
		message(200, 9, "expand-path@openssh.com", "~"), message(200, 9, "expand-path@openssh.com", "~/x"), message(200, 9, "expand-path@openssh.com", "~root"), message(200, 9, "expand-path@openssh.com", "~nosuchuser"), message(200, 9, "expand-path@openssh.com", ""), message(200, 9, "expand-path@openssh.com", "file"), message(200, 9, "home-directory", "nosuchuser"), message(200, 9, "users-groups-by-id@openssh.com", "\x00\x00\x00\x00\x00\x00\xff\x00", "\x00\x00\x00\x00"), message(200, 9, "users-groups-by-id@openssh.com", "", ""),
		open("copy", 0x1a), message(200, 9, "copy-data", handle(0), u64(1), u64(0), handle(4), u64(0)), message(17, 9, "copy"), message(200, 9, "copy-data", handle(0), u64(0), u64(100), handle(4), u64(0)), message(200, 9, "copy-data", handle(0), u64(0), u64(2), handle(0), u64(0)), message(200, 9, "copy-data", handle(0), u64(0), u64(2), handle(9), u64(0)), message(200, 9, "copy-data", handle(0), u64(1), u64(2), handle(4), u64(0)),
		message(4, 10, handle(0)), message(4, 10, handle(1)), message(4, 10, handle(0)), open("file", 1), message(4, 10, "longer handle"),
	}
	got, status := f.talk(requests...)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	want, code := realAnswers(t, exec.CommandContext(ctx, server, "-d", dir, "-e"), requests)
	mask := func(list []string) []string {
		list = slices.Clone(list)
		for i, text := range list {
			text = regexp.MustCompile(`(attrs|\|)(\d+) (\d+:\d+) (4\d{4}) -?\d+`).ReplaceAllString(text, "$1- $3 $4")
			text = regexp.MustCompile(`([0-7]{5,6}) -?\d{5,}`).ReplaceAllString(text, "$1 -")
			text = regexp.MustCompile(`attrs \d+ (\d+:\d+ 4\d+)`).ReplaceAllString(text, "attrs - $1")
			text = regexp.MustCompile(`([0-7]{5,6}) (0|-)`).ReplaceAllString(text, "$1 -")
			text = regexp.MustCompile(`\|[-dl][-rwxsStT]{9}  .*?\|`).ReplaceAllString(text, "||")
			if rest, ok := strings.CutPrefix(text, "names "); ok {
				names := strings.Split(rest, ", ")
				slices.Sort(names)
				text = "names " + strings.Join(names, ", ")
			}
			list[i] = text
		}
		return list
	}
	if diff := cmp.Diff(mask(want), mask(got)); diff != "" {
		t.Error(diff)
	}
	if code != status {
		t.Errorf("exit %d, want %d", status, code)
	}
}

// realAnswers asks one by one, as a server that dies drops what it had to say.
func realAnswers(t *testing.T, command *exec.Cmd, requests [][]byte) ([]string, int) {
	t.Helper()
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	command.Stderr = &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var list []string
	for i, request := range append([][]byte{hello}, requests...) {
		if _, err := in.Write(request); err != nil {
			t.Fatalf("request %d: %v %s", i, err, log.String())
		}
		var head [4]byte
		if _, err := io.ReadFull(out, head[:]); err != nil {
			t.Fatalf("request %d (%q): %v %s", i, request, err, log.String())
		}
		answer := make([]byte, binary.BigEndian.Uint32(head[:]))
		if _, err := io.ReadFull(out, answer); err != nil {
			t.Fatal(err)
		}
		list = append(list, words(answer))
	}
	_ = in.Close()
	_ = command.Wait()
	return list[1:], command.ProcessState.ExitCode()
}
