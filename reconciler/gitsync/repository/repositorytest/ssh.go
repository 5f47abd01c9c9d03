package repositorytest

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
)

// SSH is a repository behind the real sshd.
type SSH struct {
	URL        string
	Key        string // the file of a key that may log in
	KnownHosts string // the file with the key of the host
	Other      string // the file of a key that may not
}

// SSH serves it with sshd.
func (o *Origin) SSH() SSH {
	o.t.Helper()
	dir := o.t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"host", "key", "other"} {
		o.Keygen(at(name), "-t", "ed25519", "-N", "")
	}
	me, err := user.Current()
	if err != nil {
		o.t.Fatal(err)
	}
	port := freePort(o.t)
	o.File(at("authorized"), 0o600, o.read(at("key.pub")))
	o.File(at("known_hosts"), 0o600, "[127.0.0.1]:"+port+" "+o.read(at("host.pub")))
	o.File(at("sshd_config"), 0o600, strings.Join([]string{
		"ListenAddress 127.0.0.1:" + port, "HostKey " + at("host"), "AuthorizedKeysFile " + at("authorized"), "PidFile none",
		"StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes",
		"AllowTcpForwarding no", "X11Forwarding no", "PermitUserEnvironment no", "",
	}, "\n"))
	// sshd changes into a directory of its own that Debian makes at its start.
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		o.t.Fatal(err)
	}
	o.background("/usr/sbin/sshd", "-D", "-e", "-f", at("sshd_config"))
	waitFor(o.t, port)
	return SSH{URL: "ssh://" + me.Username + "@127.0.0.1:" + port + o.Dir, Key: at("key"), KnownHosts: at("known_hosts"), Other: at("other")}
}

// Keygen makes a key with ssh-keygen; the public one lies beside it.
func (o *Origin) Keygen(name string, args ...string) {
	o.t.Helper()
	out, err := exec.Command("ssh-keygen", append([]string{"-q", "-C", "test", "-f", name}, args...)...).CombinedOutput()
	if err != nil {
		o.t.Fatalf("ssh-keygen is the judge here: apt-get install openssh-client (%v: %s)", err, out)
	}
}

func (o *Origin) read(name string) string {
	o.t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		o.t.Fatal(err)
	}
	return string(raw)
}
