package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
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

// BusyboxTelnetd is busybox' telnetd with busybox' login, as firmwares start
// them. Its login knows no yescrypt: probes log in as nobody that exists.
func BusyboxTelnetd() Kind {
	return program{binary: "busybox", remedy: "busybox-static", port: 23, prepare: func(_ context.Context, _ *lab.Lab, dir string, address netip.AddrPort) ([]string, error) {
		login := filepath.Join(dir, "login")
		if err := write(dir, "login", "#!/bin/sh\nexec busybox login\n"); err != nil {
			return nil, err
		}
		if err := os.Chmod(login, 0o755); err != nil {
			return nil, fmt.Errorf("write configuration: %w", err)
		}
		return []string{"telnetd", "-F", "-b", address.Addr().String(), "-p", "23", "-l", login}, nil
	}}
}

// PlainTelnet is a telnet server of a few lines: what a decoy that was not made
// with care is. It takes the first answer to its prompts for a wrong login.
type PlainTelnet struct{ Hostname string }

// Start implements Kind.
func (p PlainTelnet) Start(ctx context.Context, _ *lab.Lab, ip netip.Addr) (*Running, error) {
	listener, err := listen(ctx, ip, 23)
	if err != nil {
		return nil, err
	}
	accepting := &acceptor{listener: listener, conns: map[net.Conn]bool{}}
	accepting.wait.Go(func() { accepting.accept(p.serve) })
	return &Running{Address: listener.Addr().String(), Stop: accepting.stop, Output: func() string { return "" }}, nil
}

func (p PlainTelnet) serve(c net.Conn) {
	in := bufio.NewReader(c)
	_, _ = io.WriteString(c, "\xff\xfd\x1f\r\n") // the client may be gone
	for {
		for _, prompt := range []string{p.Hostname + " login: ", "Password: "} {
			if _, err := io.WriteString(c, prompt); err != nil {
				return
			}
			if _, err := in.ReadString('\n'); err != nil {
				return
			}
		}
		_, _ = io.WriteString(c, "Login incorrect\r\n")
	}
}
