package transport_test

import "testing"

// zlib@openssh.com begins with the login, and anew with every key exchange.
func TestDelayedCompression(t *testing.T) {
	c, _ := dialRaw(t, "debian-12")
	lists := rawLists()
	lists[6], lists[7] = "zlib@openssh.com", "zlib@openssh.com"
	c.identify(rawIdentification)
	c.kexInit(lists)
	c.exchange()
	c.extensions()
	c.write(cat([]byte{5}, str("ssh-userauth")))
	c.write([]byte{50})
	for _, want := range []byte{6, 52} { // in clear
		if p := c.read(); p[0] != want {
			t.Fatalf("message %d, want %d", p[0], want)
		}
	}
	c.compress()
	if p := c.read(); p[0] != 80 {
		t.Fatalf("message %d", p[0])
	}
	for range 2 {
		c.kexInit(lists)
		c.exchange()
		c.write([]byte{125})
		if p := c.read(); p[0] != 3 {
			t.Fatalf("message %d", p[0])
		}
	}
}
