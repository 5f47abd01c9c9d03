package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky/egress"
	"github.com/decnet/decnet/providers/decky/jail"
)

// nobody is the uid and gid of a holder once its rules stand.
const nobody = 65534

// hold closes the way out of its network namespace, gives up everything and
// keeps the namespace alive until ctx ends. Without the rules it does not hold:
// a decky that could speak first must not stand.
func hold(ctx context.Context, log *slog.Logger) error {
	if err := egress.Apply(egress.Rules{}); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		if err := becomeNobody(); err != nil {
			return err
		}
	}
	if err := jail.Harden(); err != nil {
		return err
	}
	log.Info("holding")
	<-ctx.Done()
	return nil
}

// becomeNobody empties the bounding set first: afterwards nothing may.
func becomeNobody() error {
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		_, _, errno := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0)
		if errno != 0 && errno != unix.EINVAL { // EINVAL: a kernel that lacks it
			return fmt.Errorf("drop capability %d from the bounding set: %w", c, errno)
		}
	}
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("give up groups: %w", err)
	}
	if err := syscall.Setresgid(nobody, nobody, nobody); err != nil {
		return fmt.Errorf("become gid %d: %w", nobody, err)
	}
	if err := syscall.Setresuid(nobody, nobody, nobody); err != nil {
		return fmt.Errorf("become uid %d: %w", nobody, err)
	}
	return nil
}
