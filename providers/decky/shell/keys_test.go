package shell_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell"
)

// The files of testdata/keys hold what a terminal shows of keys that are typed:
// a case's script is the keys as a quoted string, its output the bytes that the
// real shell wrote. Each starts behind a line that makes the prompts plain.
const (
	keysPrelude = "PS1='$ '; PS2='> '; cd " + caseDir + "\r"
	keysRows    = 24
	keysColumns = 60
	keysTerm    = "xterm"
)

// keyFiles are the shells that edit a line, and their recorded terminals.
func keyFiles() map[string]dialect {
	out := map[string]dialect{}
	for _, d := range dialects {
		if d.name == "bash" || d.name == "ash" {
			out["testdata/keys/"+d.name+".txt"] = d
		}
	}
	return out
}

// keysOf parts keys where a terminal would get them one by one.
func keysOf(t testing.TB, script string) []string {
	t.Helper()
	text, err := strconv.Unquote(script)
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	var out []string
	for len(text) > 0 {
		n := 1
		switch {
		case strings.HasPrefix(text, "\x1b[") || strings.HasPrefix(text, "\x1bO"):
			for n = 2; n < len(text) && (text[n] < '@' || text[n] > '~'); n++ {
			}
			n = min(n+1, len(text))
		case text[0] == 0x1b && len(text) > 1:
			n = 2
		default:
			for n < len(text) && text[n]&0xc0 == 0x80 {
				n++
			}
		}
		out = append(out, text[:n])
		text = text[n:]
	}
	return out
}

// screen collects what a terminal is sent.
type screen struct {
	mu   sync.Mutex
	all  bytes.Buffer
	last time.Time
}

// Write implements io.Writer.
func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now()
	return s.all.Write(b)
}

// settle waits until nothing more comes, and returns all that came.
func (s *screen) settle(quiet time.Duration) string {
	from := time.Now()
	for {
		s.mu.Lock()
		since, text := s.last, s.all.String()
		s.mu.Unlock()
		if since.Before(from) {
			since = from
		}
		if time.Since(since) > quiet {
			return text
		}
		time.Sleep(quiet / 4)
	}
}

// oursTyped is what our shell shows of keys.
func oursTyped(t *testing.T, d dialect, setup, script string) string {
	t.Helper()
	m := machine.New(host(), []string{"admin"}, time.Now)
	if d.tree == "busybox" {
		for _, name := range applets(t) {
			if name != "busybox" {
				m.FS.AddLink("/usr/bin/"+name, "busybox", m.Boot)
			}
		}
	}
	prepare := shell.New(shell.Options{Machine: m, User: "admin", Env: map[string]string{"HOME": caseDir}})
	if _, stderr, status := run(t, prepare, "mkdir "+caseDir+"; cd "+caseDir+"\n"+setup, ""); status != 0 || stderr != "" {
		t.Fatalf("setup: %d %s", status, stderr)
	}
	shown := &screen{}
	read, write := io.Pipe()
	s := shell.New(shell.Options{Machine: m, User: "admin", TTY: "/dev/pts/0", Term: keysTerm, Shell: d.login, Env: map[string]string{"LANG": "C.UTF-8", "HOME": caseDir}})
	s.SetSize(keysRows, keysColumns)
	terminal := shell.NewTerminal(read, shown)
	done := make(chan int, 1)
	go func() { done <- s.Interactive(context.Background(), terminal) }()
	send := func(text string) {
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_, _ = io.WriteString(write, text) // the shell may have ended
		}()
		select {
		case <-sent:
		case <-time.After(time.Second):
		}
	}
	send(keysPrelude)
	before := len(shown.settle(30 * time.Millisecond))
	for _, key := range keysOf(t, script) {
		send(key)
		if strings.ContainsAny(key, "\r\x03\x04\x1a") {
			shown.settle(12 * time.Millisecond)
		}
	}
	text := shown.settle(30 * time.Millisecond)
	_ = write.Close()
	<-done
	_ = read.Close()
	terminal.Wait()
	return plainPaths(text[before:])
}

// TestKeys compares what a terminal shows with what the real shells showed.
func TestKeys(t *testing.T) {
	for path, d := range keyFiles() {
		t.Run(d.name, func(t *testing.T) {
			f := readCases(t, path)
			alike := 0
			for i, c := range f.cases {
				got := oursTyped(t, d, f.setup, c.script)
				same := got == c.answer.stdout
				if same {
					alike++
				}
				if *regap {
					switch {
					case same:
						f.cases[i].gap = ""
					case c.gap == "":
						f.cases[i].gap = "unexplained"
					}
				} else if same != (c.gap == "") || c.gap == "unexplained" {
					t.Errorf("%s\n(listed as different: %q)\n want %q\n  got %q", c.script, c.gap, c.answer.stdout, got)
				}
			}
			t.Logf("%s: %d of %d key sequences alike", filepath.Base(path), alike, len(f.cases))
			if share := float64(alike) / float64(len(f.cases)); share < keysLeast {
				t.Errorf("%.1f %% of the key sequences are alike, want %.0f %%", 100*share, 100*keysLeast)
			}
			if *regap {
				if err := os.WriteFile(path, []byte(f.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// keysLeast is the share of the key sequences that look as in the real shells.
const keysLeast = 0.95
