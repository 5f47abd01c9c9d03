package transport_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky/services/ssh/transport"
)

// Before the login sshd knows no rekeying; dropbear does.
func TestRekeyBeforeLogin(t *testing.T) {
	for name, want := range map[string]byte{"debian-12": 3, "dropbear-2022.83": 20} {
		c, _ := dialRaw(t, name)
		c.connect()
		c.extensions()
		c.write(kexInitPacket(rawLists(), 0))
		if p := c.read(); p[0] != want {
			t.Errorf("%s answers %d, want %d", name, p[0], want)
		}
	}
}

// login gets a raw client past its login.
func login(c *raw) {
	c.connect()
	c.extensions()
	c.write(cat([]byte{5}, str("ssh-userauth")))
	c.write([]byte{50})
	for _, want := range []byte{6, 52, 80} {
		if p := c.read(); p[0] != want {
			c.t.Fatalf("message %d, want %d", p[0], want)
		}
	}
}

func TestRekeyAfterLogin(t *testing.T) {
	c, _ := dialRaw(t, "debian-12")
	login(c)
	for range 3 {
		c.kexInit(rawLists())
		c.exchange()
	}
	c.write([]byte{200 - 75}) // 125, which nobody knows
	if p := c.read(); p[0] != 3 || p[4] != byte(c.outSeq-1) {
		t.Errorf("answer %v to packet %d", p, c.outSeq-1)
	}
}

func TestEndsAfterKeys(t *testing.T) {
	for name, c := range map[string]struct {
		act  func(c *raw)
		want []string
	}{
		"MAC wrong":   {func(c *raw) { b := c.pack([]byte{2}); b[len(b)-1] ^= 1; c.send(b) }, []string{"fin"}},
		"body wrong":  {func(c *raw) { b := c.pack([]byte{2}); b[8] ^= 1; c.send(b) }, []string{"fin"}},
		"ECDH again":  {func(c *raw) { c.write([]byte{30}) }, []string{`3 "\x00\x00\x00\x03"`, "open"}},
		"short pad":   {func(c *raw) { c.send(c.protect(append([]byte{0, 0, 0, 28, 2, 2}, make([]byte, 26)...))) }, []string{`1 "\x00\x00\x00\x02\x00\x00\x00\x1cCorrupted padlen 2 on input.\x00\x00\x00\x00"`, "fin"}},
		"long pad":    {func(c *raw) { c.send(c.protect(append([]byte{0, 0, 0, 28, 28, 2}, make([]byte, 26)...))) }, []string{"fin"}},
		"empty":       {func(c *raw) { c.send(c.protect(append([]byte{0, 0, 0, 28, 27}, make([]byte, 27)...))) }, []string{"fin"}},
		"half packet": {func(c *raw) { c.send(c.pack([]byte{2})[:20]) }, []string{"open"}},
	} {
		r, _ := dialRaw(t, "debian-12")
		r.connect()
		r.extensions()
		c.act(r)
		got := r.rest(200 * time.Millisecond)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Writers from many goroutines and a server that keeps asking for new keys:
// nothing is lost, reordered within a writer, or stuck.
func TestWritersDuringRekey(t *testing.T) {
	near, far := pipe(t)
	c := config("debian-12")
	c.RekeyBytes = 8 << 10
	done := make(chan error, 1)
	const writers, each = 4, 200
	go func() {
		server, err := transport.Server(context.Background(), far, c)
		if err != nil {
			done <- err
			return
		}
		for {
			p, err := server.ReadPacket()
			if err != nil {
				done <- err
				return
			}
			switch p[0] {
			case 5:
				err = server.WritePacket(append([]byte{6}, p[1:]...))
			case 50:
				err = server.WritePacket([]byte{52})
				server.Authenticated()
				var running sync.WaitGroup
				defer running.Wait()
				for i := range writers {
					running.Go(func() {
						for j := range each {
							// A global request that wants an answer is answered in order.
							payload := append(append([]byte{80}, str(fmt.Sprintf("%d/%d", i, j))...), 1)
							payload = append(payload, make([]byte, 500)...)
							if err := server.WritePacket(payload); err != nil {
								t.Errorf("writer %d: %v", i, err)
								return
							}
						}
					})
				}
			}
			if err != nil {
				done <- err
				return
			}
		}
	}()
	conn, _, requests, err := ssh.NewClientConn(near, "", &ssh.ClientConfig{User: "u", HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		t.Fatal(err)
	}
	next := make([]int, writers)
	for range writers * each {
		r := <-requests
		if r == nil {
			t.Fatalf("the connection ended: %v", <-done)
		}
		var i, j int
		if _, err := fmt.Sscanf(r.Type, "%d/%d", &i, &j); err != nil || next[i] != j {
			t.Fatalf("%q came, writer %d was at %d", r.Type, i, next[i])
		}
		next[i]++
		_ = r.Reply(true, nil)
	}
	_ = conn.Close()
	var end *transport.EndError
	if err := <-done; !errors.As(err, &end) || !end.Client {
		t.Errorf("server ended with %v", err)
	}
}
