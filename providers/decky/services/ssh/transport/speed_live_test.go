//go:build live

package transport_test

import (
	"net"
	"sync"
	"testing"
	"time"
)

// handshakes is how many key exchanges a second two clients get done.
func handshakes(t *testing.T, address string, n int) float64 {
	t.Helper()
	begin := time.Now()
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() {
			for range n / 2 {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					t.Error(err)
					return
				}
				c := newRaw(t, conn)
				c.connect()
				c.extensions()
				_ = conn.Close()
			}
		})
	}
	running.Wait()
	return float64(n) / time.Since(begin).Seconds()
}

// The transport shakes hands at least half again as often as Debian's sshd.
func TestHandshakesPerSecond(t *testing.T) {
	address := sshd(t)
	ours := "127.0.0.1:" + listen(t, config("debian-12"))
	handshakes(t, ours, 20)
	want := handshakes(t, address, 200)
	got := handshakes(t, ours, 600)
	t.Logf("%.0f handshakes a second, sshd %.0f: %.1f times as many", got, want, got/want)
	if got < 1.5*want {
		t.Errorf("%.0f handshakes a second, sshd has %.0f", got, want)
	}
}

// BenchmarkHandshake is the server's and the client's work together.
func BenchmarkHandshake(b *testing.B) {
	for b.Loop() {
		c, _ := dialRaw(b, "debian-12")
		c.connect()
		_ = c.conn.Close()
	}
}
