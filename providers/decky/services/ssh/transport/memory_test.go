package transport_test

import (
	"context"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/services/ssh/transport"
)

// idleBytes is what a connection that is logged in and waits may cost, its
// goroutine's stack included: 5,000 of them are 100 MB.
const idleBytes = 20_000

func TestIdleConnectionIsSmall(t *testing.T) {
	const n = 300
	used := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	hostKeys()
	before := used()
	for range n {
		near, far := net.Pipe()
		t.Cleanup(func() { _ = near.Close(); _ = far.Close() })
		go func() {
			c, err := transport.Server(context.Background(), far, config("debian-12"))
			if err == nil {
				err = (&echo{c: c}).run()
			}
			_ = err // the pipe is closed at the end
		}()
		_ = near.SetDeadline(time.Now().Add(20 * time.Second))
		// A pipe has no buffer: what the server says at once must be read at once.
		c := newRaw(t, near)
		said := make(chan struct{})
		go func() { defer close(said); c.send([]byte(rawIdentification + "\r\n")) }()
		line, err := c.r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		<-said
		c.server = line[:len(line)-2]
		c.theirs = c.read()
		c.mine = kexInitPacket(rawLists(), 0)
		c.write(c.mine)
		c.exchange()
		c.extensions()
		c.write([]byte{50})
		for _, want := range []byte{52, 80} {
			if p := c.read(); p[0] != want {
				t.Fatalf("message %d", p[0])
			}
		}
	}
	each := (used() - before) / n
	t.Logf("%d bytes for an idle connection", each)
	if each > idleBytes {
		t.Errorf("%d bytes for an idle connection, %d are allowed", each, idleBytes)
	}
}
