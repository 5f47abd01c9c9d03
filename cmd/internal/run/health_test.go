package run_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/cmd/internal/run"
)

func get(t *testing.T, h http.Handler, method, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w.Code, w.Body.String()
}

func TestHealthAnswers(t *testing.T) {
	var stuck, unready []string
	h := run.Health{
		Stuck: func() []string { return stuck }, Unready: func() []string { return unready },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "decnet_up 1\n") }),
	}.Handler()
	for _, tt := range []struct {
		name, method, path string
		stuck, unready     []string
		code               int
		body               string
	}{
		{"alive", "GET", "/livez", nil, []string{"not yet"}, 200, "ok\n"},
		{"stuck", "GET", "/livez", []string{"loop: no progress for 9s"}, nil, 503, "loop: no progress for 9s\n"},
		{"ready", "GET", "/readyz", nil, nil, 200, "ok\n"},
		{"not ready", "GET", "/readyz", nil, []string{"a: first pass not done", "docker: no answer"}, 503, "a: first pass not done\ndocker: no answer\n"},
		{"figures", "GET", "/metrics", nil, nil, 200, "decnet_up 1\n"},
		{"nothing else", "GET", "/", nil, nil, 404, "404 page not found\n"},
		{"nothing is changed", "POST", "/livez", nil, nil, 405, "Method Not Allowed\n"},
	} {
		stuck, unready = tt.stuck, tt.unready
		if code, body := get(t, h, tt.method, tt.path); code != tt.code || body != tt.body {
			t.Errorf("%s: %d %q, want %d %q", tt.name, code, body, tt.code, tt.body)
		}
	}
}

func TestHealthListensOnLoopbackUnlessTold(t *testing.T) {
	for address, fine := range map[string]bool{
		"": true, "127.0.0.1:9108": true, "[::1]:0": true, "localhost:1": true,
		":9108": false, "0.0.0.0:1": false, "192.0.2.1:80": false, "example:80": false, "[::]:1": false,
	} {
		if err := (run.Health{Listen: address}).Check(); (err == nil) != fine {
			t.Errorf("%q: %v", address, err)
		}
		if err := (run.Health{Listen: address, Exposed: true}).Check(); err != nil {
			t.Errorf("%q, exposed: %v", address, err)
		}
	}
	if err := (run.Health{Listen: "127.0.0.1", Exposed: true}).Check(); err == nil {
		t.Error("an address without a port was accepted")
	}
}

func TestHealthIsAPart(t *testing.T) {
	bound := make(chan string, 1)
	h := run.Health{Listen: "127.0.0.1:0", Bound: func(a string) { bound <- a }}
	var d diary
	daemon := mustNew(t, quiet(&d), h.Part(), run.Part{Name: "other", Run: func(ctx context.Context, self *run.Self) error {
		self.Ready()
		<-ctx.Done()
		return nil
	}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- daemon.Run(ctx) }()
	address := <-bound
	response, err := http.Get("http://" + address + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if response.StatusCode != 200 || string(body) != "ok\n" {
		t.Errorf("%d %q", response.StatusCode, body)
	}
	// A client that says nothing does not hold up the end.
	idle, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
}

func TestHealthOffAndRefused(t *testing.T) {
	var d diary
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := mustNew(t, quiet(&d), run.Health{}.Part()).Run(ctx); err != nil {
		t.Error(err)
	}
	err := mustNew(t, quiet(&d), run.Health{Listen: "0.0.0.0:0"}.Part()).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "not on loopback") {
		t.Errorf("error %v", err)
	}
}

// TestHealthKeepsFewConnections lets somebody open more than there is use for,
// and say nothing.
func TestHealthKeepsFewConnections(t *testing.T) {
	addresses := make(chan string, 1)
	h := run.Health{Listen: "127.0.0.1:0", Bound: func(a string) { addresses <- a }}
	daemon, err := run.New(run.Config{Notify: func(string) error { return nil }, Watchdog: -1, Hangup: make(chan os.Signal)}, h.Part())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- daemon.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	address, open := <-addresses, 0
	conns := make([]net.Conn, 300)
	for i := range conns {
		if conns[i], err = net.Dial("tcp", address); err != nil {
			t.Fatal(err)
		}
	}
	for _, conn := range slices.Backward(conns) {
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			open++
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if open == 0 || open > 100 {
		t.Errorf("%d of 300 connections are kept", open)
	}
	client := http.Client{Timeout: 5 * time.Second} // those that are gone make room
	for range 50 {
		response, err := client.Get("http://" + address + "/livez")
		if err == nil {
			defer response.Body.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("nobody answers any more")
}
