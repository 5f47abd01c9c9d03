package sink_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/sink"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/notification"
)

// store is Deliveries in memory.
type store struct {
	mu         sync.Mutex
	events     []*intel.Event
	tags       []intel.Tag
	deliveries map[string]intel.Delivery
}

func newStore(events int) *store {
	s := &store{deliveries: map[string]intel.Delivery{}}
	s.add(events)
	return s
}

func (s *store) add(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		e := stored(&event.Command{Line: event.Text(fmt.Sprint("command ", len(s.events)))})
		e.Seq = int64(len(s.events) + 1)
		s.events = append(s.events, e)
	}
}

func (s *store) Delivery(_ context.Context, name string) (intel.Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.deliveries[name]
	d.Sink = name
	return d, nil
}

func (s *store) SetDelivery(_ context.Context, d intel.Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries[d.Sink] = d
	return nil
}

func (s *store) After(_ context.Context, seq int64, limit int) ([]*intel.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := s.events[min(int(seq), len(s.events)):]
	return rest[:min(limit, len(rest))], nil
}

func (s *store) TagsAfter(_ context.Context, id int64, limit int) ([]intel.Tag, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := s.tags[min(int(id), len(s.tags)):]
	return rest[:min(limit, len(rest))], nil
}

func (s *store) at(name string) intel.Delivery {
	d, _ := s.Delivery(context.Background(), name)
	return d
}

// manage runs sinks over s until the test ends or stop is called.
func manage(t *testing.T, s *store, sinks ...schema.Sink) (m *sink.Manager, stop func()) {
	t.Helper()
	m = sink.New(s, slog.New(slog.DiscardHandler))
	m.SetHostnames(map[string]string{"decky.web[0]": "WEB0"})
	m.SetSinks(sinks)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return m, stop
}

func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if check() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func TestFileGetsEverythingInOrderAndGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.log")
	if err := os.WriteFile(path, []byte("torn by a crash"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStore(2500)
	s.tags = []intel.Tag{{ID: 1, Rule: "r", Technique: "T1", Decky: "decky.web[0]", Time: noon}}
	spec := schema.Sink{Name: "f", Type: "file", Path: path}
	m, stop := manage(t, s, spec)
	eventually(t, "first events", func() bool { return s.at("f").Event == 2500 && s.at("f").Tag == 1 })
	// Rotated away while it runs.
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	s.add(1)
	m.Wake()
	eventually(t, "more events", func() bool { return s.at("f").Event == 2501 })
	stop()
	s.add(1)
	_, stop = manage(t, s, spec)
	eventually(t, "events after a restart", func() bool { return s.at("f").Event == 2502 })
	stop()
	old, err := os.ReadFile(path + ".1")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(old), "\n"), "\n")
	if len(lines) != 2502 || lines[0] != "torn by a crash" {
		t.Fatalf("%d lines, the first %q", len(lines), lines[0])
	}
	next := 0
	for _, line := range lines[1:] {
		m := parse(t, line)
		if *m.MsgID == "ttp.tag" {
			continue
		}
		if want := fmt.Sprint("command ", next); params(t, m)["command"] != want || *m.Hostname != "WEB0" {
			t.Fatalf("line %q, want %q", line, want)
		}
		next++
	}
	fresh, err := os.ReadFile(path)
	if err != nil || strings.Count(string(fresh), "\n") != 2 {
		t.Errorf("after rotation: %q, %v", fresh, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestFileIsNoLinkAndNoDevice(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(secret, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, "/dev/null", dir} {
		target, err := sink.Open(schema.Sink{Name: "f", Type: "file", Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if err := target.Write(t.Context(), []string{"x"}); err == nil {
			t.Errorf("wrote to %s", path)
		}
		_ = target.Close()
	}
	if data, _ := os.ReadFile(secret); string(data) != "keep" {
		t.Errorf("the file behind the link holds %q", data)
	}
}

func TestPlainTextStaysOnThisMachine(t *testing.T) {
	tests := []struct {
		spec schema.Sink
		want string // part of the error; empty: accepted
	}{
		{schema.Sink{Type: "syslog", Address: "udp://127.0.0.1:514"}, ""},
		{schema.Sink{Type: "syslog", Address: "udp://127.0.0.1"}, ""},
		{schema.Sink{Type: "syslog", Address: "tcp://[::1]:601"}, ""},
		{schema.Sink{Type: "syslog", Address: "tcp://localhost:601"}, ""},
		{schema.Sink{Type: "syslog", Address: "unix:///dev/log"}, ""},
		{schema.Sink{Type: "file", Path: "/var/log/x"}, ""},
		{schema.Sink{Type: "syslog", Address: "udp://192.0.2.1:514"}, "loopback only"},
		{schema.Sink{Type: "syslog", Address: "tcp://0.0.0.0:514"}, "loopback only"},
		{schema.Sink{Type: "syslog", Address: "tcp://logs.example:514"}, "loopback only"},
		{schema.Sink{Type: "syslog", Address: "udp://127.0.0.1.example:514"}, "loopback only"},
		{schema.Sink{Type: "syslog", Address: "udp://127.0.0.1@192.0.2.1:514"}, "loopback only"},
		{schema.Sink{Type: "syslog", Address: "udp://[::ffff:192.0.2.1]:514"}, "loopback only"},
		{schema.Sink{Type: "syslog", Address: "tls://127.0.0.1:6514"}, "unknown scheme"},
		{schema.Sink{Type: "syslog", Address: "unix://dev/log"}, "unix:///absolute/path"},
		{schema.Sink{Type: "syslog", Address: "udp://127.0.0.1:0"}, "host:port"},
		{schema.Sink{Type: "syslog", Address: "udp://127.0.0.1:514/x"}, "host:port"},
		{schema.Sink{Type: "syslog", Address: ":"}, "syslog address"},
		{schema.Sink{Type: "file", Path: "relative"}, "not absolute"},
		{schema.Sink{Type: "kafka"}, "unknown type"},
	}
	for _, tt := range tests {
		tt.spec.Name = "s"
		_, err := sink.Open(tt.spec)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s %s: %v, want %q", tt.spec.Type, tt.spec.Address, err, tt.want)
		}
	}
}

func TestUnusableSinkIsNamedInStatus(t *testing.T) {
	m, _ := manage(t, newStore(1), schema.Sink{Name: "bad", Type: "syslog", Address: "udp://192.0.2.1:514"})
	eventually(t, "a status with the error", func() bool {
		s := m.Status()
		return len(s) == 1 && strings.Contains(s[0].Error, "loopback only")
	})
}

func TestDatagramsToUnixSocketAndUDP(t *testing.T) {
	dir, err := os.MkdirTemp("", "s") // short: a socket's path is limited
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	unix, err := net.ListenPacket("unixgram", filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	manage(t, newStore(3), schema.Sink{Name: "u", Type: "syslog", Address: "unix://" + filepath.Join(dir, "log")},
		schema.Sink{Name: "d", Type: "syslog", Address: "udp://" + udp.LocalAddr().String()})
	for _, conn := range []net.PacketConn{unix, udp} {
		for i := range 3 {
			buffer := make([]byte, 16<<10)
			if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
			n, _, err := conn.ReadFrom(buffer)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := params(t, parse(t, string(buffer[:n])))["command"], fmt.Sprint("command ", i); got != want {
				t.Errorf("%s: command %q, want %q", conn.LocalAddr().Network(), got, want)
			}
		}
	}
}

// frames reads octet-counted messages from one connection.
func frames(t *testing.T, conn net.Conn, n int) (seqs []string) {
	t.Helper()
	r := bufio.NewReader(conn)
	for range n {
		var size int
		if _, err := fmt.Fscanf(r, "%d ", &size); err != nil {
			return seqs
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(r, data); err != nil {
			return seqs
		}
		seqs = append(seqs, params(t, parse(t, string(data)))["seq"])
	}
	return seqs
}

func TestStreamThatBreaksIsTriedAgainWithoutLoss(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close() // nobody listens at first
	s := newStore(5)
	m, _ := manage(t, s, schema.Sink{Name: "t", Type: "syslog", Address: "tcp://" + address})
	eventually(t, "a status with the error", func() bool { st := m.Status(); return len(st) == 1 && st[0].Error != "" })
	if s.at("t").Event != 0 {
		t.Fatal("the cursor moved with nobody there")
	}
	if listener, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if got := frames(t, conn, 5); len(got) != 5 || got[4] != "5" {
		t.Fatalf("first connection carried %v", got)
	}
	eventually(t, "the cursor", func() bool { return s.at("t").Event == 5 })
	_ = conn.Close() // the receiver restarts
	s.add(3)
	m.Wake()
	if conn, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := frames(t, conn, 3); len(got) != 3 || got[0] != "6" || got[2] != "8" {
		t.Errorf("second connection carried %v, want 6, 7, 8", got)
	}
	eventually(t, "a status without error", func() bool { return m.Status()[0].Error == "" })
}

func TestSinksThatChangeAreReplaced(t *testing.T) {
	dir := t.TempDir()
	s := newStore(1)
	a := schema.Sink{Name: "a", Type: "file", Path: filepath.Join(dir, "a")}
	m, _ := manage(t, s, a)
	eventually(t, "a", func() bool { return s.at("a").Event == 1 })
	b := schema.Sink{Name: "b", Type: "file", Path: filepath.Join(dir, "b")}
	m.SetSinks([]schema.Sink{b})
	eventually(t, "b, from the beginning", func() bool { return s.at("b").Event == 1 })
	s.add(1)
	m.Wake()
	eventually(t, "b goes on", func() bool { return s.at("b").Event == 2 })
	if s.at("a").Event != 1 {
		t.Error("a was not stopped")
	}
}

// notifier remembers what it is told.
type notifier struct {
	mu    sync.Mutex
	sinks []schema.Sink
	got   []notification.Notification
}

func (n *notifier) SetSinks(s []schema.Sink) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sinks = s
}

func (n *notifier) Notify(v notification.Notification) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.got = append(n.got, v)
}

func (n *notifier) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.got)
}

func (s *store) tag(technique string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tags = append(s.tags, intel.Tag{
		ID: int64(len(s.tags) + 1), Event: "e", Technique: technique, Tactics: []string{"credential-access"}, Rule: "spray", AttackVersion: "19.1",
		Key: "198.51.100.7\x00root", Count: 8, Time: noon, Decky: "decky.web[0]", Source: "198.51.100.7",
	})
}

func TestDetectionsAreNewsFromNowOn(t *testing.T) {
	s := newStore(0)
	s.tag("T1")
	begin := func(n *notifier) (*sink.Manager, func()) {
		m := sink.New(s, slog.New(slog.DiscardHandler))
		m.Notifier = n
		m.SetHostnames(map[string]string{"decky.web[0]": "WEB0"})
		m.SetSinks([]schema.Sink{
			{Name: "chat", Type: "slack", URLFile: "/x"}, {Name: "f", Type: "file", Path: filepath.Join(t.TempDir(), "f")}, {Name: "status", Type: "commit_status"},
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx) }()
		return m, func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	first := &notifier{}
	m, stop := begin(first)
	eventually(t, "the beginning", func() bool { return s.at("(notifications)").Event == 1 })
	if len(first.sinks) != 1 || first.sinks[0].Name != "chat" {
		t.Errorf("the notifier has the sinks %+v", first.sinks)
	}
	s.tag("T1110.003")
	m.Wake()
	eventually(t, "the news", func() bool { return first.count() == 1 })
	want := notification.Notification{
		ID: "detection-2", Time: noon, Kind: notification.Detection, Severity: notification.Warning, Key: "spray/198.51.100.7\x00root",
		Title: "T1110.003 by 198.51.100.7 at WEB0 (decky.web[0])", Body: "The rule spray saw it in the event e.", Address: "decky.web[0]",
		Fields: map[string]string{
			"technique": "T1110.003", "tactics": "credential-access", "attack_version": "19.1", "rule": "spray", "key": "198.51.100.7 root", "count": "8",
			"source": "198.51.100.7", "event": "e", "hostname": "WEB0",
		},
	}
	if diff := cmp.Diff(want, first.got[0]); diff != "" {
		t.Error(diff)
	}
	eventually(t, "the cursor", func() bool { return s.at("(notifications)").Tag == 2 })
	stop()
	s.tag("T3") // while nobody runs
	second := &notifier{}
	_, stop = begin(second)
	eventually(t, "what came meanwhile", func() bool { return second.count() == 1 && second.got[0].ID == "detection-3" })
	stop()
}
