package transport_test

import (
	"context"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/services/ssh/transport"
)

// A client that never answers the server's wish for new keys holds writers up,
// not for ever, and cannot make the server keep everything for it.
func TestClientThatRefusesNewKeys(t *testing.T) {
	near, far := pipe(t)
	c := config("debian-12")
	c.RekeyBytes = 1 << 10
	written := make(chan int, 1)
	ended := make(chan error, 1)
	go func() {
		server, err := transport.Server(context.Background(), far, c)
		if err != nil {
			t.Error(err)
			return
		}
		server.Authenticated()
		go func() { // a writer beside the reader
			n := 0
			for server.WritePacket(make([]byte, 10_000)) == nil {
				n++
			}
			written <- n
		}()
		_, err = server.ReadPacket()
		ended <- err
	}()
	r := newRaw(t, near)
	r.connect()
	r.extensions()
	for r.read()[0] != 20 {
		continue
	}
	select {
	case n := <-written:
		t.Fatalf("the writer gave up after %d messages while the client was there", n)
	case <-time.After(200 * time.Millisecond):
	}
	_ = near.Close()
	if err := <-ended; err == nil {
		t.Error("the reader knows no end")
	}
	select {
	case n := <-written:
		if n > 100 {
			t.Errorf("%d messages of 10 kB were taken", n)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the writer waits for ever")
	}
}

// The reader itself may write while its own packets wait for the exchange: it
// must not wait for itself, nor queue without end.
func TestReaderThatWritesDuringExchange(t *testing.T) {
	near, far := pipe(t)
	c := config("debian-12")
	c.RekeyBytes = 1 << 10
	result := make(chan error, 1)
	total := 0
	go func() {
		server, err := transport.Server(context.Background(), far, c)
		if err != nil {
			t.Error(err)
			return
		}
		server.Authenticated()
		for err == nil && total < 1000 {
			err = server.WritePacket(make([]byte, 10_000))
			total++
		}
		result <- err
	}()
	r := newRaw(t, near)
	r.connect()
	r.extensions()
	select {
	case err := <-result:
		if err == nil || total < 10 || total > 500 {
			t.Errorf("%d messages of 10 kB, %v", total, err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the reader waits for itself")
	}
}
