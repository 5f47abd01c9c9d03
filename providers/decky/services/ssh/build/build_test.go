package build_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky/services/ssh/build"
)

func TestDebianHASSH(t *testing.T) {
	if got, want := build.Named("debian-12").HASSH(), "425d29fe50d8e4f5e37efb6e24bcf660"; got != want {
		t.Errorf("HASSH %s, the real server's is %s", got, want)
	}
}

func TestNamed(t *testing.T) {
	if b := build.Named("no such row"); b != nil {
		t.Errorf("unknown name gives %s", b.Name)
	}
	for _, b := range build.All() {
		if build.Named(b.Name) != b {
			t.Errorf("%s is not found by its name", b.Name)
		}
	}
}

func TestFor(t *testing.T) {
	for software, want := range map[string]string{
		"OpenSSH_9.2p1 Debian-2+deb12u7": "debian-12", "OpenSSH_9.2p1": "debian-12", "OpenSSH_9.9": "arch", "OpenSSH_9.9p1 Debian-3": "kali",
		"OpenSSH_8.9p1 Ubuntu-3ubuntu0.99": "ubuntu-22.04", "dropbear_2022.83": "dropbear-2022.83", "dropbear_2019.78": "dropbear-2022.83",
		"OpenSSH_7.9p1 Debian-10": "", "OpenSSH": "", "": "",
	} {
		b := build.For(software)
		switch {
		case b == nil && want != "", b != nil && b.Name != want:
			t.Errorf("%q is %v, want %q", software, b, want)
		case b != nil && b.Identification != "SSH-2.0-"+software:
			t.Errorf("%q identifies itself as %q", software, b.Identification)
		}
	}
}

// What every row must have, whoever adds one.
func TestRows(t *testing.T) {
	for _, b := range build.All() {
		t.Run(b.Name, func(t *testing.T) {
			lists := map[string][]string{"KEX": b.KEX, "HostKeys": b.HostKeys, "Ciphers": b.Ciphers, "MACs": b.MACs, "Compression": b.Compression, "KeyTypes": b.KeyTypes, "Methods": b.Auth.Methods}
			for name, list := range lists {
				if len(list) == 0 || slices.Contains(list, "") {
					t.Errorf("%s is empty or has an empty name", name)
				}
				sorted := slices.Sorted(slices.Values(list))
				if len(slices.Compact(sorted)) != len(list) {
					t.Errorf("%s has a name twice: %v", name, list)
				}
			}
			if !strings.HasPrefix(b.Identification, "SSH-2.0-") || !strings.HasSuffix(b.LineEnd, "\n") {
				t.Errorf("identification %q, line end %q", b.Identification, b.LineEnd)
			}
			if b.Source == "" {
				t.Error("no source")
			}
			if b.Strict != slices.Contains(b.KEX, "kex-strict-s-v00@openssh.com") {
				t.Error("Strict and the list of methods differ")
			}
			if b.Auth.MaxTries == 0 || b.Auth.GraceTime == 0 || b.Auth.FailureDelay[0] == 0 || b.Auth.FailureDelay[1] < b.Auth.FailureDelay[0] {
				t.Errorf("logins: %+v", b.Auth)
			}
			if b.Ping != slices.Contains(b.Extensions, build.Extension{Name: "ping@openssh.com", Value: "0"}) {
				t.Error("Ping and Extensions differ")
			}
			if len(b.HASSH()) != 32 {
				t.Errorf("HASSH %q", b.HASSH())
			}
		})
	}
}
