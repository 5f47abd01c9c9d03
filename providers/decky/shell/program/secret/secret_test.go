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
