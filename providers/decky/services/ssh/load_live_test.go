//go:build live

package ssh_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/runtime"
	"github.com/decnet/decnet/providers/decky/services/ssh"
	"github.com/decnet/decnet/providers/decky/servicetest"
)

// farm is a process of its own that serves deckies with the runtime, journal
// and store on disk, and every limit at its default but the sources'.
const farmEnv = "SSH_TEST_FARM"

func TestMain(m *testing.M) {
	if n := os.Getenv(farmEnv); n != "" {
		if err := serveFarm(n); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func serveFarm(count string) error {
	var n int
	if _, err := fmt.Sscan(count, &n); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "farm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := runtime.New(runtime.Options{Log: slog.New(slog.DiscardHandler), Catalogue: []decky.Service{ssh.New()}})
	var addrs []string
	for i := range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		spec := decky.Spec{
			Host: servicetest.Host(), Journal: fmt.Sprintf("%s/journal%d", dir, i), Store: fmt.Sprintf("%s/store%d", dir, i), Shared: fmt.Sprintf("%s/shared%d", dir, i),
			Limits: decky.Limits{ConnsPerSource: 1 << 20},
		}
		spec.Host.Address = fmt.Sprintf("decky.farm[%d]", i)
		spec.Host.Key = []byte(fmt.Sprintf("%032d", i))
		service := decky.ServiceSpec{Name: "ssh", Slug: "ssh", Ports: []decky.Port{{Number: 22, Transport: "tcp"}}, Arguments: json.RawMessage(`{"users":{"root":"toor1234"}}`)}
		if err := r.AddService(spec, service, []net.Listener{l}); err != nil {
			return err
		}
		addrs = append(addrs, l.Addr().String())
	}
	fmt.Println(strings.Join(addrs, " "))
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		before := rss()
		debug.FreeOSMemory()
		fmt.Println(rss(), before)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return r.Close(ctx)
}

// rss is the process's resident memory in KiB.
func rss() (kib int) {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(data), "VmRSS:")
	_, _ = fmt.Sscan(after, &kib)
	return kib
}

// startFarm starts the process; ask returns the numbers that it answers with.
func startFarm(t testing.TB, deckies int) (addrs []string, ask func() (kib, before int)) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%d", farmEnv, deckies))
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = command.Wait()
	})
	out := bufio.NewReader(pipe)
	line, err := out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(line), func() (kib, before int) {
		if _, err := io.WriteString(in, "\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fscan(out, &kib, &before); err != nil {
			t.Fatal(err)
		}
		return kib, before
	}
}

// client is a configuration that is cheap for the client.
func clientConfig() *gossh.ClientConfig {
	return &gossh.ClientConfig{
		User: "root", Auth: []gossh.AuthMethod{gossh.Password("toor1234")}, HostKeyCallback: gossh.InsecureIgnoreHostKey(), Timeout: 30 * time.Second, HostKeyAlgorithms: []string{gossh.KeyAlgoED25519},
		Config: gossh.Config{KeyExchanges: []string{gossh.KeyExchangeCurve25519}, Ciphers: []string{gossh.CipherAES128GCM}},
	}
}

// idleSessions are n logged-in sessions that do nothing, over deckies of 500
// each, and what the process then takes.
func idleSessions(t testing.TB, n int) (mb, perSession float64) {
	addrs, ask := startFarm(t, (n+499)/500)
	empty, _ := ask()
	var group sync.WaitGroup
	var failed atomic.Int64
	var mu sync.Mutex
	var clients []*gossh.Client
	jobs := make(chan string)
	for range 5 * len(addrs) {
		group.Go(func() {
			for addr := range jobs {
				c, err := gossh.Dial("tcp", addr, clientConfig())
				for range 5 {
					if err == nil {
						break
					}
					c, err = gossh.Dial("tcp", addr, clientConfig()) // MaxStartups drops some
				}
				if err != nil {
					failed.Add(1)
					continue
				}
				mu.Lock()
				clients = append(clients, c)
				mu.Unlock()
			}
		})
	}
	for i := range n {
		jobs <- addrs[i%len(addrs)]
	}
	close(jobs)
	group.Wait()
	defer func() {
		for _, c := range clients {
			_ = c.Close()
		}
	}()
	if failed.Load() > 0 {
		t.Fatalf("%d of %d sessions failed", failed.Load(), n)
	}
	kib, before := ask()
	t.Logf("%d idle sessions: %d MB resident, %d MB before the collector gave memory back, %d MB without a session", n, kib>>10, before>>10, empty>>10)
	return float64(kib) / 1024, float64(kib-empty) / float64(n)
}

func TestIdleSessionsAreSmall(t *testing.T) {
	if _, per := idleSessions(t, 500); per > 48 {
		t.Errorf("an idle session costs %.1f KiB, want at most 48", per)
	}
}

func BenchmarkIdleSessions(b *testing.B) {
	for b.Loop() {
		mb, per := idleSessions(b, 5000)
		b.ReportMetric(mb, "MB")
		b.ReportMetric(per, "KiB/session")
	}
}

// handshakes is how many key exchanges a server does in a second, six at a
// time: sshd admits ten without a login.
func handshakes(t testing.TB, addr string, n int) float64 {
	config := clientConfig()
	config.Auth = nil
	began := time.Now()
	var group sync.WaitGroup
	jobs := make(chan struct{})
	var dropped atomic.Int64
	for range 6 {
		group.Go(func() {
			for range jobs {
				for keyed := false; !keyed && t.Context().Err() == nil; {
					mine := *config
					mine.HostKeyCallback = func(string, net.Addr, gossh.PublicKey) error { keyed = true; return nil }
					if c, err := gossh.Dial("tcp", addr, &mine); err == nil {
						_ = c.Close()
					}
					if !keyed {
						dropped.Add(1) // by MaxStartups
					}
				}
			}
		})
	}
	for range n {
		jobs <- struct{}{}
	}
	close(jobs)
	group.Wait()
	t.Logf("%s: %d handshakes, %d connections dropped", addr, n, dropped.Load())
	return float64(n) / time.Since(began).Seconds()
}

func BenchmarkHandshakes(b *testing.B) {
	addrs, _ := startFarm(b, 1)
	real := startSSHD(b)
	for b.Loop() {
		ours, sshd := handshakes(b, addrs[0], 400), handshakes(b, real, 400)
		b.ReportMetric(ours, "handshakes/s")
		b.ReportMetric(sshd, "sshd/s")
		b.ReportMetric(ours/sshd, "times")
	}
}

// flood opens n connections to one decky that never say anything, and asks its
// neighbour for its identification meanwhile.
func flood(t testing.TB, n int) (open, dropped int, median, worst time.Duration) {
	addrs, _ := startFarm(t, 2)
	ask := func() (time.Duration, error) {
		began := time.Now()
		c, err := net.Dial("tcp", addrs[1])
		if err != nil {
			return 0, err
		}
		defer c.Close()
		_ = c.SetDeadline(began.Add(10 * time.Second))
		_, err = c.Read(make([]byte, 64))
		return time.Since(began), err
	}
	if _, err := ask(); err != nil {
		t.Fatal(err)
	}
	var held, gone atomic.Int64
	var group sync.WaitGroup
	done := make(chan struct{})
	var conns []net.Conn
	var mu sync.Mutex
	jobs := make(chan struct{})
	for range 64 {
		group.Go(func() {
			for range jobs {
				c, err := net.Dial("tcp", addrs[0])
				if err != nil {
					gone.Add(1)
					continue
				}
				_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
				b := make([]byte, 64)
				got, err := c.Read(b)
				if err == nil && strings.HasPrefix(string(b[:got]), "SSH-2.0-") {
					held.Add(1)
					mu.Lock()
					conns = append(conns, c)
					mu.Unlock()
					continue
				}
				if string(b[:got]) != "Exceeded MaxStartups\r\n" {
					t.Errorf("a dropped connection hears %q %v", b[:got], err)
				}
				gone.Add(1)
				_ = c.Close()
			}
		})
	}
	go func() {
		for range n {
			jobs <- struct{}{}
		}
		close(jobs)
		group.Wait()
		close(done)
	}()
	var times []time.Duration
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			d, err := ask()
			if err != nil {
				t.Fatal(errors.Join(errors.New("the neighbour does not answer"), err))
			}
			times = append(times, d)
			time.Sleep(2 * time.Millisecond)
		}
	}
	for _, c := range conns {
		_ = c.Close()
	}
	slices.Sort(times)
	return int(held.Load()), int(gone.Load()), times[len(times)/2], times[len(times)*99/100]
}

func TestFloodIsDropped(t *testing.T) {
	open, dropped, median, worst := flood(t, 3000)
	t.Logf("%d held, %d dropped; the neighbour answers in %v, 99 of 100 within %v", open, dropped, median, worst)
	if open > 100 || open+dropped != 3000 || median > 50*time.Millisecond {
		t.Errorf("%d held, %d dropped, neighbour %v", open, dropped, median)
	}
}

func BenchmarkFlood(b *testing.B) {
	for b.Loop() {
		open, dropped, median, worst := flood(b, 10_000)
		b.ReportMetric(float64(open), "held")
		b.ReportMetric(float64(dropped), "dropped")
		b.ReportMetric(float64(median)/1e6, "ms")
		b.ReportMetric(float64(worst)/1e6, "ms-99th")
	}
}
