// Package lab is the place where the judge's servers and its client meet: this
// program again, in network, mount, process, host name and IPC namespaces of its
// own, with addresses on the loopback of a network that leads nowhere, and with
// copies of /etc, /run, /home and /var/log that end with the run. It starts the
// servers' processes and ends them. It never falls back to running outside, and
// it needs root.
package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// variable marks the inner process.
const variable = "DECNET_JUDGE_LAB"

// Scratch is a directory of the lab's own, in memory.
const Scratch = "/run/judge"

// Account is the one who can log in, in the lab's own /etc only.
const (
	Account     = "alice"
	accountID   = "1000"
	accountHome = "/home/" + Account
)

// Inside tells whether this process is the one in the lab.
func Inside() bool { return os.Getenv(variable) != "" }

// Run runs this program in a new lab, with args and what is in env besides its
// own environment, and returns its exit code.
func Run(ctx context.Context, args, env []string) (int, error) {
	if os.Geteuid() != 0 {
		return 0, errors.New("the judge needs root: it makes namespaces (run it with sudo)")
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, os.Stdout, os.Stderr
	cmd.Env = append(append(os.Environ(), env...), variable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 0, fmt.Errorf("start the lab: %w", err)
	}
	return 0, nil
}

// Lab is the furnished place. It is safe for concurrent use.
type Lab struct {
	// Password is the account's, new in every run.
	Password   string
	authorized string

	mu   sync.Mutex
	next byte
}

// Enter furnishes the namespaces that Run made. hostname is the lab's name;
// authorized is the line of the account's authorized_keys.
func Enter(ctx context.Context, hostname, password, authorized string) (*Lab, error) {
	if !Inside() || os.Getpid() != 1 {
		return nil, errors.New("this process is not in a lab: Run starts it there")
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return nil, fmt.Errorf("mount /proc: %w", err)
	}
	for _, dir := range []string{"/run", "/home", "/var/log"} {
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
			return nil, fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	// Terminals of its own: who is on pts/0 here is nobody's business outside.
	if err := unix.Mount("devpts", "/dev/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"); err != nil {
		return nil, fmt.Errorf("mount /dev/pts: %w", err)
	}
	if err := unix.Mount("/dev/pts/ptmx", "/dev/ptmx", "", unix.MS_BIND, ""); err != nil {
		return nil, fmt.Errorf("cover /dev/ptmx: %w", err)
	}
	for _, dir := range []string{"/run/sshd", "/run/lock", Scratch, "/var/log/nginx", "/var/log/apache2"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("furnish the lab: %w", err)
		}
	}
	for _, file := range []string{"/run/utmp", "/var/log/wtmp", "/var/log/btmp", "/var/log/lastlog"} {
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			return nil, fmt.Errorf("furnish the lab: %w", err)
		}
	}
	l := &Lab{Password: password, authorized: authorized}
	if err := unix.Sethostname([]byte(hostname)); err != nil {
		return nil, fmt.Errorf("name the lab: %w", err)
	}
	if err := command(ctx, "", "ip", "link", "set", "lo", "up"); err != nil {
		return nil, err
	}
	return l, l.account(ctx, hostname)
}

// account covers /etc with a copy and makes the account in it.
func (l *Lab) account(ctx context.Context, hostname string) error {
	etc := filepath.Join(Scratch, "etc")
	if err := command(ctx, "", "cp", "-a", "/etc", etc); err != nil {
		return err
	}
	if err := unix.Mount(etc, "/etc", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("cover /etc: %w", err)
	}
	if err := os.WriteFile("/etc/hostname", []byte(hostname+"\n"), 0o644); err != nil {
		return fmt.Errorf("name the lab: %w", err)
	}
	if err := os.WriteFile("/etc/hosts", fmt.Appendf(nil, "127.0.0.1 localhost\n127.0.1.1 %s\n", hostname), 0o644); err != nil {
		return fmt.Errorf("name the lab: %w", err)
	}
	if err := forget(); err != nil {
		return err
	}
	if err := command(ctx, "", "useradd", "-m", "-u", accountID, "-s", "/bin/bash", "-d", accountHome, Account); err != nil {
		return err
	}
	if err := command(ctx, Account+":"+l.Password+"\n", "chpasswd"); err != nil {
		return err
	}
	return command(ctx, l.authorized+"\n", "install", "-D", "-o", Account, "-m", "600", "/dev/stdin", accountHome+"/.ssh/authorized_keys")
}

// Address is a new address of the lab's, alone on its loopback. They are of the
// range that RFC 2544 keeps for laboratories, and all of one length as text, so
// that answers with them in are of one length.
func (l *Lab) Address(ctx context.Context) (netip.Addr, error) {
	l.mu.Lock()
	l.next++
	last := 100 + l.next
	l.mu.Unlock()
	if last > 250 {
		return netip.Addr{}, errors.New("the lab has no more addresses")
	}
	address := netip.AddrFrom4([4]byte{198, 18, 0, last})
	return address, command(ctx, "", "ip", "address", "add", address.String()+"/32", "dev", "lo")
}

// Dir is a new directory below Scratch that every account may look into.
func (l *Lab) Dir(name string) (string, error) {
	dir, err := os.MkdirTemp(Scratch, name+"-")
	if err != nil {
		return "", fmt.Errorf("make a directory: %w", err)
	}
	return dir, os.Chmod(dir, 0o755)
}

// command runs a program of the machine's to its end.
func command(ctx context.Context, stdin, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// forget removes the people of the machine from the lab's copy of its accounts:
// whoever has a number of firstPerson or more, but nobody.
func forget() error {
	const firstPerson, nobody = 1000, 65534
	gone := map[string]bool{}
	for _, file := range []string{"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid"} {
		data, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read the lab's accounts: %w", err)
		}
		var kept []string
		for line := range strings.Lines(string(data)) {
			fields := strings.Split(line, ":")
			if file == "/etc/passwd" || file == "/etc/group" {
				id, err := strconv.Atoi(fields[min(2, len(fields)-1)])
				if err == nil && id >= firstPerson && id != nobody {
					gone[fields[0]] = true
				}
			}
			if !gone[fields[0]] && fields[0] != Account {
				kept = append(kept, line)
			}
		}
		if err := os.WriteFile(file, []byte(strings.Join(kept, "")), 0o600); err != nil {
			return fmt.Errorf("write the lab's accounts: %w", err)
		}
	}
	return nil
}
