package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/decnet/decnet/providers"
)

func TestSocketLine(t *testing.T) {
	for line, want := range map[string]string{
		"   0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0": "tcp  127.0.0.1:22           0.0.0.0:0              listening    uid=0\n",
		"   1: 0A004D0A:01BB 0200000A:D431 01 00000000:00000000 00:00000000 00000000  1000        0 1":                  "tcp  10.77.0.10:443         10.0.0.2:54321         established  uid=1000\n",
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode":              "",
		"":                                       "",
		"   0: 01:0016 00000000:0000 0A a b c 0": "",
	} {
		got, ok := socketLine("tcp", line)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	six := "   0: B80D0120000000000000000001000000:0050 00000000000000000000000000000000:0000 0A a b c 7"
	if got, ok := socketLine("tcp6", six); !ok || !strings.Contains(got, "[2001:db8::1]:80") {
		t.Errorf("%q", got)
	}
}

func FuzzSocketLine(f *testing.F) {
	f.Add("   0: 0100007F:0016 00000000:0000 0A 0 0 0 0")
	f.Add("0: 00000000000000000000000001000000:0050 :0 0A a b c 7")
	f.Fuzz(func(t *testing.T, line string) {
		if got, ok := socketLine("tcp", line); ok && (strings.Count(got, "\n") != 1 || len(got) > 2*maxEventField+200) {
			t.Errorf("%q gives %q", line, got)
		}
	})
}

// store makes a directory as an intruder may leave it.
func store(t *testing.T) (dir, secret string) {
	t.Helper()
	outside := t.TempDir()
	secret = filepath.Join(outside, "secret")
	put(t, outside, "secret", "the host's secret")
	dir = t.TempDir()
	put(t, dir, "old", "old words")
	if err := os.Chtimes(filepath.Join(dir, "old"), time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "home/user"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "home/user/tool.sh", "#!/bin/sh\n")
	put(t, dir, "evil\n\x1b[2Jname", "x")
	for name, target := range map[string]string{"link": secret, "up": "../../../../../../" + secret, "all": outside} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, secret
}

func TestAStoreIsReadWithoutFollowingItsLinks(t *testing.T) {
	dir, secret := store(t)
	text, truncated, err := listing(t.Context(), dir)
	if err != nil || truncated {
		t.Fatalf("listing: %v, %v", truncated, err)
	}
	for _, want := range []string{"home/user/tool.sh", `evil\n\x1b[2Jname`, "pipe", "link"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the listing lacks %q: %s", want, text)
		}
	}
	if strings.Contains(string(text), "\x1b") || strings.Count(string(text), "\n") != 9 {
		t.Errorf("the listing is not one line an entry: %q", text)
	}
	var names []string
	err = keepFiles(t.Context(), dir, "files/store/", func(x providers.Exhibit) error {
		names = append(names, x.Name)
		if strings.Contains(string(x.Data), "secret") {
			t.Errorf("%s leads to %s", x.Name, secret)
		}
		return nil
	})
	if err != nil || len(names) != 3 || names[2] != "files/store/old" || !slices.Contains(names, "files/store/home/user/tool.sh") {
		t.Errorf("kept %q, %v", names, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, _, err := readRegular(root, "pipe", 10); err == nil {
		t.Error("a pipe is read")
	}
	if _, _, err := readRegular(root, "link", 10); err == nil {
		t.Error("a link out of the store is followed")
	}
	if data, truncated, err := readRegular(root, "old", 3); err != nil || !truncated || string(data) != "old" {
		t.Errorf("%q, %v, %v", data, truncated, err)
	}
}

func TestReadingAStoreIsBounded(t *testing.T) {
	dir := t.TempDir()
	for i := range maxListed + 100 {
		put(t, dir, fmt.Sprintf("f%04d", i), strings.Repeat("x", 100))
	}
	put(t, dir, "large", strings.Repeat("y", keptFile+1))
	text, truncated, err := listing(t.Context(), dir)
	if err != nil || !truncated || strings.Count(string(text), "\n") > maxListed {
		t.Errorf("%d lines, %v, %v", strings.Count(string(text), "\n"), truncated, err)
	}
	count := 0
	if err := keepFiles(t.Context(), dir, "", func(providers.Exhibit) error { count++; return nil }); err != nil || count != keptFiles {
		t.Errorf("%d files, %v", count, err)
	}
	enough := errors.New("enough")
	if err := keepFiles(t.Context(), dir, "", func(providers.Exhibit) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("keep's error is lost: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := keepFiles(ended, dir, "", func(providers.Exhibit) error { t.Error("kept"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	for _, missing := range []string{filepath.Join(dir, "nothing"), filepath.Join(dir, "f0000")} {
		if text, _, err := listing(t.Context(), missing); err != nil || text != nil {
			t.Errorf("listing of %s: %q, %v", missing, text, err)
		}
	}
}

func TestJournalTailIsOfWholeLines(t *testing.T) {
	dir := t.TempDir()
	if text, _, err := journalTail(t.Context(), dir); err != nil || text != nil {
		t.Errorf("of nothing: %q, %v", text, err)
	}
	put(t, dir, "000000000001.ndjson", "{\"old\":1}\n")
	put(t, dir, "000000000002.ndjson", strings.Repeat("{\"n\":1}\n", journalBytes/4))
	text, truncated, err := journalTail(t.Context(), dir)
	if err != nil || !truncated || len(text) > journalBytes || !strings.HasPrefix(string(text), "{\"n\"") || !strings.HasSuffix(string(text), "}\n") {
		t.Errorf("%d bytes, %v, %v", len(text), truncated, err)
	}
	if err := os.Symlink("/proc/version", filepath.Join(dir, "000000000009.ndjson")); err != nil {
		t.Fatal(err)
	}
	if again, _, err := journalTail(t.Context(), dir); err != nil || len(again) != len(text) {
		t.Errorf("a link for a segment gives %d bytes, %v", len(again), err)
	}
}

// What is slow takes no time from the rest, and what is there in time is kept.
func TestGatherKeepsWhatIsInTime(t *testing.T) {
	quick := func(text string) source {
		return source{text, "", func(context.Context) ([]byte, bool, error) { return []byte(text), false, nil }}
	}
	slow := source{"slow", "", func(ctx context.Context) ([]byte, bool, error) {
		<-ctx.Done()
		return nil, false, ctx.Err()
	}}
	broken := source{"broken", "", func(context.Context) ([]byte, bool, error) { return []byte("half"), true, errors.New("torn") }}
	large := source{"large", "", func(context.Context) ([]byte, bool, error) {
		return make([]byte, providers.MaxExhibit+1), false, nil
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var kept []string
	begun := time.Now()
	err := gather(ctx, []source{quick("a"), slow, broken, quick(""), large, quick("b")}, func(x providers.Exhibit) error {
		if len(x.Data) > providers.MaxExhibit || x.Name == "large" && !x.Truncated {
			t.Errorf("%s has %d bytes, truncated %v", x.Name, len(x.Data), x.Truncated)
		}
		kept = append(kept, x.Name)
		return nil
	})
	slices.Sort(kept)
	if !slices.Equal(kept, []string{"a", "b", "broken", "large"}) || time.Since(begun) > time.Second {
		t.Errorf("kept %v after %v", kept, time.Since(begun))
	}
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "slow") || !strings.Contains(err.Error(), "torn") {
		t.Errorf("missing: %v", err)
	}
	enough := errors.New("enough")
	if err := gather(t.Context(), []source{quick("a"), slow}, func(providers.Exhibit) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("keep's error is lost: %v", err)
	}
}

// This process stands for a container's.
func TestATaskLineTellsWhatRuns(t *testing.T) {
	line := taskLine(os.Getpid(), strings.Repeat("a", 64))
	for _, want := range []string{fmt.Sprintf("pid=%d ", os.Getpid()), fmt.Sprintf("uid=%d", os.Getuid()), `container="aaaaaaaaaaaa"`, "docker.test"} {
		if !strings.Contains(line, want) {
			t.Errorf("%q lacks %q", line, want)
		}
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	data, err := readUpTo("/proc/self/net/tcp", 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for line := range strings.Lines(string(data)) {
		text, ok := socketLine("tcp", line)
		found = found || ok && strings.Contains(text, ln.Addr().String()+" ") && strings.Contains(text, "listening")
	}
	if !found {
		t.Errorf("the listener at %s is not found", ln.Addr())
	}
	k := kernel{}
	life := k.life(os.Getpid())
	if life == "" || life != k.life(os.Getpid()) || k.life(1<<30) != "" || strings.Count(life, ".") != 2 || strings.HasSuffix(life, ".") {
		t.Errorf("life %q", life)
	}
}

func TestAnIncarnationIsAnotherAfterEachStart(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	steps := story(t, driverMacvlan)
	for _, s := range steps {
		state, err := resourceOf(p, s.kind).Create(t.Context(), s.owner(), s.config)
		if err != nil {
			t.Fatal(err)
		}
		made, err := providers.Incarnation(resourceOf(p, s.kind), state)
		if err != nil {
			t.Fatal(err)
		}
		found, err := resourceOf(p, s.kind).List(t.Context(), lineage)
		if err != nil || len(found) != 1 {
			t.Fatalf("list: %v", err)
		}
		seen, err := providers.Incarnation(resourceOf(p, s.kind), found[0].State)
		if err != nil || seen != made || (made == "") != (s.kind == providers.TypeNetwork) {
			t.Errorf("%s: created as %q, seen as %q, %v", s.address, made, seen, err)
		}
	}
	r := resourceOf(p, providers.TypeService)
	life := func() string {
		found, err := r.List(t.Context(), lineage)
		if err != nil || len(found) != 1 {
			t.Fatalf("list: %v", err)
		}
		if changes, err := r.Diff(steps[2].config, found[0].State); err != nil || len(changes) > 0 {
			t.Errorf("a new life is a difference: %v, %v", changes, err)
		}
		name, err := providers.Incarnation(r, found[0].State)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	first := life()
	f.mu.Lock()
	f.named("quickstart-web-0-ssh-second-one").starts++ // by its restart policy
	f.mu.Unlock()
	if again := life(); again == first || again == "" {
		t.Errorf("first %q, then %q", first, again)
	}
}

func TestSettingsDiff(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*container.HostConfig)
		want   []string
	}{
		"same":         {func(*container.HostConfig) {}, nil},
		"policy":       {func(h *container.HostConfig) { h.RestartPolicy.Name = "no" }, []string{"restart"}},
		"retries":      {func(h *container.HostConfig) { h.RestartPolicy.MaximumRetryCount = 3 }, []string{"restart"}},
		"memory":       {func(h *container.HostConfig) { h.Memory, h.MemorySwap = 1, 2 }, []string{"limit.memory", "limit.swap"}},
		"pids":         {func(h *container.HostConfig) { *h.PidsLimit = -1 }, []string{"limit.pids"}},
		"no pids":      {func(h *container.HostConfig) { h.PidsLimit = nil }, []string{"limit.pids"}},
		"cpus":         {func(h *container.HostConfig) { h.NanoCPUs, h.CpusetCpus = 1, "0" }, []string{"limit.share"}},
		"quota lifted": {func(h *container.HostConfig) { h.CPUQuota = -1 }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := confined(serviceMemory, servicePids)
			test.change(h)
			var paths []string
			for _, c := range settingsOf(h).diff(wantedSettings(providers.TypeService), true) {
				paths = append(paths, c.Path)
				if c.Replace != (c.Path == "limit.share") {
					t.Errorf("%+v", c)
				}
			}
			if !slices.Equal(paths, test.want) {
				t.Errorf("%v, want %v", paths, test.want)
			}
		})
	}
	if changes := (Settings{}).diff(wantedSettings(providers.TypeService), true); changes != nil {
		t.Errorf("a state that knows none: %v", changes)
	}
}

func TestAQuarantineIsRememberedUntilAReplacement(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	steps := story(t, driverMacvlan)
	if err := converge(p, steps); err != nil {
		t.Fatal(err)
	}
	decky := resourceOf(p, providers.TypeDecky)
	look := func() (bool, json.RawMessage) {
		t.Helper()
		found, err := decky.List(t.Context(), lineage)
		if err != nil || len(found) != 1 {
			t.Fatalf("list: %v", err)
		}
		cut, err := providers.Quarantined(decky, found[0].State)
		if err != nil {
			t.Fatal(err)
		}
		if changes, err := decky.Diff(steps[1].config, found[0].State); cut && (err != nil || len(changes) > 0) {
			t.Errorf("a quarantine is a difference: %v, %v", changes, err)
		}
		return cut, found[0].State
	}
	cut, have := look()
	if cut || !decky.Spec().Quarantines {
		t.Fatalf("before: %v", cut)
	}
	if _, err := providers.Quarantine(t.Context(), decky, steps[1].owner(), have); err != nil {
		t.Fatal(err)
	}
	if cut, _ = look(); !cut {
		t.Fatal("it is not quarantined")
	}
	base := f.named("quickstart-web-0")
	f.mu.Lock()
	base.severed = false // by a restart
	f.mu.Unlock()
	if cut, have = look(); cut {
		t.Fatal("it is taken for cut off while packets pass")
	}
	if _, err := providers.Quarantine(t.Context(), decky, steps[1].owner(), have); err != nil {
		t.Fatal(err)
	}
	if cut, have = look(); !cut {
		t.Fatal("it is not quarantined again")
	}
	if err := decky.Delete(t.Context(), have); err != nil {
		t.Fatal(err)
	}
	if err := converge(p, steps[:2]); err != nil {
		t.Fatal(err)
	}
	if cut, _ = look(); cut || p.marked(lineage, "quickstart-web-0") {
		t.Error("the replacement is quarantined")
	}
}
