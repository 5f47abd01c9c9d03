package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link/namespace"
)

// A decky is cut off by packet filters of its namespace, not by its link:
// taking that away would end its services, which are to be kept as they are.
// The rules go with the namespace, so the engine is told not to start the
// container again by itself. Where somebody does, a mark on disk remembers that
// the decky is cut off: the next look finds it open, and the next Quarantine cuts
// it again.

// Quarantine drops every packet to and from the base container; what is
// connected within it stays so. A base container that does not run is cut off
// by that, until it is started.
func (h *deckies) Quarantine(ctx context.Context, _ providers.Owner, have DeckyState) (DeckyState, error) {
	now, err := h.Read(ctx, have)
	if err != nil {
		return have, err
	}
	mark := h.mark(now.Lineage, now.Config.Name)
	if err := os.MkdirAll(filepath.Dir(mark), 0o700); err != nil {
		return now, fmt.Errorf("quarantine %s: %w", now.Address, err)
	}
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		return now, fmt.Errorf("quarantine %s: %w", now.Address, err)
	}
	if err := h.abandon(ctx, now.ID, now.Config.Name); err != nil {
		return now, err
	}
	pids, err := h.world.processes()
	if err != nil {
		return now, err
	}
	if pid := pids[now.ID]; pid != 0 {
		if err := h.world.cut(pid); err != nil && !gone(err) {
			return now, fmt.Errorf("quarantine %s: %w", now.Address, err)
		}
	}
	return h.Read(ctx, now)
}

// abandon tells the engine not to start a container again by itself: neither
// when it ends, nor when the engine itself is started.
func (h *deckies) abandon(ctx context.Context, id, name string) error {
	c, err := h.engine.client(ctx)
	if err != nil {
		return err
	}
	_, err = c.ContainerUpdate(ctx, id, container.UpdateConfig{RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyDisabled}})
	h.settings.forget(id)
	if errdefs.IsNotFound(err) {
		return nil
	}
	return h.engine.explain("quarantine container "+name, err)
}

// Quarantined tells whether the decky is cut off.
func (h *deckies) Quarantined(have DeckyState) bool { return have.Cut }

// mark is the file that says that a decky is to be cut off.
func (p *provider) mark(lineage, name string) string {
	return filepath.Join(p.env.DataDir, lineage, "quarantine", name)
}

func (p *provider) marked(lineage, name string) bool {
	_, err := os.Lstat(p.mark(lineage, name))
	return err == nil
}

// unmark forgets that a decky was cut off.
func (p *provider) unmark(lineage, name string) error {
	mark := p.mark(lineage, name)
	if err := os.Remove(mark); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("end a quarantine: %w", err)
	}
	_ = os.Remove(filepath.Dir(mark)) // goes with the last; what is not empty stays
	return nil
}

// cut drops every packet of a process's namespace but those to itself.
func (kernel) cut(pid int) error {
	return needsRoot(namespace.Do(netnsPath(pid), func() error {
		if whole, err := barred(); err != nil || whole {
			return err
		}
		return bar()
	}))
}

func (kernel) severed(pid int) (whole bool, err error) {
	err = namespace.Do(netnsPath(pid), func() error {
		whole, err = barred()
		return err
	})
	if gone(err) {
		return true, nil // nothing passes any more
	}
	return whole, needsRoot(err)
}

// Names as an administrator would choose them: they can be read inside.
const (
	cutTable   = "filter"
	cutInput   = "input"
	cutOutput  = "output"
	cutForward = "forward"
)

// barrier is one chain that drops.
type barrier struct {
	family nftables.TableFamily
	chain  string
	hook   *nftables.ChainHook
	// key is the interface that loopback is told by; 0 where there is none.
	key expr.MetaKey
}

// barriers are all of them: of IPv4 and IPv6, and of ARP, whose hooks have the
// numbers of the first two (NF_ARP_IN and NF_ARP_OUT, linux/netfilter_arp.h).
// Nothing else can be sent without a privilege that no decky has.
func barriers() []barrier {
	return []barrier{
		{nftables.TableFamilyINet, cutInput, nftables.ChainHookInput, expr.MetaKeyIIFNAME},
		{nftables.TableFamilyINet, cutOutput, nftables.ChainHookOutput, expr.MetaKeyOIFNAME},
		{nftables.TableFamilyINet, cutForward, nftables.ChainHookForward, 0},
		{nftables.TableFamilyARP, cutInput, nftables.ChainHookRef(0), 0},
		{nftables.TableFamilyARP, cutOutput, nftables.ChainHookRef(1), 0},
	}
}

// bar puts the barriers up in the calling thread's namespace, in one
// transaction.
func bar() error {
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return fmt.Errorf("cut a namespace off: %w", err)
	}
	defer conn.CloseLasting()
	for _, family := range []nftables.TableFamily{nftables.TableFamilyINet, nftables.TableFamilyARP} {
		table := &nftables.Table{Name: cutTable, Family: family}
		conn.AddTable(table) // so that deleting it never fails
		conn.DelTable(table)
		conn.AddTable(table)
	}
	drop := nftables.ChainPolicyDrop
	for _, b := range barriers() {
		table := &nftables.Table{Name: cutTable, Family: b.family}
		chain := conn.AddChain(&nftables.Chain{
			Name: b.chain, Table: table, Type: nftables.ChainTypeFilter, Hooknum: b.hook, Priority: nftables.ChainPriorityRaw, Policy: &drop,
		})
		if b.key == 0 {
			continue
		}
		loopback := make([]byte, unix.IFNAMSIZ)
		copy(loopback, "lo")
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
			&expr.Meta{Key: b.key, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: loopback},
			&expr.Verdict{Kind: expr.VerdictAccept},
		}})
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("cut a namespace off: %w", err)
	}
	return nil
}

// barred tells whether every barrier of the calling thread's namespace stands
// as it was put up.
func barred() (bool, error) {
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return false, fmt.Errorf("read packet filters: %w", err)
	}
	defer conn.CloseLasting()
	chains, err := conn.ListChains()
	if err != nil {
		return false, fmt.Errorf("read packet filters: %w", err)
	}
	for _, b := range barriers() {
		i := slices.IndexFunc(chains, func(c *nftables.Chain) bool {
			return c.Table.Family == b.family && c.Table.Name == cutTable && c.Name == b.chain
		})
		if i < 0 {
			return false, nil
		}
		c := chains[i]
		if c.Policy == nil || *c.Policy != nftables.ChainPolicyDrop || c.Hooknum == nil || *c.Hooknum != *b.hook {
			return false, nil
		}
		rules, err := conn.GetRules(c.Table, c)
		if err != nil {
			return false, fmt.Errorf("read packet filters: %w", err)
		}
		allowed := 0
		if b.key != 0 {
			allowed = 1
		}
		if len(rules) != allowed {
			return false, nil
		}
	}
	return true, nil
}
