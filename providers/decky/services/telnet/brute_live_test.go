//go:build live

package telnet_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/services/telnet"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
)

// guessers are the programs that guess passwords, as they are called for a host
// and a port, and what they say of the right one. hydra and medusa are not among
// them: see TestWhoFailsAtTheRealServer.
var guessers = []struct {
	name, pkg string
	args      func(host, port, users, passwords string) []string
	found     string
}{
	{"ncrack", "ncrack", func(host, port, users, passwords string) []string {
		return []string{"-U", users, "-P", passwords, "telnet://" + host + ":" + port}
	}, "'vic' 'secret7'"},
	{"nmap", "nmap", func(host, port, users, passwords string) []string {
		return []string{"-n", "-Pn", "-p", port, "--script", "+telnet-brute", "--script-args", "userdb=" + users + ",passdb=" + passwords + ",telnet-brute.timeout=8s", host}
	}, "vic:secret7 - Valid credentials"},
}

// lists writes what guessers try.
func lists(t *testing.T) (users, passwords string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"users": "vic\n", "passwords": "wrong\nbad1\nsecret7\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "users"), filepath.Join(dir, "passwords")
}

// TestGuessersFindThePassword lets brute force succeed against every face.
func TestGuessersFindThePassword(t *testing.T) {
	users, passwords := lists(t)
	for _, face := range []string{"inetutils", "netkit", "busybox"} {
		for _, g := range guessers {
			if g.name == "ncrack" && face == "netkit" {
				continue // it waits for more where banner and prompt come together
			}
			t.Run(g.name+" at "+face, func(t *testing.T) {
				t.Parallel()
				program := need(t, g.name, g.pkg)
				s := servicetest.Start(t, telnet.New(), servicetest.Options{Arguments: `{"server":"` + face + `","users":{"vic":"secret7"}}`})
				host, port, _ := net.SplitHostPort(s.Addr())
				ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
				defer cancel()
				out, err := exec.CommandContext(ctx, program, g.args(host, port, users, passwords)...).CombinedOutput()
				if !strings.Contains(string(out), g.found) {
					t.Errorf("%v\n%s", err, out)
				}
				tried := map[string]bool{}
				for _, a := range servicetest.Of[*event.AuthAttempt](s) {
					if a.Username == "vic" {
						tried[string(a.Secret)] = true
					}
				}
				if !tried["wrong"] || !tried["secret7"] {
					t.Errorf("on record are %v", tried)
				}
			})
		}
	}
}

// control is a real telnetd with an account of its own in namespaces that end
// with it: its only link is lo, and its /etc/passwd its own.
const control = `set -e
mount --make-rprivate /
ip link set lo up
cd "$1"
cp /etc/passwd p; cp /etc/shadow s; chmod 600 s
echo 'vic:x:4242:4242:vic:/tmp:/bin/bash' >>p
echo "vic:$(openssl passwd -6 secret7):19000:0:99999:7:::" >>s
mount --bind p /etc/passwd; mount --bind s /etc/shadow
echo "telnet stream tcp nowait root $2 telnetd" >inetd.conf
"$3" -d "$1/inetd.conf" >/dev/null 2>&1 &
inetd=$!
sleep 1
timeout 60 ncrack -U users -P passwords telnet://127.0.0.1:23 || true
timeout 20 hydra -I -l vic -P passwords -t 1 -f telnet://127.0.0.1 || true
timeout 20 medusa -h 127.0.0.1 -U users -P passwords -M telnet -t 1 || true
kill $inetd
`

// TestWhoFailsAtTheRealServer shows why hydra and medusa are no judges: they find
// nothing at Debian's own telnetd either, where another finds the password.
func TestWhoFailsAtTheRealServer(t *testing.T) {
	need(t, "hydra", "hydra")
	need(t, "medusa", "medusa")
	need(t, "ncrack", "ncrack")
	users, _ := lists(t)
	out, err := exec.CommandContext(t.Context(), "unshare", "-n", "-m", "sh", "-c", control, "sh", filepath.Dir(users),
		need(t, "telnetd", "inetutils-telnetd"), need(t, "inetutils-inetd", "inetutils-inetd")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "'vic' 'secret7'") {
		t.Fatalf("ncrack does not find the password: %v\n%s", err, out)
	}
	for name, found := range map[string]string{"hydra": "login: vic", "medusa": "ACCOUNT FOUND"} {
		if strings.Contains(string(out), found) {
			t.Errorf("%s finds the password at a real server: make it a judge of ours\n%s", name, out)
		}
	}
}
