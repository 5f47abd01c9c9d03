package webhook_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/reconciler/webhook"
)

// serve runs the receiver on loopback.
func serve(t *testing.T, w *world) (address string) {
	t.Helper()
	r, err := webhook.New(webhook.Config{
		Listen: "127.0.0.1:0", Wake: func(p webhook.Push) { w.mu.Lock(); defer w.mu.Unlock(); w.pushes = append(w.pushes, p) },
		Now: func() time.Time { return w.now }, Hooks: []webhook.Hook{{Name: "github", Kind: webhook.GitHub, SecretFile: w.dir + "/github"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := r.Listen(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the receiver does not stop")
		}
	})
	return r.Address()
}

func TestOverTheWire(t *testing.T) {
	w := newWorld(t)
	address := serve(t, w)
	q, body := w.request("github")
	request, err := http.NewRequest(http.MethodPost, "http://"+address+"/hooks/github", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = q.Header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if said, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusAccepted || string(said) != "Accepted\n" {
		t.Errorf("%d %q %v", response.StatusCode, said, err)
	}
	if len(w.pushes) != 1 {
		t.Errorf("%+v", w.pushes)
	}
}

// TestSlowSendersHoldNobodyUp opens every connection there may be and says
// nothing on them.
func TestSlowSendersHoldNobodyUp(t *testing.T) {
	w := newWorld(t)
	address := serve(t, w)
	for range 64 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /hooks/github HTTP/1.1\r\nHost: x\r\nX-A: ")
	}
	_, body := w.request("github")
	start := time.Now()
	for {
		q, _ := w.request("github")
		request, err := http.NewRequest(http.MethodPost, "http://"+address+"/hooks/github", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = q.Header
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode != http.StatusAccepted {
				t.Errorf("answered %d", response.StatusCode)
			}
			return
		}
		if time.Since(start) > 10*time.Second {
			t.Fatal("nobody gets through")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// TestHugeHeadersAndBodiesEnd sends without an end.
func TestHugeHeadersAndBodiesEnd(t *testing.T) {
	w := newWorld(t)
	address := serve(t, w)
	for name, head := range map[string]string{
		"header": "POST /hooks/github HTTP/1.1\r\nHost: x\r\nX-A: ",
		"body":   "POST /hooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Hub-Signature-256: sha256=00\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.WriteString(conn, head)
			for {
				if _, err := conn.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil && response.StatusCode != http.StatusRequestHeaderFieldsTooLarge && response.StatusCode != http.StatusRequestEntityTooLarge && response.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, response.StatusCode)
		}
	}
}

func FuzzPayload(f *testing.F) {
	w := newWorld(f)
	for _, p := range w.payload {
		f.Add(string(p))
	}
	f.Add(`{"ref":"` + strings.Repeat("x", 3000) + `"}`)
	f.Add(`{"repository":"git@h:p","repository":{"url":"a:b"},"project":{"url":"https://h/p"}}`)
	f.Add(strings.Repeat("[", 100))
	f.Fuzz(func(t *testing.T, body string) {
		p, err := webhook.Parse([]byte(body))
		if err != nil {
			return
		}
		if !json.Valid([]byte(body)) {
			t.Errorf("%q is no JSON", body)
		}
		if len(p.Ref) > 2<<10 || len(p.Repositories) > 16 {
			t.Errorf("%d repositories, a ref of %d bytes", len(p.Repositories), len(p.Ref))
		}
		for _, r := range p.Repositories {
			if !p.Concerns(r) {
				t.Errorf("%q does not concern itself", r)
			}
		}
		p.Concerns(body)
	})
}
