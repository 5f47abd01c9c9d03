package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "decky")
		build := exec.Command("go", "build", "-trimpath", "-o", binary, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// freePort is a loopback port that nothing listens on now.
func freePort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

type process struct {
	*exec.Cmd
	spec   decky.Spec
	addr   string
	stderr *bytes.Buffer
}

// start serves redis on loopback from dir in a process of its own.
func start(t *testing.T, dir string) *process {
	t.Helper()
	p := &process{spec: decky.Spec{Host: servicetest.Host(), Journal: filepath.Join(dir, "journal"), Store: filepath.Join(dir, "store")}, stderr: &bytes.Buffer{}}
	port := freePort(t)
	p.addr = fmt.Sprintf("127.0.0.1:%d", port)
	p.spec.Services = []decky.ServiceSpec{{Name: "redis", Slug: "redis", Ports: []decky.Port{{Number: port, Transport: "tcp"}}}}
	data, err := json.Marshal(p.spec)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "spec.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{p.spec.Journal, p.spec.Store} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p.Cmd = exec.Command(binary, "serve", "--spec", file)
	p.Stderr = p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Process.Kill() // it may have ended
		_ = p.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", p.addr); err == nil {
			c.Close()
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("no answer at %s: %s", p.addr, p.stderr)
		}
	}
}

// statements are the commands on record, and how often.
func statements(t *testing.T, dir string) (counts map[string]int, kinds []string) {
	t.Helper()
	r := journal.NewReader(dir, journal.Position{})
	defer r.Close()
	counts = map[string]int{}
	for {
		records, err := r.Next(1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			return counts, kinds
		}
		for _, record := range records {
			if record.Err != nil {
				t.Fatalf("a record is no event: %q", record.Raw)
			}
			if q, ok := record.Event.Body.(*event.Query); ok {
				counts[string(q.Statement)]++
			}
			kinds = append(kinds, string(record.Event.Kind()))
		}
	}
}

// hammer sends numbered commands on several connections until the server is
// gone, and returns those that were answered.
func hammer(t *testing.T, addr string, clients int) (answered func() []string) {
	t.Helper()
	var mu sync.Mutex
	var all []string
	var done sync.WaitGroup
	for id := range clients {
		done.Go(func() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				return
			}
			defer c.Close()
			in := bufio.NewReader(c)
			for n := range 1_000_000 {
				statement := fmt.Sprintf("ECHO client-%d-%d", id, n)
				if _, err := fmt.Fprintf(c, "%s\r\n", statement); err != nil {
					return
				}
				if _, err := in.ReadString('\n'); err != nil {
					return
				}
				word, err := in.ReadString('\n')
				if err != nil || word != fmt.Sprintf("client-%d-%d\r\n", id, n) {
					return
				}
				mu.Lock()
				all = append(all, statement)
				mu.Unlock()
			}
		})
	}
	return func() []string { done.Wait(); return all }
}

func TestWhatWasAnsweredIsOnRecordAfterKill(t *testing.T) {
	total := 0
	for round := range 5 {
		dir := t.TempDir()
		p := start(t, dir)
		answered := hammer(t, p.addr, 8)
		time.Sleep(time.Duration(100+60*round) * time.Millisecond)
		if err := p.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = p.Wait() // killed
		sent := answered()
		counts, _ := statements(t, p.spec.Journal)
		for _, s := range sent {
			if counts[s] != 1 {
				t.Fatalf("round %d: %q was answered and stands %d times on record", round, s, counts[s])
			}
		}
		total += len(sent)
	}
	t.Logf("%d answers over 5 kills, each on record once", total)
	if total < 1000 {
		t.Errorf("only %d answers: the kills prove little", total)
	}
}

func TestTermEndsSessionsAndProcess(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir)
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer := make([]byte, 5)
	if _, err := fmt.Fprint(c, "SET k v\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(answer); err != nil || string(answer) != "+OK\r\n" {
		t.Fatalf("%q, %v", answer, err)
	}
	began := time.Now()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil || time.Since(began) > 3*time.Second {
		t.Errorf("ended after %s with %v: %s", time.Since(began), err, p.stderr)
	}
	_, kinds := statements(t, p.spec.Journal)
	if n := len(kinds); n < 2 || kinds[n-1] != "system" || kinds[n-2] != "connection.closed" {
		t.Errorf("the journal ends with %v", kinds[max(0, n-3):])
	}
	again := start(t, dir)
	c2, err := net.Dial("tcp", again.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c2.Close()
	if _, err := fmt.Fprint(c2, "GET k\r\n"); err != nil {
		t.Fatal(err)
	}
	value := make([]byte, 7)
	if _, err := c2.Read(value); err != nil || string(value) != "$1\r\nv\r\n" {
		t.Errorf("after a restart the key is %q, %v", value, err)
	}
}

func TestHostileBytesDoNotEndTheProcess(t *testing.T) {
	p := start(t, t.TempDir())
	for _, hostile := range [][]byte{
		bytes.Repeat([]byte{0}, 200_000), bytes.Repeat([]byte("*1048576\r\n"), 1000), []byte("*1\r\n$536870912\r\n" + strings.Repeat("x", 100_000)),
		bytes.Repeat([]byte("\xff\xfe\x00"), 50_000), []byte("\x16\x03\x01\x02\x00\x01\x00"), bytes.Repeat([]byte("A"), 1<<20), bytes.Repeat([]byte("EVAL \"return os\" 0\r\n"), 5000),
	} {
		c, err := net.Dial("tcp", p.addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write(hostile) // the decoy may end the session first
		_, _ = c.Read(make([]byte, 100))
		c.Close()
	}
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatalf("the process is gone: %v\n%s", err, p.stderr)
	}
	defer c.Close()
	if _, err := fmt.Fprint(c, "PING\r\n"); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 7)
	if _, err := c.Read(answer); err != nil || string(answer) != "+PONG\r\n" {
		t.Errorf("%q, %v", answer, err)
	}
}

func TestWrongUseIsRefused(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "usage: decky VERB"}, {[]string{"dance"}, 2, "usage"}, {[]string{"serve"}, 2, "usage"}, {[]string{"hold", "x"}, 2, "usage"},
		{[]string{"serve", "--spec", dir + "/none"}, 1, "no such file"}, {[]string{"serve", "--spec", write("bad", "{")}, 1, "unexpected end"},
		{[]string{"serve", "--spec", write("empty", "{}")}, 1, "it needs host"},
		{[]string{"serve", "--spec", write("udp", `{"host":{"address":"a","ip":"127.0.0.1"},"journal":"j","store":"s","services":[{"name":"x","slug":"redis","ports":[{"number":9,"transport":"udp"}]}]}`)}, 1, "only tcp"},
		{[]string{"serve", "--worker"}, 1, "started by its supervisor"}, {[]string{"supervise"}, 1, "--lineage"},
	} {
		out, err := exec.Command(binary, c.args...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != c.code || !strings.Contains(string(out), c.want) {
			t.Errorf("%v: %v, %s; want exit %d and %q", c.args, err, out, c.code, c.want)
		}
	}
	if out, err := exec.Command(binary, "version").Output(); err != nil || len(strings.TrimSpace(string(out))) == 0 {
		t.Errorf("version: %q, %v", out, err)
	}
}

// What an intruder may land beside links nothing of the language, the engine or
// the intelligence.
func TestItLinksLittle(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, "github.com/decnet/decnet/providers/decky/runtime") {
		t.Fatal("the list of dependencies is not one")
	}
	for _, dep := range deps {
		for _, foreign := range []string{
			"github.com/hashicorp", "github.com/zclconf", "github.com/docker", "github.com/mattn/go-sqlite3", "github.com/spf13", "net/http", "os/exec/", "plugin",
			"github.com/decnet/decnet/reconciler", "github.com/decnet/decnet/intel", "github.com/decnet/decnet/modules", "github.com/decnet/decnet/providers/docker", "github.com/decnet/decnet/providers/native",
		} {
			if strings.HasPrefix(dep, foreign) {
				t.Errorf("it links %s", dep)
			}
		}
		if dep == "github.com/decnet/decnet/schema" || dep == "github.com/decnet/decnet/providers" {
			t.Errorf("it links %s", dep)
		}
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d packages, %d KiB with symbols", len(deps), info.Size()>>10)
}
