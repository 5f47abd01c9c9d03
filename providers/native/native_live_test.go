//go:build live

package native_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/record"
	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/providers/link/namespace"
	"github.com/decnet/decnet/providers/native"
	"github.com/decnet/decnet/schema"
)

// TestMain runs the tests on the operator's side of a lab of their own: nothing
// that they make touches a real interface.
func TestMain(m *testing.M) {
	if os.Getenv("DECNET_LAB") != "" {
		os.Exit(m.Run())
	}
	os.Exit(inLab())
}

func inLab() int {
	ctx := context.Background()
	l, err := lab.Up(ctx, "native"+strconv.Itoa(os.Getpid()), lab.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	before := leftovers(l.Name)
	cmd := l.Command(ctx, lab.Operator, os.Args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	runErr := cmd.Run()
	after := leftovers(l.Name)
	if err := l.Down(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if runErr != nil {
		return 1
	}
	if before != after {
		fmt.Fprintf(os.Stderr, "left over: before\n%safter\n%s", before, after)
		return 1
	}
	return 0
}

// leftovers describes what is mounted for a lab.
func leftovers(name string) string {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err.Error()
	}
	var pins []string
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, name) {
			pins = append(pins, strings.Fields(line)[4]+"\n")
		}
	}
	return strings.Join(pins, "")
}

const (
	lineage = "lin"
	subnet  = lab.Subnet
)

// world is a provider in the lab.
type world struct {
	env       providers.Env
	lab       *lab.Lab
	deckies   providers.Resource
	services  providers.Resource
	preflight func([]providers.Planned) []providers.Finding
	probe     func() []providers.Finding
}

func newWorld(t testing.TB) *world {
	t.Helper()
	l, err := lab.Open(os.Getenv("DECNET_LAB"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(l.Dir, "w")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{lab: l, env: providers.Env{
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
		DataDir: filepath.Join(dir, "data"), RunDir: filepath.Join(dir, "run"),
		Derive: func(label string) ([]byte, error) {
			mac := hmac.New(sha256.New, []byte("secret"))
			mac.Write([]byte(label))
			return mac.Sum(nil), nil
		},
	}}
	w.env.Decky, w.env.DeckyDigest = binary(t, dir)
	w.open(t)
	t.Cleanup(func() { w.nothingLeft(t) })
	return w
}

// binary is the stand-in for the real one, built once for all tests, in the
// lab's directory.
func binary(t testing.TB, dir string) (path, digest string) {
	t.Helper()
	built.Do(func() {
		built.path = filepath.Join(dir, "decky")
		build := exec.Command("go", "build", "-o", built.path, "../decky/supervise/testdata/decky")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build the stand-in: %w\n%s", err, out)
			return
		}
		built.digest = digestOf(t, built.path)
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path, built.digest
}

func digestOf(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// book is the lineage's, as another process has it.
func (w *world) book() *record.Book {
	return supervise.NewDirs(lineage, w.env.DataDir, w.env.RunDir).Book()
}

var built struct {
	sync.Once
	path, digest string
	err          error
}

// open is a fresh provider, as a new run of decnet has.
func (w *world) open(t testing.TB) {
	p := native.New(w.env)
	w.deckies, w.services = p.Resources()[0], p.Resources()[1]
	w.preflight = func(planned []providers.Planned) []providers.Finding {
		return p.(providers.Preflighter).Preflight(context.Background(), planned)
	}
	w.probe = func() []providers.Finding { return p.(providers.Prober).Probe(context.Background()) }
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (w *world) netns(name string) string { return filepath.Join(w.env.RunDir, lineage, "netns", name) }

// nothingLeft fails the test where it left an object, a process, a mount or a
// file of the provider behind.
func (w *world) nothingLeft(t testing.TB) {
	for _, dir := range []string{w.env.RunDir, w.env.DataDir} {
		_ = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				data, _ := os.ReadFile(path)
				t.Fatalf("left over: %s\n%.2000s", path, data)
			}
			return nil
		})
	}
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), w.env.RunDir) {
		t.Errorf("a mount is left over (%v)", err)
	}
	links, err := link.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer links.Close()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) { // the kernel removes links in the background
		all, err := links.Dump()
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 2 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("links left over: %+v", all)
			return
		}
	}
}

func network(driver string) schema.Network {
	n := schema.Network{Name: "t-office", Driver: driver, Parent: lab.OperatorLink, Subnet: subnet, Gateway: lab.OperatorIP, Pool: "10.77.0.100-10.77.0.199"}
	if driver == link.DriverBridge {
		n.Parent, n.Subnet, n.Gateway = "", "10.78.0.0/24", "10.78.0.1"
	}
	return n
}

func deckyConfig(n int, net schema.Network) schema.Decky {
	name := "t-d" + strconv.Itoa(n)
	base := strings.Join(strings.Split(net.Subnet, ".")[:2], ".") // the first 100 stand in the lab's /24
	return schema.Decky{Name: name, Network: net, Personality: "linux", Host: schema.Host{
		Address: "decky.d" + strconv.Itoa(n), Hostname: "SRV-" + strconv.Itoa(n), OS: "linux", Distro: "debian",
		IP: fmt.Sprintf("%s.%d.%d", base, n/100, 100+n%100), MAC: fmt.Sprintf("02:00:5E:10:%02X:%02X", n/256, n%256),
	}}
}

func serviceConfig(d schema.Decky, service string, port uint16) schema.Service {
	return schema.Service{Name: service, Slug: "echo", Decky: d.Name, Host: d.Host, Ports: []schema.Port{{Number: port, Transport: "tcp"}}, Arguments: json.RawMessage(`{"a":1}`)}
}

func encode(t testing.TB, v any) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func owner(address string) providers.Owner {
	return providers.Owner{Lineage: lineage, Address: address, Digest: "digest"}
}

// make creates an object and deletes it after the test.
func create(t testing.TB, r providers.Resource, address string, config any) json.RawMessage {
	t.Helper()
	state, err := r.Create(context.Background(), owner(address), encode(t, config))
	if err != nil {
		t.Fatalf("create %s: %v", address, err)
	}
	t.Cleanup(func() {
		if err := r.Delete(context.Background(), state); err != nil {
			t.Errorf("delete %s: %v", address, err)
		}
	})
	return state
}

// say speaks to a decky from the attacker's side of the wire.
func (w *world) say(ip string, port int, line string) (string, error) {
	return exchange(func() (conn net.Conn, err error) {
		err = w.lab.Do(lab.Attacker, func() (err error) {
			conn, err = net.DialTimeout("tcp4", ip+":"+strconv.Itoa(port), 3*time.Second)
			return err
		})
		return conn, err
	}, line)
}

// exchange says a line and returns the answer.
func exchange(dial func() (net.Conn, error), line string) (string, error) {
	conn, err := dial()
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	fmt.Fprintln(conn, line)
	answer, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(answer), err
}

func (w *world) inside(t testing.TB, name string, fn func() error) {
	t.Helper()
	if err := namespace.Do(w.netns(name), fn); err != nil {
		t.Fatal(err)
	}
}

// diff lists the paths in which the live object differs.
func diff(t testing.TB, r providers.Resource, config any, state json.RawMessage) []providers.Change {
	t.Helper()
	now, err := r.Read(context.Background(), state)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := r.Diff(encode(t, config), now)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func TestAnAttackerMeetsADecky(t *testing.T) {
	w := newWorld(t)
	d := deckyConfig(1, network(link.DriverMacvlan))
	s := serviceConfig(d, "ssh", 22)
	deckyState := create(t, w.deckies, "decky.d1", d)
	serviceState := create(t, w.services, "decky.d1.service.ssh", s)
	if answer, err := w.say(d.Host.IP, 22, "hello"); err != nil || answer != `decky.d1 ssh {"a":1}` {
		t.Fatalf("the decky says %q, %v", answer, err)
	}
	if _, err := w.say(d.Host.IP, 23, "hello"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a closed port: %v, want a refusal at once", err)
	}
	for what, changes := range map[string][]providers.Change{"decky": diff(t, w.deckies, d, deckyState), "service": diff(t, w.services, s, serviceState)} {
		if len(changes) > 0 {
			t.Errorf("%s differs after create: %+v", what, changes)
		}
	}
	w.inside(t, d.Name, func() error {
		conn, err := net.DialTimeout("tcp4", lab.AttackerIP+":9", 300*time.Millisecond)
		if err == nil {
			conn.Close()
		}
		var netErr net.Error
		if !errors.As(err, &netErr) || !netErr.Timeout() { // without the rules: refused at once
			t.Errorf("a connection out of the decky: %v, want silence", err)
		}
		return nil
	})
	if out, err := exec.Command("ip", "-all", "netns").CombinedOutput(); err != nil {
		t.Fatalf("ip (apt-get install iproute2): %v %s", err, out)
	}
}

func TestBridgeNetworkCarriesADecky(t *testing.T) {
	w := newWorld(t)
	n := network(link.DriverBridge)
	links, err := link.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer links.Close()
	bridge := link.BridgeName(lineage, n.Name)
	if err := links.CreateBridge(bridge, link.Alias(lineage, "network.office")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		links, err := link.Open()
		if err == nil {
			defer links.Close()
			err = links.Delete(bridge, lineage)
		}
		if err != nil {
			t.Error(err)
		}
	})
	if err := links.OnlyAddress(bridge, n.Gateway+"/24"); err != nil {
		t.Fatal(err)
	}
	d := deckyConfig(1, n)
	state := create(t, w.deckies, "decky.d1", d)
	s := serviceConfig(d, "ssh", 22)
	create(t, w.services, "decky.d1.service.ssh", s)
	if changes := diff(t, w.deckies, d, state); len(changes) > 0 {
		t.Errorf("after create: %+v", changes)
	}
	conn, err := net.DialTimeout("tcp4", d.Host.IP+":22", 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	veth, ok, err := links.Find(link.VethName(lineage, d.Name))
	if err != nil || !ok || veth.Alias != link.Alias(lineage, "decky.d1") {
		t.Errorf("the host's side is %+v, %v, %v", veth, ok, err)
	}
}

func TestUnsupportedDriverIsAClearError(t *testing.T) {
	w := newWorld(t)
	d := deckyConfig(1, network(link.DriverIPvlan))
	state, err := w.deckies.Create(t.Context(), owner("decky.d1"), encode(t, d))
	var unsupported *link.UnsupportedError
	if err == nil {
		t.Log("this kernel has ipvlan")
	} else if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "modprobe ipvlan") {
		t.Errorf("create: %v", err)
	}
	if err := w.deckies.Delete(t.Context(), state); err != nil {
		t.Error(err)
	}
}

func TestTwoAddressesCannotShareAName(t *testing.T) {
	w := newWorld(t)
	d := deckyConfig(1, network(link.DriverMacvlan))
	create(t, w.deckies, "decky.d1", d)
	if _, err := w.deckies.Create(t.Context(), owner("decky.other"), encode(t, d)); err == nil || !strings.Contains(err.Error(), "decky.d1") {
		t.Errorf("create over another's: %v", err)
	}
	d.Name = "../../etc/cron.d/x"
	if _, err := w.deckies.Create(t.Context(), owner("decky.evil"), encode(t, d)); err == nil {
		t.Error("a name with slashes was taken")
	}
}
