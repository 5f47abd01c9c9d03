package shell

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How long a name and a host that does not answer keep bash waiting.
const (
	dialResolving = 5 * time.Second
	dialUnheard   = 130 * time.Second // what tcp_syn_retries 6 come to
)

// dial records a target of /dev/tcp or /dev/udp and answers as the network of
// the host does: what listens on it is there, another of its ports refuses, and
// nobody outside is heard of.
func (r *runner) dial(path string, io Streams) error {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) < 4 {
		return syscall.ENOENT
	}
	name, port := parts[2], parts[3]
	r.wanted("connect", name+":"+port)
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		io.Err.Print(r.prefix() + port + ": Servname not supported for ai_socktype\n")
		return syscall.EINVAL
	}
	m := r.session.machine
	if name == "localhost" || name == m.Host.Hostname {
		name = "127.0.0.1"
	}
	to, err := netip.ParseAddr(name)
	switch {
	case err != nil && !r.proc.sleep(r.ctx, dialResolving):
		return syscall.EINTR
	case err != nil:
		io.Err.Print(r.prefix() + name + ": Temporary failure in name resolution\n")
		return syscall.EINVAL
	case parts[1] == "udp":
		return nil
	}
	err = syscall.ETIMEDOUT
	if to.IsLoopback() || to.IsUnspecified() || name == m.IP() {
		err = syscall.ECONNREFUSED
		for _, l := range m.Listening() {
			if l.Port == int(number) && l.Transport == "tcp" {
				return nil
			}
		}
	} else if !r.proc.sleep(r.ctx, dialUnheard) {
		return syscall.EINTR
	}
	text := map[error]string{syscall.ETIMEDOUT: "Connection timed out", syscall.ECONNREFUSED: "Connection refused"}[err]
	shell, _, _ := strings.Cut(r.prefix(), ":")
	io.Err.Print(shell + ": connect: " + text + "\n")
	return errors.Join(err)
}
