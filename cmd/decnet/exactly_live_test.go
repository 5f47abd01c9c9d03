//go:build live

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/schema/event"
)

// interactions is how many answers real clients get, half over HTTP and half of
// Redis; parts is in how many client processes.
const (
	interactions = 10_000
	parts        = 50
)

// killEvery is how often a serving process is killed, and pause what clients
// wait between their parts. An engine waits ever longer before it restarts a
// container that ran for less than ten seconds, and the kills alternate
// between two.
var (
	killEvery = map[string]time.Duration{providers.RuntimeNative: 150 * time.Millisecond, providers.RuntimeDocker: 5500 * time.Millisecond}
	pause     = map[string]time.Duration{providers.RuntimeDocker: 500 * time.Millisecond}
)

// TestLiveExactlyOnce has real clients ask until 10,000 questions are answered,
// while the collector and the processes that serve the deckies are killed again
// and again: every question that was answered is in the database exactly once.
func TestLiveExactlyOnce(t *testing.T) {
	for _, runtime := range runtimes {
		t.Run(runtime, func(t *testing.T) {
			s := newStage(t, runtime, quickstart(t))
			s.must("apply", "--auto-approve")
			web, database := s.output("web_ip"), s.output("database_ip")
			ctx, cancel := context.WithCancel(t.Context())
			var killers sync.WaitGroup
			counts := [2]int{}
			killers.Go(func() { counts[0] = s.intelUntil(ctx) })
			killers.Go(func() { counts[1] = s.killWorkers(ctx, killEvery[runtime]) })
			answers := make([]map[string]bool, 2)
			var clients sync.WaitGroup
			for n, client := range []func(from, to int) []string{
				func(from, to int) []string { return s.curl(web, from, to) },
				func(from, to int) []string { return s.echo(database, from, to) },
			} {
				answers[n] = map[string]bool{}
				clients.Go(func() {
					const each = interactions / 2 / parts
					for part := 0; part < 4*parts && len(answers[n]) < interactions/2; part++ {
						for _, got := range client(part*each, (part+1)*each) {
							answers[n][got] = true
						}
						time.Sleep(pause[runtime])
					}
				})
			}
			clients.Wait()
			cancel()
			killers.Wait()
			answered := answers[0]
			maps.Copy(answered, answers[1])
			t.Logf("%d questions were answered; the collector was killed %d times, serving processes %d times", len(answered), counts[0], counts[1])
			if len(answered) < interactions || counts[0] < 4 || counts[1] < 4 {
				t.Errorf("too few answers or kills for the test to mean anything")
			}
			stop := s.intel()
			s.exactlyOnce(answered)
			stop()
			s.must("destroy", "--auto-approve")
		})
	}
}

// curl asks for pages and returns those that were answered whole.
func (s *stage) curl(host string, from, to int) []string {
	out := s.attack("curl", "-s", "--max-time", "60", "-o", os.DevNull, "-w", "%{http_code} %{url_effective}\n", fmt.Sprintf("http://%s/n/[%d-%d]", host, from, to-1))
	var answered []string
	for line := range strings.Lines(out) {
		code, url, _ := strings.Cut(strings.TrimSpace(line), " ")
		if at := strings.Index(url, "/n/"); code == "404" && at > 0 {
			answered = append(answered, url[at:])
		}
	}
	return answered
}

// echo has redis-cli send ECHO commands and returns those that came back.
func (s *stage) echo(host string, from, to int) []string {
	var in bytes.Buffer
	for i := from; i < to; i++ {
		fmt.Fprintf(&in, "ECHO message-%d\n", i)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := s.command(ctx, lab.Attacker, "redis-cli", "-h", host)
	cmd.Stdin = &in
	out, _ := cmd.Output()
	var answered []string
	for line := range strings.Lines(string(out)) {
		if line = strings.Trim(strings.TrimSpace(line), `"`); strings.HasPrefix(line, "message-") {
			answered = append(answered, line)
		}
	}
	return answered
}

// intelUntil runs the collector and kills it about every 250 ms.
func (s *stage) intelUntil(ctx context.Context) (killed int) {
	for ctx.Err() == nil {
		cmd := s.decnet(s.t.Context(), "intel", "--listen", "-")
		if err := cmd.Start(); err != nil {
			s.t.Error(err)
			return killed
		}
		select {
		case <-ctx.Done():
		case <-time.After(250 * time.Millisecond):
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		killed++
	}
	return killed
}

// killWorkers kills a serving process at an interval.
func (s *stage) killWorkers(ctx context.Context, interval time.Duration) (killed int) {
	namespaces := s.namespaces()
	for n := 0; ctx.Err() == nil; n++ {
		select {
		case <-ctx.Done():
			return killed
		case <-time.After(interval):
		}
		pids := s.workers(namespaces)
		if len(pids) == 0 {
			continue
		}
		if syscall.Kill(pids[n%len(pids)], syscall.SIGKILL) == nil {
			killed++
		}
	}
	return killed
}

// workers are the processes of this lab that speak to attackers.
func (s *stage) workers(namespaces map[string]bool) []int {
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		s.t.Error(err)
		return nil
	}
	var pids []int
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		argv := strings.Split(string(data), "\x00")
		if len(argv) < 3 || argv[1] != "serve" || argv[2] != "--worker" && argv[2] != "--spec" {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(name, "/proc/%d/cmdline", &pid); err == nil && s.owns(pid, namespaces) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// owns tells whether a process descends from this lab's runtime: by the program
// it runs (native) or by its network namespace (docker).
func (s *stage) owns(pid int, namespaces map[string]bool) bool {
	if s.runtime == providers.RuntimeNative {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		return err == nil && strings.HasPrefix(exe, s.bin)
	}
	ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	return err == nil && namespaces[ns]
}

// namespaces are the network namespaces of the attacked deckies on Docker.
func (s *stage) namespaces() map[string]bool {
	all := map[string]bool{}
	if s.runtime == providers.RuntimeDocker {
		for _, decky := range []string{"decky.web", "decky.database"} {
			if ns, err := os.Readlink(s.namespace(decky)); err == nil {
				all[ns] = true
			}
		}
	}
	return all
}

// exactlyOnce waits for the collector to catch up and counts.
func (s *stage) exactlyOnce(answered map[string]bool) {
	s.t.Helper()
	var times map[asked]int
	var missing, twice []string
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(time.Second) {
		times = s.recorded()
		missing = nil
		have := map[string]bool{}
		for a := range times {
			have[a.what] = true
		}
		for what := range answered {
			if !have[what] {
				missing = append(missing, what)
			}
		}
		if len(missing) == 0 {
			break
		}
	}
	for a, n := range times {
		if n > 1 {
			twice = append(twice, a.what)
		}
	}
	if len(missing) > 0 || len(twice) > 0 {
		s.t.Errorf("of %d answered questions %d are missing (%.5v), %d stand twice or more (%.5v)", len(answered), len(missing), missing, len(twice), twice)
	}
	s.t.Logf("%d recorded, each answered one exactly once", len(times))
}

// asked is one question on one connection. Both clients repeat a question on a
// new connection when the old one died before the answer: that is another
// question.
type asked struct{ what, session string }

// recorded counts requests by path and echoes by message.
func (s *stage) recorded() map[asked]int {
	s.t.Helper()
	times := map[asked]int{}
	for _, kind := range []string{"request", "query"} {
		for offset := 0; ; offset += intel.MaxLimit {
			stdout, stderr, code := s.try("events", "--json", "--ascending", "--kind", kind, "--limit", fmt.Sprint(intel.MaxLimit), "--offset", fmt.Sprint(offset))
			if code != 0 {
				s.t.Logf("decnet events: %s", stderr)
				return times
			}
			var page []intel.Event
			if err := json.Unmarshal([]byte(stdout), &page); err != nil {
				s.t.Fatal(err)
			}
			for _, e := range page {
				switch body := e.Body.(type) {
				case *event.Request:
					times[asked{string(body.Target), e.Session}]++
				case *event.Query:
					if len(body.Args) > 0 {
						times[asked{string(body.Args[0]), e.Session}]++
					}
				}
			}
			if len(page) < intel.MaxLimit {
				break
			}
		}
	}
	return times
}
