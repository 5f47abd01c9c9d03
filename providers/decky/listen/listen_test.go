package listen_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky/listen"
)

func TestAcceptedConnectionsHaveNoFaceOfGo(t *testing.T) {
	for name, c := range map[string]struct {
		options   listen.Options
		keepalive int
	}{
		"neutral":   {listen.Options{}, 0},
		"keepalive": {listen.Options{KeepAlive: time.Hour}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			ln, err := listen.TCP("127.0.0.1:0", c.options)
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			accepted := accept(t, ln)
			if got := option(t, accepted, unix.SOL_SOCKET, unix.SO_KEEPALIVE); got != c.keepalive {
				t.Errorf("SO_KEEPALIVE is %d, want %d", got, c.keepalive)
			}
			if got := option(t, accepted, unix.SOL_SOCKET, unix.SO_PROTOCOL); got != unix.IPPROTO_TCP {
				t.Errorf("protocol is %d, want TCP (multipath is 262)", got)
			}
		})
	}
}

// The control: Go's own listener has both marks, so the test above can fail.
func TestControlGoListenersHaveThem(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if got := option(t, accept(t, ln), unix.SOL_SOCKET, unix.SO_KEEPALIVE); got != 1 {
		t.Errorf("SO_KEEPALIVE of Go's own is %d, want 1: the test above proves nothing", got)
	}
}

func TestBadAddressesAreRefused(t *testing.T) {
	for address, want := range map[string]string{"": "listen on", "127.0.0.1": "listen on", "[::1]:1": "IPv4", "host:22": "listen on"} {
		if f, err := listen.Socket(address, listen.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Socket(%q) = %v, %v; want %q", address, f, err, want)
		}
	}
}

func TestASocketOutlivesItsListener(t *testing.T) {
	f, err := listen.Socket("127.0.0.1:0", listen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	first, err := listen.Use(f, listen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	address := first.Addr().String()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	waiting, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("nobody accepts, yet the connection must wait: %v", err)
	}
	defer waiting.Close()
	second, err := listen.Use(f, listen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	conn, err := second.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestPacket(t *testing.T) {
	f, err := listen.Packet("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	conn, err := net.FilePacketConn(f)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if _, err := listen.Use(f, listen.Options{}); err == nil {
		t.Error("a UDP socket was taken as a listener")
	}
}

func accept(t *testing.T, ln net.Listener) *net.TCPConn {
	t.Helper()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

func option(t *testing.T, conn *net.TCPConn, level, name int) int {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var value int
	var optErr error
	if err := raw.Control(func(fd uintptr) { value, optErr = unix.GetsockoptInt(int(fd), level, name) }); err != nil {
		t.Fatal(err)
	}
	if optErr != nil {
		t.Fatal(optErr)
	}
	return value
}
