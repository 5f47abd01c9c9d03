package server

import (
	"context"
	"net/netip"
	"path/filepath"

	"github.com/decnet/decnet/cmd/internal/judge/lab"
)

// Telnetd is Debian's telnetd (inetutils) under inetd, as its package sets it
// up.
func Telnetd() Kind {
	return program{binary: "/usr/sbin/inetutils-inetd", remedy: "inetutils-inetd inetutils-telnetd", port: 23, prepare: func(_ context.Context, _ *lab.Lab, dir string, address netip.AddrPort) ([]string, error) {
		// inetutils' inetd takes ADDRESS:SERVICE; Debian's line runs telnetd as root.
		err := write(dir, "inetd.conf", "%s:%d stream tcp nowait root /usr/sbin/telnetd telnetd\n", address.Addr(), address.Port())
		return []string{"--debug", "--pidfile=" + filepath.Join(dir, "pid"), filepath.Join(dir, "inetd.conf")}, err
	}}
}

// BusyboxTelnetd is busybox' telnetd with busybox' login, as firmwares start it.
func BusyboxTelnetd() Kind {
	return program{binary: "busybox", remedy: "busybox-static", port: 23, prepare: func(_ context.Context, _ *lab.Lab, dir string, address netip.AddrPort) ([]string, error) {
		return []string{"telnetd", "-F", "-b", address.Addr().String(), "-p", "23", "-l", "/bin/login"}, nil
	}}
}
