package server

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"

	"github.com/decnet/decnet/cmd/internal/judge/lab"
)

// Dropbear is Debian's dropbear with three host keys, as its package makes them.
func Dropbear() Kind {
	return program{binary: "/usr/sbin/dropbear", remedy: "dropbear-bin", port: 22, prepare: func(ctx context.Context, _ *lab.Lab, dir string, address netip.AddrPort) ([]string, error) {
		args := []string{"-F", "-E", "-p", address.String(), "-P", filepath.Join(dir, "pid")}
		for _, kind := range []string{"rsa", "ecdsa", "ed25519"} {
			key := filepath.Join(dir, kind)
			if out, err := exec.CommandContext(ctx, "dropbearkey", "-t", kind, "-f", key).CombinedOutput(); err != nil {
				return nil, fmt.Errorf("dropbearkey: %w: %s", err, out)
			}
			args = append(args, "-r", key)
		}
		return args, nil
	}}
}
