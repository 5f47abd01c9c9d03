package ssh_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky/services/ssh"
	"github.com/decnet/decnet/providers/decky/services/ssh/build"
	"github.com/decnet/decnet/providers/decky/servicetest"
)

// as starts the service as a build of the table.
func as(t *testing.T, b *build.Build) *servicetest.Server {
	t.Helper()
	host := servicetest.Host()
	host.Distro = strings.ToLower(strings.Fields(b.Distro)[0])
	software := strings.TrimPrefix(b.Identification, "SSH-2.0-")
	return servicetest.Start(t, ssh.New(), servicetest.Options{Host: host, Arguments: `{"ssh_version":"` + software + `","failure_delay":1}`})
}

// says is what a server answers to bytes after its identification, up to its
// end or a second.
func says(t *testing.T, s *servicetest.Server, send func(banner string) string) (banner, reply string) {
	t.Helper()
	conn := s.Dial()
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	banner = line(t, conn)
	if _, err := io.WriteString(conn, send(banner)); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(conn) // a reset or the deadline ends it
	return banner, string(rest)
}

func line(t *testing.T, conn net.Conn) string {
	t.Helper()
	var text []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(text), "\n"); text = append(text, b...) {
		if _, err := conn.Read(b); err != nil {
			t.Fatalf("identification %q: %v", text, err)
		}
	}
	return string(text)
}

// The words by which detectors know kippo and cowrie: Metasploit's
// auxiliary/scanner/ssh (detect_kippo, now for cowrie too), honeydet's signature
// "cowrie", Nuclei's template cowrie-ssh-honeypot-detect.
func TestDetectorsHearNoHoneypot(t *testing.T) {
	kippo := regexp.MustCompile(`^Protocol mismatch\.\n$|bad packet length`)
	for _, b := range build.All() {
		s := as(t, b)
		if _, reply := says(t, s, func(banner string) string { return banner + strings.Repeat("\n", 8) }); kippo.MatchString(reply) {
			t.Errorf("%s: its identification and 8 LF: %q", b.Name, reply)
		}
		for _, version := range []string{"1337", "1111"} {
			_, reply := says(t, s, func(string) string { return "SSH-" + version + "-OpenSSH_9.0\r\n" })
			if strings.Contains(reply, "bad version "+version) || strings.Contains(reply, "Protocol major versions differ.") {
				t.Errorf("%s: version %s: %q", b.Name, version, reply)
			}
		}
		// The identifications that kippo and cowrie are installed with.
		for _, theirs := range []string{"OpenSSH_5.1p1", "OpenSSH_6.0p1", "Twisted"} {
			if strings.Contains(b.Identification, theirs) {
				t.Errorf("%s says it is %s", b.Name, b.Identification)
			}
		}
	}
}

// Metasploit holds the key exchanges of KEXINIT against the version that the
// identification claims. Enterprise Linux' policy leaves sntrup761 out, so that
// it takes a real Fedora for a decoy as well.
func TestKeyExchangesFitTheVersion(t *testing.T) {
	since := []struct {
		version float64
		kex     string
	}{
		{6.5, "curve25519-sha256@libssh.org"}, {7.3, "diffie-hellman-group14-sha256"}, {7.3, "diffie-hellman-group16-sha512"}, {7.3, "diffie-hellman-group18-sha512"},
		{7.4, "curve25519-sha256"}, {8.9, "sntrup761x25519-sha512@openssh.com"}, {9.9, "mlkem768x25519-sha256"},
	}
	for _, b := range build.All() {
		if b.Product != build.OpenSSH {
			continue
		}
		_, text, _ := strings.Cut(b.Identification, "_")
		text, _, _ = strings.Cut(text, "p")
		version, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("%s: %v", b.Identification, err)
		}
		for _, s := range since {
			policy := strings.HasPrefix(b.Distro, "Fedora") && strings.HasPrefix(s.kex, "sntrup")
			if has := slices.Contains(b.KEX, s.kex); version >= s.version && has == policy {
				t.Errorf("%s: %s there: %t", b.Name, s.kex, has)
			}
		}
		if slices.Contains(b.KEX, "sntrup4591761x25519-sha512@tinyssh.org") {
			t.Errorf("%s has a key exchange that no OpenSSH has by default", b.Name)
		}
	}
}

// honeydetect calls a server that takes several random passwords a decoy.
func TestRandomPasswordsAreNotTaken(t *testing.T) {
	for _, policy := range []string{"users", "weak", "patient"} {
		s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: `{"users":{"root":"toor1234"},"policy":"` + policy + `","failure_delay":1}`})
		taken := 0
		for range 12 {
			if client, err := dial(t, s, "root", gossh.Password(rand.Text())); err == nil {
				taken++
				_ = client.Close()
			}
		}
		if taken > 1 {
			t.Errorf("policy %s: %d of 12 random passwords are taken", policy, taken)
		}
	}
}

// What cowrie_detect and its kin look for behind the login: the machine that
// cowrie is installed as.
func TestMachineIsNotCowries(t *testing.T) {
	client := mustDial(t, start(t))
	theirs := map[string][]string{
		"uname -a":          {"svr04", "3.2.0-4-amd64", "deb7u1"},
		"cat /etc/passwd":   {"phil:", "richard:"},
		"hostname":          {"svr04", "nas3"},
		"ifconfig":          {"102191499830", "68687923025"},
		"cat /proc/version": {"3.2.0-4-amd64", "4.6.3"},
		"cat /proc/cpuinfo": {"Intel(R) Core(TM)2 Duo CPU     E8200"},
		"ls /home":          {"phil", "richard"},
		"df":                {"rootfs"},
	}
	for command, words := range theirs {
		session, err := client.NewSession()
		if err != nil {
			t.Fatal(err) // detectors know cowrie by a closed channel
		}
		out, _ := session.CombinedOutput(command) // ifconfig may not be there
		for _, w := range words {
			if strings.Contains(string(out), w) {
				t.Errorf("%s says %s", command, w)
			}
		}
		if len(out) == 0 && command != "ls /home" {
			t.Errorf("%s says nothing", command)
		}
	}
}

// Two deckies share no host key, whatever their type.
func TestHostKeysAreTheirOwn(t *testing.T) {
	seen := map[string]string{}
	for i := range 3 {
		host := servicetest.Host()
		host.Key = fmt.Appendf(nil, "the key of the decky number %d, 32 b", i)
		s := servicetest.Start(t, ssh.New(), servicetest.Options{Host: host, Arguments: arguments})
		for _, kind := range []string{gossh.KeyAlgoED25519, gossh.KeyAlgoECDSA256, gossh.KeyAlgoRSASHA512} {
			_, _ = gossh.Dial("tcp", s.Addr(), &gossh.ClientConfig{
				User: "x", HostKeyAlgorithms: []string{kind}, Timeout: servicetest.Patience,
				HostKeyCallback: func(_ string, _ net.Addr, key gossh.PublicKey) error {
					print := gossh.FingerprintSHA256(key)
					if other := seen[print]; other != "" {
						t.Errorf("%s has the key of %s", kind, other)
					}
					seen[print] = kind
					return nil
				},
			}) // nobody logs in
		}
	}
	if len(seen) != 9 {
		t.Errorf("%d keys of 3 deckies", len(seen))
	}
}
