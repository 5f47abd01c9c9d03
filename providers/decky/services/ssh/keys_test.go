package ssh_test

import (
	"crypto/rsa"
	"net"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky/services/ssh"
	"github.com/decnet/decnet/providers/decky/servicetest"
)

// rsaKey is the host key that a client gets who takes RSA alone.
func rsaKey(t *testing.T, s *servicetest.Server) *rsa.PublicKey {
	t.Helper()
	var key *rsa.PublicKey
	_, err := gossh.Dial("tcp", s.Addr(), &gossh.ClientConfig{
		User: "x", HostKeyAlgorithms: []string{gossh.KeyAlgoRSASHA512}, Timeout: servicetest.Patience,
		HostKeyCallback: func(_ string, _ net.Addr, k gossh.PublicKey) error {
			key, _ = k.(gossh.CryptoPublicKey).CryptoPublicKey().(*rsa.PublicKey)
			return nil
		},
	})
	if err == nil {
		t.Fatal("anybody logs in")
	}
	return key
}

// The RSA key has the size that the build's ssh-keygen made.
func TestRSAKeyIsTheBuilds(t *testing.T) {
	for version, bits := range map[string]int{"OpenSSH_7.4": 2048, "OpenSSH_9.2p1 Debian-2+deb12u7": 3072} {
		s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: `{"ssh_version":"` + version + `","failure_delay":1}`})
		if key := rsaKey(t, s); key == nil || key.N.BitLen() != bits {
			t.Errorf("%s: %v", version, key)
		}
	}
}

// The key is searched when the service opens, before a client asks for it.
func TestRSAKeyIsPrepared(t *testing.T) {
	store := servicetest.NewStore(0)
	s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: arguments, Store: store})
	_ = s.Dial()
	for end := time.Now().Add(servicetest.Patience); ; time.Sleep(5 * time.Millisecond) {
		if data, err := store.Load("rsa-ssh"); err == nil && len(data) > 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("no key is searched")
		}
	}
}
