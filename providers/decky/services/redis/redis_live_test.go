//go:build live

package redis_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/services/redis"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
)

// update writes what the real server answered, for the test without it.
var update = flag.Bool("update", false, "rewrite testdata from redis-server's answers")

// converse sends probe and returns what came within a pause, with how the
// connection ended if it did.
func converse(t *testing.T, addr, probe string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, probe); err != nil {
		return "cannot send"
	}
	var answer []byte
	buffer := make([]byte, 64<<10)
	for {
		if err := c.SetReadDeadline(time.Now().Add(250 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Read(buffer)
		answer = append(answer, buffer[:n]...)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return string(answer)
		case errors.Is(err, io.EOF):
			return string(answer) + "<FIN>"
		case err != nil:
			return string(answer) + "<RST>"
		}
	}
}

// real starts Debian's redis-server on loopback with the distribution's
// configuration, opened as an exposed server's is.
func real(t *testing.T) string {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("the judge is missing: apt-get install redis-server")
	}
	config, err := os.ReadFile("/etc/redis/redis.conf")
	if err != nil {
		t.Fatal("the judge's configuration is missing: apt-get install redis-server")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_, port, _ := strings.Cut(addr, ":")
	l.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, file, "--port", port, "--bind", "127.0.0.1", "--protected-mode", "no", "--daemonize", "no", "--dir", dir, "--logfile", filepath.Join(dir, "log"), "--pidfile", filepath.Join(dir, "pid"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return addr
		}
		if time.Now().After(deadline) {
			t.Fatal("redis-server does not answer")
		}
	}
}

func TestDecoyAnswersAsRedisDoes(t *testing.T) {
	decoy := servicetest.Start(t, redis.New(), servicetest.Options{})
	original := real(t)
	if version := converse(t, original, "INFO server\r\n"); !strings.Contains(version, "redis_version:7.0.15") {
		t.Fatalf("the judge is another version than 7.0.15: %.100q", version)
	}
	same := 0
	var recorded []exchange
	for _, probe := range probes {
		want, got := masked(probe, converse(t, original, probe)), masked(probe, converse(t, decoy.Addr(), probe))
		recorded = append(recorded, exchange{event.Text(probe).Clip(60), event.Text(want)})
		if want == got {
			same++
			continue
		}
		at := 0
		for at < len(want) && at < len(got) && want[at] == got[at] {
			at++
		}
		at = max(at-60, 0)
		t.Logf("%.80q\n  real  ...%.300q\n  decoy ...%.300q", probe, want[at:], got[at:])
	}
	if *update {
		data, err := json.MarshalIndent(recorded, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	score := 100 * float64(same) / float64(len(probes))
	fmt.Printf("redis: %d of %d probes byte for byte as redis-server 7.0.15: %.1f %%\n", same, len(probes), score)
	if len(probes) < 60 || score < 95 {
		t.Errorf("score %.1f %% of %d probes, want 95 %% of 60", score, len(probes))
	}
}

func TestRealClientWorks(t *testing.T) {
	client, err := exec.LookPath("redis-cli")
	if err != nil {
		t.Fatal("the judge is missing: apt-get install redis-tools")
	}
	decoy := servicetest.Start(t, redis.New(), servicetest.Options{Arguments: `{"requirepass":"pw"}`})
	host, port, _ := strings.Cut(decoy.Addr(), ":")
	run := func(args ...string) string {
		out, err := exec.Command(client, append([]string{"-h", host, "-p", port, "--no-auth-warning"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("redis-cli %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	for _, step := range []struct{ args, want string }{
		{"PING", "NOAUTH Authentication required."}, {"-a pw PING", "PONG"}, {"-a pw -3 SET k v", "OK"}, {"-a pw GET k", "v"}, {"-a pw -3 HSET h f v", "1"}, {"-a pw -3 HGETALL h", "f v"}, {"-a pw --scan", "h\nk"},
	} {
		if got := run(strings.Fields(step.args)...); got != step.want && strings.ReplaceAll(got, "\n", " ") != step.want {
			t.Errorf("redis-cli %s: %q, want %q", step.args, got, step.want)
		}
	}
	if got := run("-a", "pw", "--bigkeys"); !strings.Contains(got, "Sampled 2 keys") {
		t.Errorf("--bigkeys: %s", got)
	}
}

// TestNmapSeesWhatItSeesOfRedis: away from its own port nmap identifies Redis by
// an error's text and learns no version, of the real one either.
func TestNmapSeesWhatItSeesOfRedis(t *testing.T) {
	nmap, err := exec.LookPath("nmap")
	if err != nil {
		t.Fatal("the judge is missing: apt-get install nmap")
	}
	identify := func(addr string) string {
		_, port, _ := strings.Cut(addr, ":")
		out, err := exec.Command(nmap, "-n", "-Pn", "-sT", "-sV", "-p", port, "127.0.0.1").CombinedOutput()
		if err != nil {
			t.Fatalf("nmap: %v\n%s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			if product, ok := strings.CutPrefix(line, port+"/tcp open  "); ok {
				return strings.TrimSpace(product)
			}
		}
		return string(out)
	}
	decoy := servicetest.Start(t, redis.New(), servicetest.Options{})
	want, got := identify(real(t)), identify(decoy.Addr())
	if want != got || !strings.Contains(got, "Redis key-value store") {
		t.Errorf("nmap sees %q, of the real server %q", got, want)
	}
	t.Logf("nmap: %s", got)
}
