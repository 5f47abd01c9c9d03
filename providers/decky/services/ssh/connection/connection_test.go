package connection_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/services/ssh/connection"
	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
)

// pipe is a connection whose client is the test.
type pipe struct {
	in chan []byte

	mu  sync.Mutex
	out []string
}

func newPipe() *pipe { return &pipe{in: make(chan []byte, 100_000)} }

func (p *pipe) ReadPacket() ([]byte, error) {
	b, ok := <-p.in
	if !ok {
		return nil, io.EOF
	}
	return b, nil
}

func (p *pipe) say(text string) {
	p.mu.Lock()
	p.out = append(p.out, text)
	p.mu.Unlock()
}

func (p *pipe) WritePacket(b []byte) error { p.say(said(b)); return nil }
func (p *pipe) Unimplemented() error       { p.say("unimplemented"); return nil }
func (p *pipe) Disconnect(_ uint32, text string) error {
	p.say("disconnect " + text)
	return nil
}

// heard is what was said since the last call.
func (p *pipe) heard() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := strings.Join(p.out, "; ")
	p.out = nil
	return out
}

var names = map[byte]string{
	wire.Debug: "debug", wire.RequestSuccess: "yes", wire.RequestFailure: "no", wire.ChannelConfirm: "open", wire.ChannelOpenFailure: "refused", wire.ChannelWindowAdjust: "adjust", wire.ChannelData: "data",
	wire.ChannelExtended: "stderr", wire.ChannelEOF: "eof", wire.ChannelClose: "close", wire.ChannelRequest: "request", wire.ChannelSuccess: "success", wire.ChannelFailure: "failure",
}

// said is a message in words.
func said(b []byte) string {
	r := wire.NewReader(b[1:])
	name := names[b[0]]
	switch b[0] {
	case wire.Debug:
		r.Bool()
		return name + " " + r.Text()
	case wire.RequestSuccess, wire.RequestFailure:
		return name
	case wire.ChannelConfirm:
		return fmt.Sprintf("%s %d %d %d %d", name, r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32())
	case wire.ChannelOpenFailure:
		return fmt.Sprintf("%s %d %d %s", name, r.Uint32(), r.Uint32(), r.Text())
	case wire.ChannelData:
		return fmt.Sprintf("%s %d %.20s", name, r.Uint32(), r.Bytes())
	case wire.ChannelExtended:
		return fmt.Sprintf("%s %d %d %.20s", name, r.Uint32(), r.Uint32(), r.Bytes())
	case wire.ChannelWindowAdjust:
		return fmt.Sprintf("%s %d %d", name, r.Uint32(), r.Uint32())
	case wire.ChannelRequest:
		return fmt.Sprintf("%s %d %s %v %q", name, r.Uint32(), r.Text(), r.Bool(), r.Rest())
	}
	return fmt.Sprintf("%s %d", name, r.Uint32())
}

// host is a Handler whose sessions run what the test says.
type host struct {
	run    func(ctx context.Context, ch *connection.Channel)
	closed int
}

func (h *host) OpenSession(*connection.Channel) bool { return true }
func (h *host) Closed(*connection.Channel)           { h.closed++ }
func (h *host) Global(name string, _ bool, _ *wire.Reader) (connection.Answer, error) {
	return connection.Answer{OK: name == "fine", Debug: map[string]string{"told": "because"}[name]}, nil
}

func (h *host) OpenForward(kind string, r *wire.Reader) (connection.Forward, *connection.Refusal, error) {
	switch kind {
	case "echo":
		return echo{}, nil, nil
	case "late":
		return echo{&connection.Refusal{Reason: connection.ConnectFailed, Text: "Connection refused"}}, nil, nil
	case "no":
		return nil, &connection.Refusal{Reason: connection.Prohibited}, nil
	}
	return nil, nil, nil
}

func (h *host) Request(ch *connection.Channel, name string, r *wire.Reader, reply func(bool)) error {
	switch name {
	case "bad":
		return connection.Broken("request")
	case "run":
		if err := ch.Activate(); err != nil {
			return err
		}
		reply(true)
		ch.Go(func(ctx context.Context) { h.run(ctx, ch) })
	}
	return nil
}

type echo struct{ refusal *connection.Refusal }

func (e echo) Connect(context.Context) *connection.Refusal { return e.refusal }
func (e echo) Serve(_ context.Context, ch *connection.Channel) {
	_, _ = io.Copy(ch, ch)
}

func number(kind byte, values ...uint32) []byte {
	b := []byte{kind}
	for _, v := range values {
		b = wire.AppendUint32(b, v)
	}
	return b
}

func open(kind string, peer uint32) []byte {
	b := wire.AppendUint32(wire.Message(wire.ChannelOpen, kind), peer)
	return wire.AppendUint32(wire.AppendUint32(b, 1000), 100)
}

func data(id uint32, text string) []byte {
	return wire.AppendString(number(wire.ChannelData, id), text)
}

func ask(id uint32, name string) []byte {
	return wire.AppendBool(wire.AppendString(number(wire.ChannelRequest, id), name), true)
}

func global(name string) []byte { return wire.AppendBool(wire.Message(wire.GlobalRequest, name), true) }

// serve serves h over a new pipe in a bubble; the client leaves at the end.
func serve(t *testing.T, h *host, options connection.Options, client func(p *pipe)) error {
	t.Helper()
	var err error
	synctest.Test(t, func(t *testing.T) {
		p := newPipe()
		done := make(chan struct{})
		go func() { err = connection.Serve(t.Context(), p, h, options); close(done) }()
		client(p)
		close(p.in)
		<-done
	})
	return err
}

// exchange sends messages one by one and returns the answers.
func exchange(t *testing.T, h *host, options connection.Options, messages ...[]byte) []string {
	var out []string
	_ = serve(t, h, options, func(p *pipe) {
		for _, m := range messages {
			p.in <- m
			synctest.Wait()
			out = append(out, p.heard())
			time.Sleep(time.Second)
		}
	})
	return out
}

func TestAnswers(t *testing.T) {
	cat := func(_ context.Context, ch *connection.Channel) {
		_, _ = io.Copy(ch, ch)
		_, _ = io.WriteString(ch.Stderr(), "bye")
		_ = ch.Exit(3, false)
	}
	for name, c := range map[string]struct {
		messages [][]byte
		want     []string
	}{
		"session":             {[][]byte{open("session", 7)}, []string{"open 7 0 0 32768"}},
		"session with rest":   {[][]byte{append(open("session", 7), 0)}, []string{""}},
		"unknown type":        {[][]byte{open("x11", 7)}, []string{"refused 7 2 open failed"}},
		"prohibited":          {[][]byte{open("no", 7)}, []string{"refused 7 1 open failed"}},
		"late refusal":        {[][]byte{open("late", 7)}, []string{"refused 7 2 Connection refused"}},
		"no more sessions":    {[][]byte{global("no-more-sessions@openssh.com"), open("session", 1)}, []string{"yes", "disconnect Possible attack: attempt to open a session after additional sessions disabled"}},
		"global":              {[][]byte{global("fine"), global("keepalive@openssh.com"), global("told")}, []string{"yes", "no", "debug because; no"}},
		"unknown request":     {[][]byte{open("session", 7), ask(0, "what")}, []string{"open 7 0 0 32768", "failure 7"}},
		"bad request":         {[][]byte{open("session", 7), ask(0, "bad"), ask(0, "run")}, []string{"open 7 0 0 32768", "", ""}},
		"request on no":       {[][]byte{ask(3, "run")}, []string{"disconnect server_input_channel_req: unknown channel 3"}},
		"data on no":          {[][]byte{data(3, "x")}, []string{"disconnect data packet referred to nonexistent channel 3"}},
		"huge number":         {[][]byte{data(1<<31, "x")}, []string{"disconnect Invalid data channel id"}},
		"eof on no":           {[][]byte{number(wire.ChannelEOF, 1)}, []string{"disconnect ieof packet referred to nonexistent channel 1"}},
		"close on no":         {[][]byte{number(wire.ChannelClose, 1)}, []string{"disconnect oclose packet referred to nonexistent channel 1"}},
		"window on no":        {[][]byte{number(wire.ChannelWindowAdjust, 1, 5), global("fine")}, []string{"", "yes"}},
		"cut window":          {[][]byte{number(wire.ChannelWindowAdjust)}, []string{"disconnect Invalid window adjust message"}},
		"window overflows":    {[][]byte{open("session", 7), number(wire.ChannelWindowAdjust, 0, 1<<32-1), global("fine")}, []string{"open 7 0 0 32768", "", ""}},
		"confirmation":        {[][]byte{open("session", 7), number(wire.ChannelConfirm, 0, 1, 2, 3)}, []string{"open 7 0 0 32768", "disconnect Received open confirmation for non-opening channel 0."}},
		"stray":               {[][]byte{{wire.UserauthRequest}, {wire.ChannelSuccess, 0, 0, 0, 0}, {}}, []string{"unimplemented", "", "unimplemented"}},
		"data before run":     {[][]byte{open("session", 7), data(0, "lost"), global("fine")}, []string{"open 7 0 0 32768", "", "yes"}},
		"close before run":    {[][]byte{open("session", 7), number(wire.ChannelClose, 0), open("session", 8)}, []string{"open 7 0 0 32768", "close 7", "open 8 0 0 32768"}},
		"command":             {[][]byte{open("session", 7), ask(0, "run"), data(0, "hi"), number(wire.ChannelEOF, 0), number(wire.ChannelClose, 0), open("session", 9)}, []string{"open 7 0 0 32768", "adjust 7 2097152; success 7", "data 7 hi", `stderr 7 1 bye; eof 7; request 7 exit-status false "\x00\x00\x00\x03"; close 7`, "", "open 9 0 0 32768"}},
		"closed under":        {[][]byte{open("session", 7), ask(0, "run"), number(wire.ChannelClose, 0), global("fine")}, []string{"open 7 0 0 32768", "adjust 7 2097152; success 7", `request 7 exit-status false "\x00\x00\x00\x03"; close 7`, "yes"}},
		"forward":             {[][]byte{open("echo", 4), data(0, "ping"), number(wire.ChannelEOF, 0), number(wire.ChannelClose, 0)}, []string{"open 4 0 2097152 32768", "data 4 ping", "eof 4; close 4", ""}},
		"request on forward":  {[][]byte{open("echo", 4), ask(0, "run")}, []string{"open 4 0 2097152 32768", "failure 4"}},
		"extended after eof":  {[][]byte{open("echo", 4), number(wire.ChannelExtended, 0, 1, 0), number(wire.ChannelEOF, 0), number(wire.ChannelExtended, 0, 1, 0)}, []string{"open 4 0 2097152 32768", "", "eof 4; close 4", "disconnect Received extended_data after EOF on channel 0."}},
		"more than a packet":  {[][]byte{open("echo", 4), data(0, strings.Repeat("x", 32769)), data(0, "y")}, []string{"open 4 0 2097152 32768", "", "data 4 y"}},
		"several numbers":     {[][]byte{open("session", 5), open("echo", 6), open("session", 7)}, []string{"open 5 0 0 32768", "open 6 1 2097152 32768", "open 7 2 0 32768"}},
		"their window is 100": {[][]byte{open("echo", 4), data(0, strings.Repeat("x", 150))}, []string{"open 4 0 2097152 32768", "data 4 xxxxxxxxxxxxxxxxxxxx; data 4 xxxxxxxxxxxxxxxxxxxx"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, exchange(t, &host{run: cat}, connection.Options{}, c.messages...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEndOfASession(t *testing.T) {
	for name, c := range map[string]struct {
		run     func(context.Context, *connection.Channel)
		options connection.Options
		eof     bool
		want    string
	}{
		"input open":     {func(_ context.Context, ch *connection.Channel) { _ = ch.Exit(0, false) }, connection.Options{EndOfWrite: true}, false, `eof 7; request 7 exit-status false "\x00\x00\x00\x00"; request 7 eow@openssh.com false ""; close 7`},
		"another client": {func(_ context.Context, ch *connection.Channel) { _ = ch.Exit(0, false) }, connection.Options{}, false, `eof 7; request 7 exit-status false "\x00\x00\x00\x00"; close 7`},
		"terminal":       {func(_ context.Context, ch *connection.Channel) { _ = ch.Exit(1, true) }, connection.Options{EndOfWrite: true}, false, `request 7 exit-status false "\x00\x00\x00\x01"; request 7 eow@openssh.com false ""; eof 7; close 7`},
		"signal":         {func(_ context.Context, ch *connection.Channel) { _ = ch.Kill("TERM", false, false) }, connection.Options{}, false, `eof 7; request 7 exit-signal false "\x00\x00\x00\x04TERM\x00\x00\x00\x00\x00\x00\x00\x00\x00"; close 7`},
	} {
		t.Run(name, func(t *testing.T) {
			got := exchange(t, &host{run: c.run}, c.options, open("session", 7), ask(0, "run"))
			if diff := cmp.Diff("adjust 7 2097152; success 7; "+c.want, got[1]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestWindows: a client gets its window back as it is consumed, and no more is
// sent than it gave.
func TestWindows(t *testing.T) {
	var sum int
	run := func(_ context.Context, ch *connection.Channel) {
		b := make([]byte, 8192)
		for {
			n, err := ch.Read(b)
			sum += n
			if err != nil {
				return
			}
		}
	}
	const packets = 300 // 9.6 MB
	var adjusted uint32
	_ = serve(t, &host{run: run}, connection.Options{}, func(p *pipe) {
		p.in <- open("session", 1)
		p.in <- ask(0, "run")
		synctest.Wait()
		p.heard()
		chunk := data(0, string(bytes.Repeat([]byte("d"), 32<<10)))
		window := uint32(2 << 20)
		for range packets {
			if window < 32<<10 {
				t.Fatal("the window is used up")
			}
			p.in <- chunk
			window -= 32 << 10
			synctest.Wait()
			for _, m := range strings.Split(p.heard(), "; ") {
				var n uint32
				if _, err := fmt.Sscanf(m, "adjust 1 %d", &n); err == nil {
					window += n
					adjusted += n
				}
			}
		}
		p.in <- number(wire.ChannelEOF, 0)
		synctest.Wait()
	})
	if sum != packets*32<<10 || adjusted < packets*30<<10 {
		t.Errorf("read %d bytes, gave back %d", sum, adjusted)
	}
}

// TestReaderStandsStill: a client cannot make the server hold more than a few
// megabytes.
func TestReaderStandsStill(t *testing.T) {
	run := func(ctx context.Context, _ *connection.Channel) { <-ctx.Done() }
	synctest.Test(t, func(t *testing.T) {
		p := newPipe()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- connection.Serve(ctx, p, &host{run: run}, connection.Options{}) }()
		for id := range uint32(5) {
			p.in <- open("session", id)
			p.in <- ask(id, "run")
		}
		chunk := strings.Repeat("d", 32<<10)
		sent := 0
		for id := range uint32(5) {
			for range 64 {
				p.in <- data(id, chunk)
				sent++
			}
		}
		synctest.Wait()
		if taken := sent - len(p.in); taken < 100 || taken > 140 {
			t.Errorf("%d chunks of 32 KB were taken", taken)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestEverythingEndsWithTheConnection(t *testing.T) {
	ended := 0
	run := func(ctx context.Context, ch *connection.Channel) {
		if _, err := ch.Read(make([]byte, 1)); err == nil {
			t.Error("read something")
		}
		<-ctx.Done()
		ended++
	}
	h := &host{run: run}
	err := serve(t, h, connection.Options{}, func(p *pipe) {
		p.in <- open("session", 1)
		p.in <- ask(0, "run")
		p.in <- open("echo", 2)
		synctest.Wait()
		time.Sleep(time.Hour)
	})
	if !errors.Is(err, io.EOF) || ended != 1 || h.closed != 1 {
		t.Errorf("%v, %d ended, %d closed", err, ended, h.closed)
	}
}

// TestNumbersAreNotUsedAgainAtOnce: sshd collects what has ended only when it
// has read all that arrived.
func TestNumbersAreNotUsedAgainAtOnce(t *testing.T) {
	_ = serve(t, &host{}, connection.Options{}, func(p *pipe) {
		for _, m := range [][]byte{open("session", 7), number(wire.ChannelClose, 0), open("session", 8)} {
			p.in <- m
		}
		synctest.Wait()
		if got := p.heard(); got != "open 7 0 0 32768; close 7; open 8 1 0 32768" {
			t.Error(got)
		}
	})
}

func TestManyChannels(t *testing.T) {
	_ = serve(t, &host{}, connection.Options{}, func(p *pipe) {
		for id := range uint32(connection.MaxChannels + 1) {
			p.in <- open("echo", id)
		}
		synctest.Wait()
		if got := p.heard(); strings.Count(got, "Too many open files") != 1 || strings.Count(got, "open ") != connection.MaxChannels+1 {
			t.Errorf("%d are refused", strings.Count(got, "refused"))
		}
	})
}

func FuzzPackets(f *testing.F) {
	f.Add(open("session", 1), ask(0, "run"), data(0, "x"))
	f.Add(open("echo", 1), number(wire.ChannelClose, 0), number(wire.ChannelClose, 0))
	f.Add(global("fine"), number(wire.ChannelWindowAdjust, 0, 1), number(wire.ChannelEOF, 0))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		p := newPipe()
		for _, m := range [][]byte{open("session", 1), a, b, c} {
			p.in <- m
		}
		close(p.in)
		run := func(_ context.Context, ch *connection.Channel) { _, _ = io.Copy(ch, ch); _ = ch.Exit(0, true) }
		if err := connection.Serve(t.Context(), p, &host{run: run}, connection.Options{EndOfWrite: true}); err == nil {
			t.Fatal("a connection without an end")
		}
	})
}
