package server

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"

	"github.com/decnet/decnet/cmd/internal/judge/lab"
)

// SSHD is Debian's sshd with Debian's configuration, and with more lines of it
// in front, such as "LoginGraceTime 5".
func SSHD(more ...string) Kind {
	return program{binary: "/usr/sbin/sshd", remedy: "openssh-server", port: 22, prepare: func(ctx context.Context, _ *lab.Lab, dir string, address netip.AddrPort) ([]string, error) {
		config := ""
		for _, line := range more {
			config += line + "\n"
		}
		config += fmt.Sprintf("ListenAddress %s\nPidFile %s/pid\n", address, dir)
		for _, kind := range []string{"rsa", "ecdsa", "ed25519"} {
			key := filepath.Join(dir, kind)
			args := []string{"-q", "-t", kind, "-N", "", "-C", "", "-f", key}
			if out, err := exec.CommandContext(ctx, "ssh-keygen", args...).CombinedOutput(); err != nil {
				return nil, fmt.Errorf("ssh-keygen: %w: %s", err, out)
			}
			config += "HostKey " + key + "\n"
		}
		// What Debian's own file sets.
		config += "KbdInteractiveAuthentication no\nUsePAM yes\nX11Forwarding yes\nPrintMotd no\nAcceptEnv LANG LC_*\nSubsystem sftp /usr/lib/openssh/sftp-server\n"
		if err := write(dir, "sshd_config", "%s", config); err != nil {
			return nil, err
		}
		return []string{"-D", "-e", "-f", filepath.Join(dir, "sshd_config")}, nil
	}}
}
