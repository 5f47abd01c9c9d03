//go:build live

package docker_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/schema"
)

// outsideWorld is what an intruder could want: a file, a listener on the wire,
// a UDP echo there, an abstract socket of the host.
func (b *bench) outsideWorld() map[string]string {
	dir := b.t.TempDir()
	// Open to everybody, so that only confinement refuses.
	b.must(os.Chmod(dir, 0o777))
	b.must(os.Chmod(filepath.Dir(dir), 0o755))
	secret := filepath.Join(dir, "secret")
	b.must(os.WriteFile(secret, []byte("x"), 0o644))
	b.must(os.Chmod(secret, 0o666))
	var tcp net.Listener
	var udp net.PacketConn
	b.must(b.lab.Do(lab.Attacker, func() (err error) {
		if tcp, err = net.Listen("tcp4", lab.AttackerIP+":0"); err != nil {
			return err
		}
		udp, err = net.ListenPacket("udp4", lab.AttackerIP+":0")
		return err
	}))
	name := "decky-test-" + strconv.Itoa(os.Getpid())
	abstract, err := net.Listen("unix", "@"+name)
	b.must(err)
	done := make(chan struct{}, 3)
	go func() {
		defer func() { done <- struct{}{} }()
		buffer := make([]byte, 16)
		for {
			n, from, err := udp.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = udp.WriteTo(buffer[:n], from)
		}
	}()
	for _, ln := range []net.Listener{tcp, abstract} {
		go func() {
			defer func() { done <- struct{}{} }()
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				_ = conn.Close()
			}
		}()
	}
	b.t.Cleanup(func() {
		for _, c := range []io.Closer{tcp, udp, abstract} {
			_ = c.Close()
		}
		for range 3 {
			<-done
		}
	})
	return map[string]string{
		"Secret": secret, "Root": dir, "Spec": secret, "Journal": dir,
		"Peer": tcp.Addr().String(), "Echo": udp.LocalAddr().String(), "Abstract": name,
	}
}

// serviceResult runs the probe as a service container and returns its report.
func (b *bench) serviceResult(world map[string]string) map[string]string {
	b.t.Helper()
	inside := map[string]string{}
	for k, v := range world {
		inside[k] = v
	}
	inside["Root"], inside["Spec"], inside["Journal"] = "/", "/spec.json", "/journal"
	want := b.wanted(1)
	b.mustApply(want[:2])
	s := schema.Service{Name: "probe", Slug: "probe", Decky: b.host(0).Name, Host: b.host(0).Host, Arguments: b.encode(inside)}
	s.Ports = []schema.Port{{Number: 22, Transport: "tcp"}}
	_, err := b.service.Create(b.t.Context(), b.owner("decky.web[0].service.probe"), b.encode(s))
	b.must(err)
	path := filepath.Join(b.env.DataDir, b.lineage, "journal", s.Decky+"-probe", "result")
	var data []byte
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if data, err = os.ReadFile(path); err == nil {
			break
		}
	}
	b.must(err)
	var result map[string]string
	b.must(json.Unmarshal(data, &result))
	return result
}

func TestServiceContainerIsConfined(t *testing.T) {
	b := newBench(t)
	world := b.outsideWorld()
	out, err := b.lab.Command(t.Context(), lab.Operator, b.env.Decky, "probe", string(b.encode(world))).Output()
	b.must(err)
	var control map[string]string
	b.must(json.Unmarshal(out, &control))
	result := b.serviceResult(world)
	permitted := map[string]bool{"own directory": true, "own spec": true}
	if len(result) < 20 || len(result) != len(control) {
		t.Errorf("%d acts were tried inside, %d outside", len(result), len(control))
	}
	for act, failure := range result {
		if control[act] != "" {
			t.Errorf("control: %s fails outside, too: %s", act, control[act])
		}
		if (failure == "") != permitted[act] {
			t.Errorf("%s inside: %q, permitted is %v", act, failure, permitted[act])
		}
		t.Logf("%-24s %s", act, failure)
	}
	b.checkProcess(b.host(0).Name + "-probe")
}

// checkProcess looks at a service's process from outside.
func (b *bench) checkProcess(name string) {
	b.t.Helper()
	pid := strconv.Itoa(b.pid(name))
	f, err := os.Open("/proc/" + pid + "/status")
	b.must(err)
	defer f.Close()
	none, user := "0000000000000000", "1899999999\t1899999999\t1899999999\t1899999999"
	want := map[string]string{
		"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none,
		"Uid": user, "Gid": user, "Groups": "", "NoNewPrivs": "1", "Seccomp": "2",
	}
	seen := 0
	for scanner := bufio.NewScanner(f); scanner.Scan(); {
		key, value, _ := strings.Cut(scanner.Text(), ":")
		expected, ok := want[key]
		if !ok {
			continue
		}
		seen++
		if value = strings.TrimSpace(value); key != "Groups" && value != expected {
			b.t.Errorf("%s is %q, want %q", key, value, expected)
		}
	}
	if seen != len(want) {
		b.t.Errorf("only %d of %d lines were found", seen, len(want))
	}
	for _, kind := range []string{"mnt", "pid", "net", "ipc", "uts", "cgroup"} {
		var ours, theirs unix.Stat_t
		b.must(unix.Stat("/proc/self/ns/"+kind, &ours))
		b.must(unix.Stat("/proc/"+pid+"/ns/"+kind, &theirs))
		if ours.Ino == theirs.Ino {
			b.t.Errorf("it shares the host's %s namespace", kind)
		}
	}
	environ, err := os.ReadFile("/proc/" + pid + "/environ")
	b.must(err)
	for _, variable := range strings.Split(strings.TrimRight(string(environ), "\x00"), "\x00") {
		key, _, _ := strings.Cut(variable, "=")
		if key != "PATH" && key != "HOSTNAME" && key != "HOME" {
			b.t.Errorf("its environment holds %q", variable)
		}
	}
}

// What an intruder may read must not name us: neither environment nor any file
// that the engine puts there.
func TestNothingOfOursShowsInTheEnginesFiles(t *testing.T) {
	b := newBench(t)
	b.mustApply(b.wanted(1))
	for _, name := range []string{b.host(0).Name, b.host(0).Name + "-ssh"} {
		root := "/proc/" + strconv.Itoa(b.pid(name)) + "/root"
		for _, path := range []string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"} {
			data, err := os.ReadFile(root + path)
			b.must(err)
			for _, word := range []string{"decnet", b.lineage, "decky"} {
				if strings.Contains(string(data), word) {
					t.Errorf("%s of %s says %q: %s", path, name, word, data)
				}
			}
		}
		found, err := b.api.ContainerInspect(t.Context(), name)
		b.must(err)
		if len(found.Config.Env) > 1 {
			t.Errorf("environment of %s: %v", name, found.Config.Env)
		}
	}
	hostname, err := os.ReadFile("/proc/" + strconv.Itoa(b.pid(b.host(0).Name)) + "/root/etc/hostname")
	b.must(err)
	if strings.TrimSpace(string(hostname)) != b.host(0).Host.Hostname {
		t.Errorf("hostname is %q", hostname)
	}
}

// A journal with events that nobody has read outlives its decky; nothing else
// does.
func TestDeleteKeepsOnlyUnreadEvents(t *testing.T) {
	b := newBench(t)
	want := b.wanted(2)
	b.mustApply(want)
	b.answers(0)
	base := filepath.Join(b.env.DataDir, b.lineage)
	unread := filepath.Join(base, "journal", b.host(0).Name+"-ssh")
	b.must(os.WriteFile(filepath.Join(unread, "000000000001.ndjson"), []byte("{}\n"), 0o600))
	b.must(os.WriteFile(filepath.Join(base, "store", b.host(0).Name+"-ssh", "kept"), nil, 0o600))
	b.clean()
	var left []string
	b.must(filepath.WalkDir(base, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			left = append(left, strings.TrimPrefix(path, base+"/"))
		}
		return err
	}))
	if len(left) != 1 || !strings.HasPrefix(left[0], "journal/") {
		t.Errorf("left after deleting all: %v, want the unread segment alone", left)
	}
	list, err := b.api.ContainerList(t.Context(), container.ListOptions{All: true})
	b.must(err)
	if len(list) != 0 {
		t.Errorf("containers are left: %v", list)
	}
}
