package runtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/runtime"
	"github.com/decnet/decnet/schema/event"
)

func TestSessionIsRecordedInOrder(t *testing.T) {
	f := serve(t, decky.Limits{})
	c := f.dial()
	c.say("one")
	c.hear("ok one")
	c.say("port")
	c.hear("1234")
	c.say("bye")
	if err := c.end(); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v, want a FIN", err)
	}
	await[*event.ConnectionClosed](t, f.journal, 1)
	want := "system connection.opened query query query connection.closed"
	if got := strings.Join(kinds(f.journal), " "); got != want {
		t.Errorf("recorded %s, want %s", got, want)
	}
	session := f.journal.all()[1].Session
	for _, e := range f.journal.all()[1:] {
		if e.Session != session || e.Service != "words" || e.Decky != "decky.test" || e.Source.Port != uint16(c.LocalAddr().(*net.TCPAddr).Port) || e.Destination.IP.String() != "127.0.0.1" {
			t.Errorf("envelope %+v", e)
		}
	}
}

func TestEndOfAConnectionIsTold(t *testing.T) {
	type ending struct {
		say, reason, detail string
		close               func(*client)
		limits              decky.Limits
	}
	closeIt := func(c *client) { c.Close() }
	reset := func(c *client) { c.SetLinger(0); c.Close() }
	for name, e := range map[string]ending{
		"client":       {say: "x", reason: event.CloseClient, close: closeIt},
		"client reset": {say: "x", reason: event.CloseClient, detail: "reset by peer", close: reset},
		"server":       {say: "bye", reason: event.CloseServer},
		"product":      {say: "soon", reason: event.CloseTimeout},
		"panic":        {say: "panic", reason: event.CloseError, detail: "panic"},
		"idle":         {reason: event.CloseLimit, detail: runtime.LimitIdle, limits: decky.Limits{IdleSeconds: 1}},
		"total":        {say: "x", reason: event.CloseLimit, detail: runtime.LimitTotal, limits: decky.Limits{TotalSeconds: 1}},
		"bytes":        {say: strings.Repeat("x", 5000), reason: event.CloseLimit, detail: runtime.LimitBytes, limits: decky.Limits{ConnBytes: 4096}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, e.limits)
			c := f.dial()
			if e.say != "" {
				c.say(e.say)
			}
			if e.close != nil {
				c.hear("ok " + e.say)
				e.close(c)
			}
			closed := await[*event.ConnectionClosed](t, f.journal, 1)[0]
			if closed.Reason != e.reason || closed.Detail != e.detail {
				t.Errorf("closed %+v, want %s %s", closed, e.reason, e.detail)
			}
			if e.close == nil {
				for err := error(nil); err == nil; {
					if err = c.end(); err != nil && !errors.Is(err, io.EOF) {
						t.Errorf("the client saw %v, want a FIN", err)
					}
				}
			}
		})
	}
}

func TestResetOnCloseSendsRST(t *testing.T) {
	f := serve(t, decky.Limits{})
	c := f.dial()
	c.say("reset")
	if err := c.end(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the end is %v, want a reset", err)
	}
}

func TestUnreadBytesDoNotTurnFINIntoRST(t *testing.T) {
	f := serve(t, decky.Limits{})
	c := f.dial()
	c.say("bye\n" + strings.Repeat("y", 100<<10))
	if err := c.end(); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v, want a FIN", err)
	}
}

func TestConnectAndNothingElseIsAScan(t *testing.T) {
	f := serve(t, decky.Limits{})
	f.dial().Close()
	await[*event.ConnectionClosed](t, f.journal, 1)
	if scans := bodies[*event.Scan](f.journal); len(scans) != 1 || scans[0].Technique != "connect" {
		t.Errorf("scans = %v", scans)
	}
}

func TestPanicEndsOneSessionOnly(t *testing.T) {
	f := serve(t, decky.Limits{})
	bystander := f.dial()
	bystander.say("a")
	bystander.hear("ok a")
	f.dial().say("panic")
	panics := await[*event.ConnectionClosed](t, f.journal, 1)
	bystander.say("b")
	bystander.hear("ok b")
	var noted *event.System
	for _, s := range bodies[*event.System](f.journal) {
		if s.Name == "panic" {
			noted = s
		}
	}
	if noted == nil || !strings.Contains(string(noted.Detail), "as told") || !strings.Contains(string(noted.Detail), "ServeConn") || panics[0].Reason != event.CloseError {
		t.Errorf("panic recorded as %+v, closed %+v", noted, panics[0])
	}
	if s := f.Status().Services[0]; s.Panics != 1 || s.Conns != 1 || s.Sessions != 2 {
		t.Errorf("status %+v", s)
	}
}

func TestCapsRefuseAndCount(t *testing.T) {
	for limit, limits := range map[string]decky.Limits{runtime.LimitPerSource: {ConnsPerSource: 3}, runtime.LimitConns: {Conns: 3}} {
		f := serve(t, limits)
		var clients []*client
		for range 3 {
			c := f.dial()
			c.say("a")
			c.hear("ok a")
			clients = append(clients, c)
		}
		for range 20 {
			if err := f.dial().end(); err == nil {
				t.Fatal("a fourth connection was served")
			}
		}
		clients[0].say("bye")
		for clients[0].end() == nil {
		}
		for s := f.Status(); s.Conns > 2; s = f.Status() {
			time.Sleep(time.Millisecond)
		}
		c := f.dial()
		c.say("again")
		c.hear("ok again")
		if s := f.Status().Services[0]; s.Refused != 20 || s.Sessions != 4 {
			t.Errorf("%s: status %+v", limit, s)
		}
		notes := bodies[*event.System](f.journal)
		if len(notes) != 2 || notes[1].Name != "limit" || string(notes[1].Detail) != limit {
			t.Errorf("%s: a burst made %d notes: %+v", limit, len(notes), notes)
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if err := f.RemoveService(ctx, "decky.test", "words"); err != nil {
			t.Error(err)
		}
		cancel()
		sum := int64(0)
		for _, n := range bodies[*event.System](f.journal) {
			if n.Name == "limit" {
				sum += n.Count
			}
		}
		if sum != 20 {
			t.Errorf("%s: notes count %d refusals, want 20", limit, sum)
		}
	}
}

func TestIdleLimitCountsFromTheLastByte(t *testing.T) {
	t.Parallel()
	f := serve(t, decky.Limits{IdleSeconds: 1})
	c := f.dial()
	for range 4 {
		time.Sleep(500 * time.Millisecond)
		c.say("tick")
		c.hear("ok tick")
	}
}

func TestSlowLorisEndsAtTheTotalLimit(t *testing.T) {
	t.Parallel()
	f := serve(t, decky.Limits{IdleSeconds: 1, TotalSeconds: 2})
	c := f.dial()
	began := time.Now()
	for {
		if _, err := io.WriteString(c, "x"); err != nil {
			break
		}
		if time.Since(began) > patience {
			t.Fatal("a client that drips bytes is served forever")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if closed := await[*event.ConnectionClosed](t, f.journal, 1)[0]; closed.Detail != runtime.LimitTotal || closed.DurationMS < 1900 {
		t.Errorf("closed %+v", closed)
	}
}

func TestCloseEndsSessionsAndFlushes(t *testing.T) {
	f := serve(t, decky.Limits{})
	c := f.dial()
	c.say("a")
	c.hear("ok a")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := f.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.end(); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
	if closed := bodies[*event.ConnectionClosed](f.journal); len(closed) != 1 || closed[0].Reason != event.CloseShutdown {
		t.Errorf("closed %+v", closed)
	}
	events := f.journal.all()
	if last, ok := events[len(events)-1].Body.(*event.System); !ok || last.Name != "stopped" || !f.journal.closed {
		t.Errorf("the last event is %v, journal closed %v", kinds(f.journal), f.journal.closed)
	}
	if data, err := os.ReadFile(f.store + "/words@flushed"); err != nil || string(data) != "yes" {
		t.Errorf("flushed %q, %v", data, err)
	}
	if err := f.AddService(spec(t, decky.Limits{}), wordsSpec, []net.Listener{nil}); !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("added after Close: %v", err)
	}
}

func TestCloseReportsASessionThatDoesNotEnd(t *testing.T) {
	f := serve(t, decky.Limits{})
	c := f.dial()
	c.say("deaf")
	await[*event.Query](t, f.journal, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	if err := f.Close(ctx); err == nil || !strings.Contains(err.Error(), "1 sessions go on") {
		t.Errorf("close: %v", err)
	}
	if err := c.end(); err == nil {
		t.Error("its socket stayed open")
	}
}

func TestOnlyWhatCanBeServedIsAdded(t *testing.T) {
	f := serve(t, decky.Limits{})
	change := func(do func(*decky.Spec, *decky.ServiceSpec)) error {
		s, svc := spec(t, decky.Limits{}), wordsSpec
		s.Host.Address = "decky.other"
		do(&s, &svc)
		return f.AddService(s, svc, make([]net.Listener, 1))
	}
	for want, err := range map[string]error{
		"no service":            change(func(_ *decky.Spec, s *decky.ServiceSpec) { s.Slug = "nope" }),
		"1 listeners for 2":     change(func(_ *decky.Spec, s *decky.ServiceSpec) { s.Ports = make([]decky.Port, 2) }),
		"colour":                change(func(_ *decky.Spec, s *decky.ServiceSpec) { s.Arguments = json.RawMessage(`{"colour":1}`) }),
		"served already":        change(func(s *decky.Spec, _ *decky.ServiceSpec) { s.Host.Address = "decky.test" }),
		"another specification": change(func(s *decky.Spec, v *decky.ServiceSpec) { s.Host.Address, v.Name = "decky.test", "words.b" }),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("added with %v, want %q", err, want)
		}
	}
	if err := f.RemoveService(context.Background(), "decky.none", "x"); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
}

func TestServiceThatCannotOpenIsRecordedOnce(t *testing.T) {
	m := &memory{}
	r := runtime.New(runtime.Options{Log: slog.New(slog.DiscardHandler), Catalogue: catalogue, OpenJournal: func(string, int64) (runtime.Journal, error) { return m, nil }})
	defer r.Close(context.Background())
	l := listen(t)
	f := &fixture{Runtime: r, t: t, journal: m, addr: l.Addr().String()}
	svc := wordsSpec
	svc.Arguments = json.RawMessage(`{"fail":true}`)
	if err := r.AddService(spec(t, decky.Limits{}), svc, []net.Listener{l}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := f.dial().end(); !errors.Is(err, io.EOF) {
			t.Errorf("the end is %v", err)
		}
	}
	await[*event.ConnectionClosed](t, m, 3)
	if notes := bodies[*event.System](m); len(notes) != 2 || notes[1].Name != "error" || !strings.Contains(string(notes[1].Detail), "told to fail") {
		t.Errorf("notes %+v", notes)
	}
}

// failing is a listener without descriptors left.
type failing struct {
	net.Listener
	calls atomic.Int64
	heal  atomic.Bool
}

func (l *failing) Accept() (net.Conn, error) {
	if l.heal.Load() {
		return l.Listener.Accept()
	}
	l.calls.Add(1)
	return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
}

func TestFailingAcceptDoesNotSpinAndRecovers(t *testing.T) {
	m := &memory{}
	r := runtime.New(runtime.Options{Log: slog.New(slog.DiscardHandler), Catalogue: catalogue, OpenJournal: func(string, int64) (runtime.Journal, error) { return m, nil }})
	l := &failing{Listener: listen(t)}
	f := &fixture{Runtime: r, t: t, journal: m, addr: l.Addr().String()}
	if err := r.AddService(spec(t, decky.Limits{}), wordsSpec, []net.Listener{l}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(400 * time.Millisecond)
	if n := l.calls.Load(); n < 3 || n > 10 {
		t.Errorf("%d accepts in 400 ms, want a few", n)
	}
	l.heal.Store(true)
	c := f.dial()
	c.say("a")
	c.hear("ok a")
	if err := r.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
