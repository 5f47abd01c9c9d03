package shell_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell"
)

// typist is somebody at a terminal of the shell.
type typist struct {
	t     *testing.T
	keys  *io.PipeWriter
	done  chan int
	host  *machine.Machine
	mu    sync.Mutex
	seen  bytes.Buffer
	since int
}

// Write implements io.Writer: what the terminal shows.
func (p *typist) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.Write(b)
}

// sitDown opens a login shell of user on a host.
func sitDown(t *testing.T, host decky.Host, user, path string) *typist {
	t.Helper()
	return sitDownAt(t, machine.New(host, []string{"admin"}, time.Now), user, path)
}

func sitDownAt(t *testing.T, m *machine.Machine, user, path string) *typist {
	t.Helper()
	read, write := io.Pipe()
	p := &typist{t: t, keys: write, done: make(chan int, 1), host: m}
	s := shell.New(shell.Options{Machine: m, User: user, TTY: "/dev/pts/0", Term: "xterm-256color", Shell: path})
	terminal := shell.NewTerminal(read, p)
	go func() { p.done <- s.Interactive(context.Background(), terminal) }()
	t.Cleanup(func() {
		_ = write.Close()
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			t.Error("the shell does not end with its client")
		}
		_ = read.Close()
		terminal.Wait()
	})
	return p
}

// see waits until text is shown, after what was waited for before.
func (p *typist) see(text string) {
	p.t.Helper()
	for range 1000 {
		p.mu.Lock()
		all := p.seen.String()
		at := strings.Index(all[p.since:], text)
		if at >= 0 {
			p.since += at + len(text)
		}
		p.mu.Unlock()
		if at >= 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.t.Fatalf("waited for %q, seen since %q", text, p.seen.String()[p.since:])
}

func (p *typist) typed(keys string) {
	p.t.Helper()
	if _, err := io.WriteString(p.keys, keys); err != nil {
		p.t.Fatal(err)
	}
}

func TestLineEditing(t *testing.T) {
	for name, test := range map[string]struct{ keys, want string }{
		"plain":               {"echo abc", "abc"},
		"backspace":           {"echo abd\x7fc", "abc"},
		"beginning and end":   {"cho ab\x01e\x05c", "abc"},
		"kill and yank":       {"abc\x15echo \x19", "abc"},
		"kill to the end":     {"echo abcdef\x02\x02\x02\x0b", "abc"},
		"kill a word":         {"echo abc nonsense\x17\x7f", "abc"},
		"transpose":           {"echo acb\x14", "abc"},
		"arrows":              {"echo ac\x1b[Db\x1b[C", "abc"},
		"home and end":        {"cho ab\x1b[He\x1b[Fc", "abc"},
		"delete":              {"echo axbc\x1b[D\x1b[D\x1b[D\x1b[3~", "abc"},
		"delete by control":   {"echo axbc\x02\x02\x02\x04", "abc"},
		"words left":          {"echo b c\x1bb\x1bbX\x7fa", "ab c"},
		"word forward":        {"echo a c\x01\x1bf\x1bf\x1bfx", "a cx"},
		"delete a word":       {"echo zz abc\x01\x1bf\x1bd", "abc"},
		"upper case":          {"echo abc\x1bb\x1bu", "ABC"},
		"pasted":              {"echo \x1b[200~a\tbc\x1b[201~", "a bc"},
		"a letter of Unicode": {"echo äöx\x7f\x7fb", "äb"},
	} {
		t.Run(name, func(t *testing.T) {
			p := sitDown(t, host(), "root", "")
			p.see("# ")
			p.typed("set -- " + "\r")
			p.see("# ")
			p.typed(test.keys + "\r")
			p.see("\r\n")
			p.see(test.want + "\r\n")
		})
	}
}

func TestHistory(t *testing.T) {
	p := sitDown(t, host(), "root", "")
	p.see("# ")
	for _, line := range []string{"echo one", "echo two", "echo three"} {
		p.typed(line + "\r")
		p.see(line[5:] + "\r\n")
	}
	for _, test := range [][2]string{{"!!", "three"}, {"!1", "one"}, {"!-2", "three"}, {"!echo", "three"}, {"!?wo?", "two"}, {"^two^2", "2"}, {"echo !$", "2"}, {"\x1b[A\x1b[A", "two"}, {"\x12thre", "three"}} {
		p.see("# ")
		p.typed(test[0] + "\r")
		p.see("\r\n")
		p.see(test[1] + "\r\n")
	}
	p.typed("!nosuch\r")
	p.see("-bash: !nosuch: event not found\r\n")
	p.typed("history | head -n 2\r")
	p.see("    1  echo one\r\n    2  echo two\r\n")
	p.typed("exit\r")
	p.see("logout\r\n")
	<-p.done
	p.done <- 0
	kept, err := p.host.FS.As(0, 0).ReadFile("/root/.bash_history")
	if err != nil || !strings.Contains(string(kept), "echo one\necho two\n") {
		t.Errorf("history kept: %q, %v", kept, err)
	}
}

func TestCompletion(t *testing.T) {
	p := sitDown(t, host(), "root", "")
	p.see("# ")
	p.typed("mkdir -p /tmp/c/alpha /tmp/c/alps; touch '/tmp/c/one file'; cd /tmp/c\r")
	p.see("# ")
	p.typed("hostn\t\r")
	p.see("hostn\aame")
	p.see("\r\n")
	p.see("# ")
	p.typed("ls al\t")
	p.see("al\ap")
	p.typed("\t\t")
	p.see("\r\nalpha/  alps/   \r\n")
	p.typed("h\t\r")
	p.see("alpha/")
	p.see("# ")
	p.typed("echo one\t\r")
	p.see(`one\ file`)
	p.see("one file\r\n")
	p.see("# ")
	p.typed("echo $HOSTN\t\r")
	p.see(host().Hostname + "\r\n")
}

func TestInterruptAndJobs(t *testing.T) {
	p := sitDown(t, host(), "root", "")
	p.see("# ")
	p.typed("sleep 100\r")
	time.Sleep(100 * time.Millisecond)
	p.typed("\x03")
	p.see("^C")
	p.see("# ")
	p.typed("echo $?\r")
	p.see("130\r\n")
	p.see("# ")
	p.typed("sleep 100\r")
	time.Sleep(100 * time.Millisecond)
	p.typed("\x1a")
	p.see("^Z")
	p.see("[1]+  Stopped                 sleep 100\r\n")
	p.see("# ")
	p.typed("echo $?; jobs; bg\r")
	p.see("148\r\n")
	p.see("[1]+  Stopped                 sleep 100\r\n[1]+ sleep 100 &\r\n")
	p.typed("jobs; kill %1; wait\r")
	p.see("[1]+  Running                 sleep 100 &\r\n")
	p.see("Terminated              sleep 100\r\n")
	p.see("# ")
	p.typed("sleep 0.2 &\r")
	p.see("[1] ")
	p.see("# ")
	time.Sleep(400 * time.Millisecond)
	p.typed("\r")
	p.see("[1]+  Done                    sleep 0.2\r\n")
	p.typed("abc\x03")
	p.see("abc^C\x1b[?2004l\r\x1b[?2004h\x1b[?2004l\r\r\n\x1b[?2004h")
	p.see("# ")
	p.typed("cat\r")
	p.see("\r\n")
	time.Sleep(50 * time.Millisecond)
	p.typed("hello\r")
	p.see("hello\r\nhello\r\n")
	p.typed("\x1a")
	p.see("Stopped")
	p.see("# ")
	p.typed("fg\r")
	p.see("cat\r\n")
	time.Sleep(50 * time.Millisecond)
	p.typed("again\r")
	p.see("again\r\nagain\r\n")
	p.typed("\x04")
	p.see("# ")
	p.typed("\x04")
	p.see("logout\r\n")
}

func TestReadsFromTheTerminal(t *testing.T) {
	p := sitDown(t, host(), "root", "")
	p.see("# ")
	p.typed("read -s -p 'secret: ' x; echo; echo \"got $x\"\r")
	p.see("secret: ")
	p.see("secret: ")
	time.Sleep(50 * time.Millisecond)
	p.typed("abc\r")
	p.see("got abc\r\n")
	if strings.Contains(p.seen.String(), "secret: abc") {
		t.Error("a hidden word was shown")
	}
	p.see("# ")
	p.typed("read -n 1 y; echo \"[$y]\"\r")
	p.see("\r\n")
	time.Sleep(50 * time.Millisecond)
	p.typed("z")
	p.see("[z]\r\n")
	p.see("# ")
	p.typed("read -t 0.2 z; echo $?\r")
	p.see("142\r\n")
	p.see("# ")
	p.typed("for i in 1 2\r")
	p.see("> ")
	p.typed("do echo n$i\r")
	p.see("> ")
	p.typed("done\r")
	p.see("n1\r\nn2\r\n")
}

func TestPrompts(t *testing.T) {
	for _, test := range []struct{ distro, title, user, shell, want string }{
		{"debian", "Debian GNU/Linux 12 (bookworm)", "root", "", "\x1b[?2004hroot@srv-atlas-17:~# "},
		{"debian", "Debian GNU/Linux 12 (bookworm)", "admin", "", "\x1b[?2004h\x1b]0;admin@srv-atlas-17: ~\a\x1b[01;32madmin@srv-atlas-17\x1b[00m:\x1b[01;34m~\x1b[00m$ "},
		{"ubuntu20", "Ubuntu 20.04.6 LTS (Focal Fossa)", "admin", "", "\x1b]0;admin@srv-atlas-17: ~\a\x1b[01;32madmin@srv-atlas-17\x1b[00m:\x1b[01;34m~\x1b[00m$ "},
		{"centos7", "CentOS Linux 7 (Core)", "root", "", "[root@srv-atlas-17 ~]# "},
		{"debian", "Debian GNU/Linux 12 (bookworm)", "root", "/bin/dash", "# "},
		{"alpine", "Alpine Linux v3.19", "root", "/bin/ash", "srv-atlas-17:~# "},
	} {
		t.Run(test.title+test.shell+test.user, func(t *testing.T) {
			h := host()
			h.Distro, h.Title = test.distro, test.title
			p := sitDown(t, h, test.user, test.shell)
			p.see(test.want)
			if !strings.HasPrefix(p.seen.String(), test.want) {
				t.Errorf("the first prompt is %q, want %q", p.seen.String(), test.want)
			}
		})
	}
}
