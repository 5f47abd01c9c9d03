package servicetest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
)

type config struct {
	Greeting string `json:"greeting" doc:"First word." default:"hello"`
}

type echo struct {
	greeting string
	store    decky.Store
	derived  []byte
}

// ServeConn answers one line with the greeting, the line stored before and the
// decky's derived byte.
func (e *echo) ServeConn(_ context.Context, c decky.Conn) error {
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err
	}
	if err := c.Record(&event.Query{Verb: "LINE", Statement: event.Text(line)}); err != nil {
		return err
	}
	old, err := e.store.Load("line")
	if err != nil {
		return err
	}
	if err := e.store.Save("line", []byte(line)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c, "%s %x %s", e.greeting, e.derived[:2], old)
	return err
}

var service = decky.Define(decky.Info{Slug: "echo", Ports: []decky.Port{{Number: 7, Transport: "tcp"}}}, func(c config, env decky.Env) (decky.Handler, error) {
	return &echo{greeting: c.Greeting, store: env.Store, derived: env.Derive("x")}, nil
})

func ask(t *testing.T, s *servicetest.Server, line string) string {
	t.Helper()
	c := s.Dial()
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func TestServerKeepsIdentityAndStoreOverRestart(t *testing.T) {
	s := servicetest.Start(t, service, servicetest.Options{Arguments: `{"greeting":"hi"}`})
	first, addr := ask(t, s, "one"), s.Addr()
	s.Restart()
	second := ask(t, s, "two")
	if first[:8] != second[:8] || second[8:] != "one\n" || addr != s.Addr() {
		t.Errorf("answers %q then %q at %s then %s", first, second, addr, s.Addr())
	}
	e := s.WaitFor(t, func(e *event.Event) bool { return e.Session == "session-2" && e.Kind() == event.KindConnectionClosed })
	if b := e.Body.(*event.ConnectionClosed); b.BytesIn != 4 || b.BytesOut != int64(len(second)) || e.Source.IP.String() != "127.0.0.1" {
		t.Errorf("closed = %+v from %v", b, e.Source)
	}
	if q := servicetest.Of[*event.Query](s); len(q) != 2 || q[1].Statement != "two\n" {
		t.Errorf("queries = %v", q)
	}
}

func TestStoreRefusesWhatExceedsItsQuota(t *testing.T) {
	s := servicetest.NewStore(4)
	if err := s.Save("a", []byte("abc")); err != nil {
		t.Fatal(err)
	}
	if err := s.Save("a", []byte("abcde")); err == nil {
		t.Error("5 bytes fit into 4")
	}
	if got, err := s.Load("a"); err != nil || string(got) != "abc" {
		t.Errorf("after a refused save: %q, %v", got, err)
	}
	if got, err := s.Load("none"); err != nil || got != nil {
		t.Errorf("missing value: %q, %v", got, err)
	}
}
