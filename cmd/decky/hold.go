package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"syscall"

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

func becomeNobody() error {
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
