//go:build live

package ssh_test

import (
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky/services/ssh/build"
)

// nmap names product and version of every build, and its scripts print what
// they print of the real one: every algorithm of the row, the keys in the size
// that the package makes (RSA where "ssh-rsa" is offered, which alone the script
// asks for), the methods, and no SSH-1. Its ssh-hostkey waits a minute for a real
// Dropbear as well, and prints none of its keys.
func TestNmapScripts(t *testing.T) {
	if _, err := exec.LookPath("nmap"); err != nil {
		t.Fatal("no nmap on this machine: apt-get install nmap")
	}
	products := map[string]string{
		"centos-7": "OpenSSH 7.4 (protocol 2.0)", "ubuntu-20.04": "OpenSSH 8.2p1 Ubuntu 4ubuntu0.11 (Ubuntu Linux; protocol 2.0)", "debian-11": "OpenSSH 8.4p1 Debian 5+deb11u3 (protocol 2.0)",
		"rocky-9": "OpenSSH 8.7 (protocol 2.0)", "ubuntu-22.04": "OpenSSH 8.9p1 Ubuntu 3ubuntu0.10 (Ubuntu Linux; protocol 2.0)", "debian-12": "OpenSSH 9.2p1 Debian 2+deb12u10 (protocol 2.0)",
		"dropbear-2022.83": "Dropbear sshd 2022.83 (protocol 2.0)", "alpine-3.19": "OpenSSH 9.6 (protocol 2.0)", "fedora-40": "OpenSSH 9.6 (protocol 2.0)",
	}
	for name, product := range products {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := build.Named(name)
			_, port, _ := net.SplitHostPort(as(t, b).Addr())
			scripts := "default,ssh2-enum-algos,ssh-hostkey,ssh-auth-methods,sshv1"
			if b.Product == build.Dropbear {
				scripts = "ssh2-enum-algos,ssh-auth-methods,sshv1"
			}
			out, err := exec.Command("nmap", "-sV", "--script", scripts, "-Pn", "-n", "-p", port, "127.0.0.1").CombinedOutput()
			text := string(out)
			if err != nil || !strings.Contains(text, product) {
				t.Fatalf("%v\n%s", err, text)
			}
			want := []string{"Supported authentication methods:"}
			if b.Product == build.OpenSSH {
				want = append(want, "|   256 ", "(ECDSA)", "(ED25519)")
			}
			if slices.Contains(b.HostKeys, "ssh-rsa") && b.Product == build.OpenSSH {
				want = append(want, fmt.Sprintf("|   %d ", b.RSABits), "(RSA)")
			}
			for _, lists := range [][]string{b.KEX, b.HostKeys, b.Ciphers, b.MACs, b.Compression} {
				for _, algorithm := range lists {
					want = append(want, "|       "+algorithm+"\n")
				}
			}
			text = strings.ReplaceAll(text, "|_      ", "|       ")
			text = strings.ReplaceAll(text, "|_  256 ", "|   256 ")
			for _, w := range slices.Concat(want, b.Auth.Methods) {
				if !strings.Contains(text, w) {
					t.Errorf("%q is missing", w)
				}
			}
			if strings.Contains(text, "sshv1") || t.Failed() {
				t.Errorf("%s", text)
			}
		})
	}
}
