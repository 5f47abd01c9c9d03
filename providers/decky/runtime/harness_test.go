package runtime_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/runtime"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

const patience = 10 * time.Second

// memory is a Journal that keeps events.
type memory struct {
	mu     sync.Mutex
	events []*event.Event
	full   bool
	broken error
	closed bool
}

func (m *memory) Append(events ...*event.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return journal.ErrClosed
	case m.full:
		return journal.ErrFull
	case m.broken != nil:
		return m.broken
	}
	m.events = append(m.events, events...)
	return nil
}

func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

func (m *memory) all() []*event.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.events)
}

func bodies[B event.Body](m *memory) []B {
	var found []B
	for _, e := range m.all() {
		if b, ok := e.Body.(B); ok {
			found = append(found, b)
		}
	}
	return found
}

// await is bodies[B] once there are n of them.
func await[B event.Body](t *testing.T, m *memory, n int) []B {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if found := bodies[B](m); len(found) >= n {
			return found
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d bodies of the kind within %s, want %d; all: %v", len(bodies[B](m)), patience, n, kinds(m))
		}
	}
}

func kinds(m *memory) []string {
	var names []string
	for _, e := range m.all() {
		names = append(names, string(e.Kind()))
	}
	return names
}

// words is a service that obeys the lines it is sent.
type words struct {
	env decky.Env
}

type noConfig struct {
	Fail bool `json:"fail" doc:"Refuses to open."`
}

var catalogue = []decky.Service{decky.Define(decky.Info{Slug: "words"}, func(c noConfig, env decky.Env) (decky.Handler, error) {
	if c.Fail {
		return nil, errors.New("told to fail")
	}
	return &words{env: env}, nil
})}

func (w *words) Flush() error { return w.env.Store.Save("flushed", []byte("yes")) }

func (w *words) ServeConn(ctx context.Context, c decky.Conn) error {
	in := bufio.NewReaderSize(c, 1<<16)
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line = strings.TrimSpace(line)
		if err := c.Record(&event.Query{Verb: "LINE", Statement: event.Text(line)}); err != nil {
			return err
		}
		switch line {
		case "panic":
			panic("as told")
		case "bye":
			return nil
		case "reset":
			c.ResetOnClose()
			return nil
		case "deaf":
			<-ctx.Done()
			time.Sleep(time.Hour)
		case "soon":
			if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
				return err
			}
		case "services":
			var names []string
			for _, l := range w.env.Services() {
				names = append(names, fmt.Sprint(l.Name, l.Program, l.Ports))
			}
			fmt.Fprintln(c, strings.Join(names, " "))
			continue
		case "port":
			fmt.Fprintf(c, "%d\n", c.Port().Number)
			continue
		case "big":
			if err := c.Record(&event.Query{Verb: "BIG", Statement: event.Text(strings.Repeat("\x01", 200<<10))}); err != nil {
				return err
			}
		}
		if _, err := io.WriteString(c, "ok "+line+"\n"); err != nil {
			return err
		}
	}
}

type fixture struct {
	*runtime.Runtime
	t       *testing.T
	journal *memory
	addr    string
	store   string
}

func spec(t *testing.T, limits decky.Limits) decky.Spec {
	dir := t.TempDir()
	return decky.Spec{Host: servicetest.Host(), Journal: dir + "/journal", Store: dir + "/store", Limits: limits}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

var wordsSpec = decky.ServiceSpec{Name: "words", Slug: "words", Ports: []decky.Port{{Number: 1234, Transport: "tcp"}}}

// serve runs the words service under limits.
func serve(t *testing.T, limits decky.Limits) *fixture {
	t.Helper()
	f := &fixture{t: t, journal: &memory{}}
	f.Runtime = runtime.New(runtime.Options{
		Log: slog.New(slog.DiscardHandler), Catalogue: catalogue,
		OpenJournal: func(string, int64) (runtime.Journal, error) { return f.journal, nil },
	})
	l := listen(t)
	f.addr = l.Addr().String()
	s := spec(t, limits)
	f.store = s.Store
	if err := f.AddService(s, wordsSpec, []net.Listener{l}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := f.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

type client struct {
	*net.TCPConn
	t  *testing.T
	in *bufio.Reader
}

func (f *fixture) dial() *client {
	f.t.Helper()
	c, err := net.Dial("tcp", f.addr)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		f.t.Fatal(err)
	}
	return &client{c.(*net.TCPConn), f.t, bufio.NewReader(c)}
}

func (c *client) say(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		c.t.Fatalf("say %q: %v", line, err)
	}
}

func (c *client) hear(want string) {
	c.t.Helper()
	got, err := c.in.ReadString('\n')
	if err != nil || got != want+"\n" {
		c.t.Fatalf("heard %q, %v; want %q", got, err, want)
	}
}

// end is the error that reading ends with; io.EOF for a FIN.
func (c *client) end() error {
	_, err := c.in.ReadByte()
	return err
}
