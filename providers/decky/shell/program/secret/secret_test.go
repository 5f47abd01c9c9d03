package secret_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

// What OpenSSL 3.0 answers.
func TestOpenssl(t *testing.T) {
	h := programtest.New(t, "root")
	for _, x := range []struct {
		line, stdout, stderr string
		status               int
	}{
		{"openssl passwd -1 -salt ab x", "$1$ab$e2KlfqG5YBMTjSz7XF.Eu1\n", "", 0},
		{"openssl passwd -5 -salt ab x", "$5$ab$5ydlOaPxAq0VpamGFK.BZgHF7HlR0erJsH.F7VB19f0\n", "", 0},
		{"openssl passwd -6 -salt ab x", "$6$ab$jnZj29NS/hK2GaouP6AGMIBwD6owZFRejcn9QRdlwSjZaVr.fR9dH2TXrKL/PaacUXwtGfI.4O9zxvy2k6fbE1\n", "", 0},
		{"openssl passwd -apr1 -salt ab x", "$apr1$ab$eIePjsejfBGR8ITtu2z0U1\n", "", 0},
		{"echo hi | openssl md5", "MD5(stdin)= 764efa883dda1e11db47671c4a3bbd9e\n", "", 0},
		{"echo hi > /tmp/f; openssl dgst -sha1 -r /tmp/f", "55ca6286e3e4f4fba5d0448333fa99fc5a404a73 */tmp/f\n", "", 0},
		{"echo aGkK | openssl base64 -d", "hi\n", "", 0},
		{"echo hi | openssl enc -base64", "aGkK\n", "", 0},
		{"openssl zz", "", "Invalid command 'zz'; type \"help\" for a list.\n", 1},
		{"openssl passwd -zz", "", "passwd: Unknown option: -zz\npasswd: Use -help for summary.\n", 1},
	} {
		stdout, stderr, status := h.Run(t, x.line, "")
		if stdout != x.stdout || stderr != x.stderr || status != x.status {
			t.Errorf("%s: %d %q %q", x.line, status, stdout, stderr)
		}
	}
	if stdout, _, _ := h.Run(t, "openssl rand -hex 8", ""); !regexp.MustCompile(`^[0-9a-f]{16}\n$`).MatchString(stdout) {
		t.Errorf("%q", stdout)
	}
	if stdout, _, _ := h.Run(t, "openssl version", ""); !regexp.MustCompile(`^OpenSSL 3\.0\.\d+ .* \(Library: OpenSSL 3\.0`).MatchString(stdout) {
		t.Errorf("%q", stdout)
	}
	if _, stderr, status := h.Run(t, "openssl s_client -connect 192.0.2.1:443", ""); status != 1 || !strings.HasSuffix(stderr, "connect:errno=111\n") {
		t.Errorf("%d %q", status, stderr)
	}
}

// ssh-keygen makes keys that fit together.
func TestKeygen(t *testing.T) {
	h := programtest.New(t, "root")
	for _, kind := range []string{"ed25519", "ecdsa", "rsa -b 2048"} {
		stdout, stderr, status := h.Run(t, "cd /tmp; rm -f k k.pub; ssh-keygen -t "+kind+" -N '' -f k", "")
		if status != 0 || stderr != "" || !strings.Contains(stdout, "Your identification has been saved in k\nYour public key has been saved in k.pub\nThe key fingerprint is:\nSHA256:") || !strings.HasSuffix(stdout, "+----[SHA256]-----+\n") {
			t.Errorf("%s: %d %q %q", kind, status, stdout, stderr)
		}
		list, _, _ := h.Run(t, "ssh-keygen -lf /tmp/k.pub", "")
		if fields := strings.Fields(list); len(fields) < 2 || !strings.Contains(stdout, fields[1]) {
			t.Errorf("%s: %q", kind, list)
		}
		public, _, _ := h.Run(t, "cat /tmp/k.pub", "")
		if again, _, _ := h.Run(t, "ssh-keygen -y -f /tmp/k", ""); again != public {
			t.Errorf("%q, want %q", again, public)
		}
		if mode, _, _ := h.Run(t, "stat -c %a /tmp/k", ""); mode != "600\n" {
			t.Errorf("mode %q", mode)
		}
	}
	if _, stderr, status := h.Run(t, "ssh-keygen -t zz", ""); status != 255 || stderr != "unknown key type zz\n" {
		t.Errorf("%d %q", status, stderr)
	}
	if stdout, _, status := h.Run(t, "ssh-keygen -t ed25519 -N '' -f /tmp/k", ""); status != 1 || !strings.HasSuffix(stdout, "/tmp/k already exists.\nOverwrite (y/n)? ") {
		t.Errorf("%d %q", status, stdout)
	}
}

// The picture of a key is the one that ssh-keygen 9.2p1 draws of it.
func TestArt(t *testing.T) {
	h := programtest.New(t, "root")
	stdout, _, _ := h.Run(t, "cat > /tmp/p; ssh-keygen -lvf /tmp/p", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHNG0qfWNdJVeeR0jK9ZxhG5rg5UWO3U1Hcn4UAufSzI root@srv\n")
	want := `256 SHA256:+w7goQmJxAs0H54NxrITgQXaJ6qWeyDPPoSe1lTgfSY root@srv (ED25519)
+--[ED25519 256]--+
|o*++             |
|=+=o=            |
|ooB++.           |
|o=.= E o         |
|oo+ . * S        |
|+.oo + o .       |
|+*= o . o        |
|.+=o     o       |
|.oo.     .o      |
+----[SHA256]-----+
`
	if stdout != want {
		t.Errorf("%s", stdout)
	}
}
