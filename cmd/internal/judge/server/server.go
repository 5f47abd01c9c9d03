// Package server starts what is judged and what it is judged by: the real
// servers of the machine, ours (the binary that runs inside deckies), and the
// plain ones of Go's libraries, which a set of probes must be able to tell from
// the real one. Every server has an address of the lab's to itself.
package server

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/decnet/decnet/cmd/internal/judge/lab"
)

// Running is a server that answers on Address until Stop.
type Running struct {
	Address string // IP and port
	Stop    func()
	// Output is the last of what the server wrote, for the diagnosis.
	Output func() string
}

// Kind is a way to start a server: a reference, ours, or a foreign one. Start
// may be called many times: every call starts another, with its own keys.
type Kind interface {
	// Start starts a server on ip, on the port that its protocol has.
	Start(ctx context.Context, l *lab.Lab, ip netip.Addr) (*Running, error)
}

// program is a server of the machine's that takes a configuration file.
type program struct {
	binary, remedy string // where it is, and the package that has it
	port           uint16
	// prepare writes the configuration into dir and returns the arguments.
	prepare func(ctx context.Context, l *lab.Lab, dir string, address netip.AddrPort) (args []string, err error)
}

// Start implements Kind.
func (p program) Start(ctx context.Context, l *lab.Lab, ip netip.Addr) (*Running, error) {
	binary, err := exec.LookPath(p.binary)
	if err != nil {
		return nil, fmt.Errorf("no %s on this machine: apt-get install %s", p.binary, p.remedy)
	}
	dir, err := l.Dir(filepath.Base(binary))
	if err != nil {
		return nil, err
	}
	address := netip.AddrPortFrom(ip, p.port)
	args, err := p.prepare(ctx, l, dir, address)
	if err != nil {
		return nil, fmt.Errorf("prepare %s: %w", p.binary, err)
	}
	process, err := l.Start(ctx, address.String(), binary, args...)
	if err != nil {
		return nil, err
	}
	return &Running{Address: address.String(), Stop: process.Stop, Output: process.Output}, nil
}

// write writes a file that every account may read.
func write(dir, name, format string, args ...any) error {
	if err := os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, format, args...), 0o644); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return nil
}

// listen opens a listener of this process's, for a foreign server.
func listen(ctx context.Context, ip netip.Addr, port uint16) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", netip.AddrPortFrom(ip, port).String())
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}
